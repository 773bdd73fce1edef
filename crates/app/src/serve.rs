//! `serve`: studies in a file of this machine for workers on others, and their pages for browsers.

use std::process::ExitCode;

use anyhow::Result;

use crate::args::ServeArgs;

/// Serves the file that the arguments name, until a signal ends it.
#[cfg(not(feature = "http"))]
pub fn serve(_: &ServeArgs) -> Result<ExitCode> {
    anyhow::bail!(
        "this program was built without `serve`: `cargo xtask serve …` builds it in, as does `--features http`"
    )
}

#[cfg(feature = "http")]
pub use served::serve;

#[cfg(feature = "http")]
mod pages;

#[cfg(feature = "http")]
mod served {
    use anyhow::bail;
    use burn_tune_storage::StorageUrl;
    use burn_tune_storage::http::server::is_shared_by_machines;
    use burn_tune_storage::http::{Server, ServerOptions, Tls};

    use super::pages::StudyPages;
    use super::{ExitCode, Result, ServeArgs};
    use crate::about::program_name;
    use crate::args::Encryption;
    use crate::console::{quoted, say};
    use crate::errors::failure;
    use crate::signals;

    pub fn serve(args: &ServeArgs) -> Result<ExitCode> {
        let given = &args.database.storage;
        let StorageUrl::Sqlite(path) = given.parse().map_err(failure)? else {
            bail!(
                "what is served is a file of SQLite: a server is reached by its own address; name the file with --storage"
            )
        };
        let mut options = ServerOptions::new(args.listen);
        options.token_file.clone_from(&args.token_file);
        match (args.tls, &args.tls_cert, &args.tls_key) {
            (_, Some(certificates), Some(key)) => {
                options.tls = Tls::Files { certificates: certificates.clone(), key: key.clone() };
            }
            (Some(Encryption::On), ..) => options.tls = Tls::SelfMade,
            (Some(Encryption::Off), ..) => options.tls = Tls::Off,
            (None, ..) => {}
        }
        let is_open = options.tls == Tls::Off && !args.listen.ip().is_loopback();
        let (stop, _signals) = signals::listen()?;
        let server = Server::start(&path, options).map_err(failure)?;
        if is_open {
            say(
                "warning: nothing is encrypted: everybody on the way can read the token and the studies",
            );
        }
        if is_shared_by_machines(&path) {
            say(&format!(
                "warning: {} lies on a disk that other machines have, too: it is slow there, and a program on another machine that opens it destroys it; a disk of this machine alone, such as /var/tmp, is better",
                path.display()
            ));
        }
        let url = server.url();
        say(&format!("serves {} at {url}", path.display()));
        say(&format!("the token is in {}", server.token_file().display()));
        say(&format!(
            "for workers: {} worker --study NAME --storage {}",
            program_name(),
            quoted(&url)
        ));
        say("in a browser, the same address shows the studies");
        server.run(StudyPages::of(&path), &stop);
        say("ended");
        Ok(ExitCode::SUCCESS)
    }
}

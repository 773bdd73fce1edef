//! The arguments of `serve`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::studies::StorageArgs;

pub const SERVE_EXAMPLES: &str = "Examples:
  burn-tune serve
      results/studies.db for this machine alone, at http://127.0.0.1:8740
  burn-tune serve --storage /var/tmp/studies.db --listen 0.0.0.0
      for other machines, encrypted, which say --storage https://login1:8740
  burn-tune serve --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem
      with a certificate of an authority, which browsers know, too

Whoever connects needs the token. The server makes it, in ~/.config/burn-tune/token, where those who run
on a machine that shares your home find it, too; elsewhere, copy the file, or put its line into
BURN_TUNE_TOKEN. In a browser, the same address shows the studies. The file has to be on a disk of this
machine, and not on one that machines share.

Exit codes: 0 ended by Ctrl-C or SIGTERM; 1 the work failed; 2 the input is wrong, such as that another
server has the file.";

/// The port, where none is named.
const PORT: u16 = 8740;

/// How a file of studies is served.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub database: StorageArgs,
    /// Where to listen: 0.0.0.0 is reached from other machines, encrypted
    #[arg(long, value_name = "IP[:PORT]", default_value = "127.0.0.1:8740", value_parser = listen)]
    pub listen: SocketAddr,
    /// The file with the token, which is made if it is not there [default: ~/.config/burn-tune/token]
    #[arg(long, value_name = "FILE", env = "BURN_TUNE_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// Whether to encrypt [default: on, but for a server that only this machine reaches]
    #[arg(long, value_name = "WHETHER", value_enum, conflicts_with = "tls_cert")]
    pub tls: Option<Encryption>,
    /// A certificate in PEM, instead of the one that the server makes and its token knows
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its key, which you alone may read
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

/// Whether to encrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Encryption {
    /// By a certificate that the server makes, and its token knows.
    On,
    /// Everybody on the way can read the token and the studies.
    Off,
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Ok(ip) = text.parse() {
        return Ok(SocketAddr::new(ip, PORT));
    }
    match text.strip_prefix("localhost:").unwrap_or(text).parse() {
        Ok(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        Err(_) => Err("write an address and a port, such as 127.0.0.1:8740 or 0.0.0.0:8740".into()),
    }
}

//! Fresh databases for tests: a file of SQLite, the same behind a server of ours, a database on a PostgreSQL that the
//! tests start.
//!
//! A test of all is a function of a [`TestDatabase`], named in [`on_every_database`].

use std::time::Duration;

use burn_tune_search::Stop;
use burn_tune_storage::database::Access;
use burn_tune_storage::{OpenMode, RetryPolicy, Storage, StorageError, StorageUrl};
use tempfile::TempDir;

/// A database that nothing has been done with yet.
pub struct TestDatabase {
    pub url: StorageUrl,
    /// Comes before the folder, whose file it serves.
    #[cfg(feature = "http")]
    pub server: Option<served::Running>,
    /// Where the file is.
    _folder: Option<TempDir>,
}

impl TestDatabase {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = StorageUrl::Sqlite(folder.path().join("studies.db"));
        TestDatabase {
            url,
            #[cfg(feature = "http")]
            server: None,
            _folder: Some(folder),
        }
    }

    /// A file behind a server.
    #[cfg(feature = "http")]
    pub fn served() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = served::Running::start(&folder.path().join("studies.db"), |_| {});
        TestDatabase { url: server.url.clone(), server: Some(server), _folder: Some(folder) }
    }

    /// Makes a table: who only has a server may not.
    pub fn make_table(&self, sql: &str) {
        #[cfg(feature = "http")]
        if let Some(server) = &self.server {
            return make_table(&mut server.open_file(), sql);
        }
        make_table(&mut self.open(), sql);
    }

    /// None where there is no PostgreSQL on this machine, and it need not be there.
    #[cfg(feature = "postgres")]
    pub fn postgres() -> Option<Self> {
        let url = postgres::Server::shared()?.new_database().parse().unwrap();
        Some(TestDatabase {
            url,
            #[cfg(feature = "http")]
            server: None,
            _folder: None,
        })
    }

    /// A connection, with Optuna's tables and ours.
    pub fn open(&self) -> Storage {
        self.try_open(OpenMode::MayCreate).unwrap()
    }

    pub fn try_open(&self, existence: OpenMode) -> Result<Storage, StorageError> {
        Storage::open(&self.url, existence, retry_policy())
    }
}

fn make_table(storage: &mut Storage, sql: &str) {
    storage.transaction(Access::Write, |db| db.execute(sql, &[])).unwrap();
}

/// Enough for a loaded machine, and little enough for a test that hangs to fail.
pub fn retry_policy() -> RetryPolicy {
    RetryPolicy { limit: Duration::from_secs(60), stop: Stop::default() }
}

/// Makes tests of functions that take a `&TestDatabase`: `sqlite::NAME`, `served::NAME`, `postgres::NAME`; those after
/// `not served` are about making a database, which a server has done before anybody comes.
macro_rules! on_every_database {
    ($($test:ident),* $(,)? $(; not served: $($made:ident),*)?) => {
        mod sqlite {
            $(#[test]
            fn $test() {
                super::$test(&$crate::harness::TestDatabase::sqlite());
            })*
            $($(#[test]
            fn $made() {
                super::$made(&$crate::harness::TestDatabase::sqlite());
            })*)?
        }

        #[cfg(feature = "http")]
        mod served {
            $(#[test]
            fn $test() {
                super::$test(&$crate::harness::TestDatabase::served());
            })*
        }

        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[test]
            fn $test() {
                if let Some(database) = $crate::harness::TestDatabase::postgres() {
                    super::$test(&database);
                }
            })*
            $($(#[test]
            fn $made() {
                if let Some(database) = $crate::harness::TestDatabase::postgres() {
                    super::$made(&database);
                }
            })*)?
        }
    };
}
pub(crate) use on_every_database;

#[cfg(feature = "http")]
pub mod served {
    //! A server of a file, on a free port of 127.0.0.1, in a thread of the tests.

    use std::path::{Path, PathBuf};
    use std::thread::{self, JoinHandle};

    use burn_tune_search::Stop;
    use burn_tune_storage::http::{Page, Pages, Server, ServerOptions};
    use burn_tune_storage::{OpenMode, Storage, StorageUrl};

    pub struct Running {
        pub url: StorageUrl,
        /// Where it listens: HOST:PORT.
        pub address: String,
        pub file: PathBuf,
        pub token_file: PathBuf,
        stop: Stop,
        thread: Option<JoinHandle<()>>,
    }

    impl Running {
        /// Serves `file`, with the token beside it.
        pub fn start(file: &Path, set: impl FnOnce(&mut ServerOptions)) -> Self {
            let token_file = file.with_file_name("token");
            let mut options = ServerOptions::new(([127, 0, 0, 1], 0).into());
            options.token_file = Some(token_file.clone());
            options.more_tables = vec!["kinds".into()];
            set(&mut options);
            let server = Server::start(file, options).unwrap();
            let url = server.url();
            let address = url.split_once("://").unwrap().1.to_owned();
            let url = format!("{url}?token-file={}", token_file.display()).parse().unwrap();
            let stop = Stop::default();
            let stops = stop.clone();
            let thread = Some(thread::spawn(move || server.run(NoPages, &stops)));
            Running { url, address, file: file.to_owned(), token_file, stop, thread }
        }

        /// The file itself.
        pub fn open_file(&self) -> Storage {
            let url = StorageUrl::Sqlite(self.file.clone());
            Storage::open(&url, OpenMode::MustExist, super::retry_policy()).unwrap()
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            self.stop.request();
            self.thread.take().unwrap().join().unwrap();
        }
    }

    struct NoPages;

    impl Pages for NoPages {
        fn login(&self, _again: bool) -> String {
            "log in".into()
        }

        fn studies(&self) -> Page {
            Page { status: 200, html: "studies".into() }
        }

        fn study(&self, _name: &str) -> Page {
            Page { status: 404, html: "no study".into() }
        }
    }
}

#[cfg(feature = "postgres")]
pub mod postgres {
    //! A PostgreSQL of the tests' own: in a temporary folder, on a free port of 127.0.0.1.

    use std::io::Write;
    use std::net::TcpListener;
    use std::path::{Path, PathBuf};
    use std::process::{Child, ChildStdin, Command, Stdio};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::{env, fs, io};

    pub const USER: &str = "burntune";
    pub const PASSWORD: &str = "p@ss/wörd?";
    const PASSWORD_IN_URL: &str = "p%40ss%2Fw%C3%B6rd%3F";

    pub struct Server {
        programs: PathBuf,
        folder: PathBuf,
        port: u16,
        /// Whether it has a certificate, `folder`/server.crt.
        pub encrypts: bool,
        /// Stops the server and removes its folder when its standard input ends: however this process
        /// ends, that does.
        guard: (Option<ChildStdin>, Child),
    }

    impl Server {
        /// The server of all tests in this process.
        ///
        /// # Panics
        ///
        /// Where there is none, and `CI` or `BURN_TUNE_REQUIRE_POSTGRES` says that there has to be one.
        pub fn shared() -> Option<&'static Self> {
            static SHARED: OnceLock<Option<Server>> = OnceLock::new();
            SHARED.get_or_init(Server::start).as_ref()
        }

        /// One that is stopped when it is dropped.
        pub fn start() -> Option<Self> {
            let Some(programs) = programs() else {
                let required = ["CI", "BURN_TUNE_REQUIRE_POSTGRES"];
                let what = "no PostgreSQL here (initdb is neither in PATH nor in \
                            /usr/lib/postgresql/*/bin; Debian's package is `postgresql`)";
                assert!(!required.iter().any(|name| env::var_os(name).is_some()), "{what}");
                // Not `eprintln!`, which a test that passes keeps to itself.
                let line = format!("SKIPPED: {what}: SQLite alone is tested\n");
                io::stderr().write_all(line.as_bytes()).unwrap();
                return None;
            };
            let folder = run(&mut as_nobody_special("mktemp", |mktemp| {
                mktemp.args(["-d", "-t", "burn-tune-postgres-XXXXXX"])
            }));
            let folder = PathBuf::from(folder.trim());
            let guard = guard(&programs, &folder);
            let mut server =
                Server { programs, folder, port: 0, encrypts: false, guard: (None, guard) };
            server.guard.0 = server.guard.1.stdin.take();
            server.make();
            server.run();
            Some(server)
        }

        fn make(&mut self) {
            let password = self.folder.join("password");
            fs::write(&password, PASSWORD).unwrap();
            run(&mut self.program("initdb", |initdb| {
                initdb.arg("-D").arg(self.data()).arg("--pwfile").arg(&password).args([
                    "-U",
                    USER,
                    "-A",
                    "scram-sha-256",
                    "-E",
                    "UTF8",
                    "--no-sync",
                ])
            }));
            let certificate = self.certificate();
            let key = self.folder.join("server.key");
            let mut openssl = as_nobody_special("openssl", |openssl| {
                openssl
                    .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
                    .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
                    .args(["-addext", "basicConstraints=critical,CA:FALSE"])
                    .arg("-keyout")
                    .arg(&key)
                    .arg("-out")
                    .arg(&certificate)
            });
            self.encrypts = openssl.output().is_ok_and(|output| output.status.success());
            let mut settings = "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\n\
                                fsync = off\n"
                .to_owned();
            if self.encrypts {
                settings += &format!(
                    "ssl = on\nssl_cert_file = '{}'\nssl_key_file = '{}'\n",
                    certificate.display(),
                    key.display()
                );
            }
            let file = self.data().join("postgresql.conf");
            let before = fs::read_to_string(&file).unwrap();
            fs::write(&file, before + &settings).unwrap();
        }

        /// Starts it on a port that is free, though another program may take it first.
        fn run(&mut self) {
            for _ in 0..5 {
                let free = TcpListener::bind("127.0.0.1:0").unwrap();
                self.port = free.local_addr().unwrap().port();
                drop(free);
                let start = self.pg_ctl(&["start"]).output().unwrap();
                if start.status.success() {
                    return;
                }
            }
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            panic!("PostgreSQL does not start: {log}");
        }

        /// Kills it as a power cut would, and starts it again.
        pub fn crash_and_restart(&self) {
            run(&mut self.pg_ctl(&["restart", "-m", "immediate"]));
        }

        fn pg_ctl(&self, arguments: &[&str]) -> Command {
            self.program("pg_ctl", |pg_ctl| {
                pg_ctl
                    .arg("-D")
                    .arg(self.data())
                    .arg("-l")
                    .arg(self.folder.join("log"))
                    .args(["-w", "-o", &format!("-p {}", self.port)])
                    .args(arguments)
                    // The server would hold a pipe open for as long as it runs.
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
            })
        }

        fn program(
            &self,
            name: &str,
            arguments: impl FnOnce(&mut Command) -> &mut Command,
        ) -> Command {
            as_nobody_special(self.programs.join(name).to_str().unwrap(), arguments)
        }

        fn data(&self) -> PathBuf {
            self.folder.join("data")
        }

        /// What a client may know the server by.
        pub fn certificate(&self) -> PathBuf {
            self.folder.join("server.crt")
        }

        pub fn port(&self) -> u16 {
            self.port
        }

        /// The address of a new database without tables.
        pub fn new_database(&self) -> String {
            static MADE: AtomicUsize = AtomicUsize::new(0);
            let name = format!("test_{}", MADE.fetch_add(1, Ordering::SeqCst));
            let port = self.port.to_string();
            run(&mut self.program("createdb", |createdb| {
                let server = ["-h", "localhost", "-p", &port, "-U", USER];
                createdb.args(server).arg(&name).env("PGPASSWORD", PASSWORD)
            }));
            self.address(&name)
        }

        pub fn address(&self, database: &str) -> String {
            format!("postgresql://{USER}:{PASSWORD_IN_URL}@localhost:{}/{database}", self.port)
        }
    }

    impl Drop for Server {
        fn drop(&mut self) {
            drop(self.guard.0.take());
            self.guard.1.wait().unwrap();
        }
    }

    /// Waits for the end of its input, then stops the server in `folder`.
    fn guard(programs: &Path, folder: &Path) -> Child {
        let script = r#"while read -r _; do :; done
                        "$0/pg_ctl" -D "$1/data" -m immediate stop
                        rm -rf "$1""#;
        let mut shell =
            as_nobody_special("sh", |shell| shell.args(["-c", script]).arg(programs).arg(folder));
        // The shell must outlive a Ctrl-C at the tests, which goes to all of their process group.
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        let shell = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        shell.spawn().unwrap()
    }

    fn programs() -> Option<PathBuf> {
        let in_path = env::var_os("PATH").unwrap_or_default();
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut folders: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
        folders.sort();
        folders.reverse();
        folders.extend(env::split_paths(&in_path));
        folders.into_iter().find(|folder| folder.join("initdb").exists())
    }

    /// A command that PostgreSQL does not refuse to be run by: as root it must be another user.
    fn as_nobody_special(
        program: &str,
        arguments: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Command {
        let mut command = if rustix::process::geteuid().is_root() {
            let mut setpriv = Command::new("setpriv");
            setpriv.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", program]);
            setpriv
        } else {
            Command::new(program)
        };
        // That user may not be allowed to look at where the tests run.
        arguments(command.current_dir("/"));
        command
    }

    fn run(command: &mut Command) -> String {
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }
}

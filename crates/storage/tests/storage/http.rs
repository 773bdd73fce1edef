//! What can happen to a server of a file, to its clients, and between them.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use burn_tune_search::Stop;
use burn_tune_search::clock::Stopwatch;
use burn_tune_storage::database::{Access, Value};
use burn_tune_storage::http::{Server, ServerOptions, Tls};
use burn_tune_storage::{OpenMode, RetryPolicy, Storage, StorageError, StorageUrl};

use crate::harness::TestDatabase;
use crate::harness::served::Running;

const INSERT: &str = "INSERT INTO studies (study_name) VALUES (?1)";
const COUNT: &str = "SELECT COUNT(*) FROM studies";

fn name(name: &str) -> [Value; 1] {
    [Value::Text(name.to_owned())]
}

fn open(url: &str, limit: Duration) -> Result<Storage, StorageError> {
    let retry_policy = RetryPolicy { limit, stop: Stop::default() };
    Storage::open(&url.parse::<StorageUrl>()?, OpenMode::MustExist, retry_policy)
}

fn refusal(url: &str) -> String {
    match open(url, Duration::from_secs(5)) {
        Err(StorageError::Permanent(reason) | StorageError::Input(reason)) => reason,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("{url} is open"),
    }
}

fn count(storage: &mut Storage) -> i64 {
    let rows = storage.transaction(Access::Read, |db| db.query(COUNT, &[])).unwrap();
    let Value::Int(count) = rows[0][0] else { panic!("{rows:?}") };
    count
}

/// A server of a new file, with `set` done to its options.
fn served(folder: &Path, set: impl FnOnce(&mut ServerOptions)) -> Running {
    Running::start(&folder.join("studies.db"), set)
}

#[test]
fn who_has_no_token_or_another_one_is_refused_and_told_what_to_do() {
    let database = TestDatabase::served();
    let running = database.server.as_ref().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let at = |file: &Path| format!("http://{}?token-file={}", running.address, file.display());
    let none = folder.path().join("none");
    let reason = refusal(&at(&none));
    assert!(
        reason.contains("none does not exist; it is in the file that `burn-tune serve` names"),
        "{reason}"
    );

    let other = served(folder.path(), |_| {});
    let reason = refusal(&at(&other.token_file));
    assert!(reason.contains("refuses the token: it is another server's"), "{reason}");
    let secret = fs::read_to_string(&other.token_file).unwrap();
    assert!(!reason.contains(secret.trim().rsplit('.').next().unwrap()), "{reason}");

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&other.token_file, fs::Permissions::from_mode(0o644)).unwrap();
        let reason = refusal(&at(&other.token_file));
        assert!(reason.contains("chmod 600"), "{reason}");
    }
}

#[test]
fn a_connection_is_encrypted_and_the_server_known_by_its_token() {
    let folder = tempfile::tempdir().unwrap();
    let running = served(folder.path(), |options| options.tls = Tls::SelfMade);
    let StorageUrl::Http(url) = &running.url else { panic!() };
    assert!(url.starts_with("https://"), "{url}");
    let mut storage = open(url, Duration::from_secs(60)).unwrap();
    storage.transaction(Access::Write, |db| db.execute(INSERT, &name("s"))).unwrap();
    assert_eq!(count(&mut storage), 1);

    // The secret is right, and the certificate is not.
    let line = fs::read_to_string(&running.token_file).unwrap();
    let parts: Vec<&str> = line.trim().split('.').collect();
    let other = folder.path().join("other");
    let reverse: String = parts[1][..42].chars().rev().collect();
    write_token(&other, &format!("{}.{reverse}A.{}\n", parts[0], parts[2]));
    let reason = refusal(&format!("https://{}?token-file={}", running.address, other.display()));
    assert!(reason.contains("is not the one of the token ("), "{reason}");

    let token = running.token_file.display();
    let reason = refusal(&format!("http://{}?token-file={token}", running.address));
    assert!(reason.contains(&format!("is the address https://{}", running.address)), "{reason}");
    let folder = tempfile::tempdir().unwrap();
    let plain = served(folder.path(), |_| {});
    let reason = refusal(&format!("https://{}?token-file={token}", plain.address));
    assert!(reason.contains(&format!("is the address http://{}", plain.address)), "{reason}");
}

#[cfg(unix)]
fn write_token(path: &Path, line: &str) {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(line.as_bytes()).unwrap();
}

#[cfg(not(unix))]
fn write_token(path: &Path, line: &str) {
    fs::write(path, line).unwrap();
}

#[test]
fn a_certificate_of_ones_own_is_served() {
    let folder = tempfile::tempdir().unwrap();
    // That of a first server, as somebody's own: its token knows it.
    let first = served(folder.path(), |options| options.tls = Tls::SelfMade);
    let token = first.token_file.clone();
    let mut pem = token.clone().into_os_string();
    pem.push(".pem");
    drop(first);
    let running = served(folder.path(), |options| {
        options.tls = Tls::Files { certificates: pem.clone().into(), key: pem.into() };
    });
    let StorageUrl::Http(url) = &running.url else { panic!() };
    open(url, Duration::from_secs(60)).unwrap();
    drop(running);

    let start = |certificates: &Path| {
        let mut options = ServerOptions::new(([127, 0, 0, 1], 0).into());
        options.token_file = Some(token.clone());
        options.tls = Tls::Files { certificates: certificates.into(), key: certificates.into() };
        match Server::start(&folder.path().join("studies.db"), options) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("it has started"),
        }
    };
    let reason = start(&token);
    assert!(reason.contains("there is none in it"), "{reason}");
    let reason = start(&folder.path().join("nothing"));
    assert!(reason.contains("No such file"), "{reason}");
}

#[test]
fn a_client_that_stops_in_a_transaction_keeps_nobody_waiting_for_long() {
    let folder = tempfile::tempdir().unwrap();
    let silence = Duration::from_millis(700);
    let running = served(folder.path(), |options| options.limits.silence = silence);
    let StorageUrl::Http(url) = &running.url else { panic!() };
    let mut stopped = open(url, Duration::from_secs(60)).unwrap();
    let mut other = open(url, Duration::from_secs(60)).unwrap();
    let mut attempts = 0;
    stopped
        .transaction(Access::Write, |db| {
            attempts += 1;
            db.execute(INSERT, &name(&format!("{attempts}, first")))?;
            if attempts == 1 {
                let since = Stopwatch::start();
                other.transaction(Access::Write, |db| db.execute(INSERT, &name("other"))).unwrap();
                let waited = since.elapsed();
                assert!(
                    waited > silence / 2 && waited < silence + Duration::from_secs(5),
                    "{waited:?}"
                );
            }
            // It is told, and does all of it again.
            db.execute(INSERT, &name(&format!("{attempts}, second")))
        })
        .unwrap();
    assert_eq!(attempts, 2);
    let names = other
        .transaction(Access::Read, |db| {
            db.query("SELECT study_name FROM studies ORDER BY study_name", &[])
        })
        .unwrap();
    assert_eq!(names, [name("2, first"), name("2, second"), name("other")]);
}

#[test]
fn what_a_client_that_is_gone_has_begun_is_undone_at_once() {
    let database = TestDatabase::served();
    let running = database.server.as_ref().unwrap();
    let (mut first, mut second) = (database.open(), database.open());
    let since = Stopwatch::start();
    let _ = first.transaction(Access::Write, |db| -> Result<(), _> {
        db.execute(INSERT, &name("first"))?;
        // A panic is the end of a process, as far as a server can see.
        let gone = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut third = database.open();
            let insert = |db: &mut dyn burn_tune_storage::database::Database| -> Result<(), _> {
                db.query("SELECT 1", &[])?;
                std::panic::resume_unwind(Box::new(()));
            };
            third.transaction(Access::Read, insert)
        }));
        assert!(gone.is_err());
        Err(StorageError::Input("no".into()))
    });
    second.transaction(Access::Write, |db| db.execute(INSERT, &name("second"))).unwrap();
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    assert_eq!(count(&mut running.open_file()), 1);
}

#[test]
fn nothing_is_written_outside_of_a_transaction_or_after_it_has_failed() {
    let database = TestDatabase::served();
    let mut storage = database.open();
    let result = storage.transaction(Access::Write, |db| {
        db.execute(INSERT, &name("a"))?;
        assert!(db.execute("INSERT INTO nowhere VALUES (1)", &[]).is_err());
        // Whoever goes on after an error is refused, as PostgreSQL does.
        db.execute(INSERT, &name("b"))
    });
    assert!(matches!(result, Err(StorageError::Permanent(_))), "{result:?}");
    assert_eq!(count(&mut storage), 0);
}

#[test]
fn a_client_may_not_do_what_only_the_owner_of_the_file_may() {
    let database = TestDatabase::served();
    let mut storage = database.open();
    for sql in [
        "DROP TABLE trials",
        "PRAGMA user_version = 7",
        "COMMIT",
        "ATTACH 'x.db' AS x",
        "DELETE FROM version_info",
    ] {
        let refused = storage.transaction(Access::Write, |db| db.execute(sql, &[]));
        assert!(matches!(refused, Err(StorageError::Permanent(_))), "{sql}: {refused:?}");
    }
    assert_eq!(count(&mut storage), 0);
}

#[test]
fn large_answers_and_statements_pass_and_there_is_an_end_to_it() {
    let database = TestDatabase::served();
    let mut storage = database.open();
    let long = "x".repeat(3 << 20);
    let sql =
        "INSERT INTO study_user_attributes (study_id, \"key\", value_json) VALUES (1, ?1, ?2)";
    storage
        .transaction(Access::Write, |db| {
            (0..5).try_for_each(|n| {
                let values = [Value::Text(n.to_string()), Value::Text(long.clone())];
                db.execute(sql, &values).map(drop)
            })
        })
        .unwrap();
    let rows = storage
        .transaction(Access::Read, |db| {
            db.query("SELECT value_json FROM study_user_attributes", &[])
        })
        .unwrap();
    assert_eq!(rows, vec![vec![Value::Text(long)]; 5]);
    let huge = Value::Bytes(vec![0; (256 << 20) + 1]);
    let refused =
        storage.transaction(Access::Write, |db| db.execute(sql, &[Value::Int(1), huge.clone()]));
    assert!(matches!(refused, Err(StorageError::Permanent(_))), "{refused:?}");
    assert_eq!(count(&mut storage), 0);
}

#[test]
fn a_server_that_starts_again_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let grace = Duration::from_millis(300);
    let running = served(folder.path(), |options| options.limits.grace = grace);
    let StorageUrl::Http(url) = running.url.clone() else { panic!() };
    let listen = running.address.parse().unwrap();
    let mut storage = open(&url, Duration::from_secs(60)).unwrap();
    let mut running = Some(running);
    let (mut again, mut attempts) = (None, 0);
    storage
        .transaction(Access::Write, |db| {
            attempts += 1;
            db.execute(INSERT, &name(&format!("before {attempts}")))?;
            if let Some(running) = running.take() {
                // It waits for who is in a transaction, and then no longer.
                drop(running);
                again = Some(served(folder.path(), |options| options.listen = listen));
            }
            db.execute(INSERT, &name(&format!("after {attempts}")))
        })
        .unwrap();
    assert!(attempts > 1 && again.is_some());
    assert_eq!(count(&mut storage), 2);
}

#[test]
fn what_a_server_cannot_do_is_said_when_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let running = served(folder.path(), |_| {});
    let start = |file: &Path, set: &dyn Fn(&mut ServerOptions)| {
        let mut options = ServerOptions::new(([127, 0, 0, 1], 0).into());
        options.token_file = Some(folder.path().join("token"));
        set(&mut options);
        match Server::start(file, options) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("it has started"),
        }
    };
    let reason = start(&running.file, &|_| {});
    assert!(reason.contains("another server serves"), "{reason}");
    let other = folder.path().join("other.db");
    let reason = start(&other, &|options| options.listen = running.address.parse().unwrap());
    assert!(reason.contains("another program listens on port"), "{reason}");
    assert!(reason.contains("--listen 127.0.0.1:0"), "{reason}");
    let reason = start(&other, &|options| options.listen = ([192, 0, 2, 1], 0).into());
    assert!(reason.contains("is no address of this machine"), "{reason}");
    let text = folder.path().join("notes.txt");
    fs::write(&text, "no database, but long enough to be looked at ".repeat(40)).unwrap();
    let reason = start(&text, &|_| {});
    assert!(reason.contains("is no SQLite database"), "{reason}");
    let reason = start(folder.path(), &|_| {});
    assert!(reason.contains("is a folder"), "{reason}");
}

/// What the server says to `bytes`, or nothing.
fn say(address: &str, bytes: &[u8]) -> String {
    let mut tcp = TcpStream::connect(address).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // It may have closed the connection before all is said.
    let _ = tcp.write_all(bytes);
    let _ = tcp.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    match tcp.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn upgraded(running: &Running, then: &[u8]) -> String {
    let token = fs::read_to_string(&running.token_file).unwrap();
    let secret = token.trim().rsplit('.').next().unwrap();
    let head = format!(
        "GET /session HTTP/1.1\r\nUpgrade: burn-tune/1\r\nAuthorization: Bearer {secret}\r\n\r\n"
    );
    say(&running.address, &[head.as_bytes(), then].concat())
}

#[test]
fn garbage_ends_a_connection_and_not_the_server() {
    let database = TestDatabase::served();
    let running = database.server.as_ref().unwrap();
    let mut storage = database.open();
    let mut seed = 1u64;
    let mut random = |length: usize| -> Vec<u8> {
        let mut byte = || {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 56) as u8
        };
        (0..length).map(|_| byte()).collect()
    };
    for length in [0, 1, 7, 100, 5000, 40_000] {
        for _ in 0..4 {
            let garbage = random(length);
            say(&running.address, &garbage);
            let framed = [&(length as u32).to_be_bytes()[..], &garbage].concat();
            let head = format!(
                "GET /{} HTTP/1.1\r\n",
                String::from_utf8_lossy(&random(40)).escape_debug()
            );
            say(&running.address, &[head.as_bytes(), &garbage].concat());
            assert!(upgraded(running, &framed).starts_with("HTTP/1.1 101"));
            assert!(upgraded(running, &garbage).starts_with("HTTP/1.1 101"));
        }
    }
    // A length that never comes, and a nesting that is no message.
    upgraded(running, &[0x0f, 0xff, 0xff, 0xff, 0x91]);
    upgraded(running, &[&200_000u32.to_be_bytes()[..], &[0x91; 200_000]].concat());
    upgraded(running, &[0xff; 16]);
    assert!(
        say(&running.address, b"GET /session HTTP/1.1\r\nUpgrade: burn-tune/1\r\n\r\n")
            .starts_with("HTTP/1.1 401")
    );
    let wrong = b"GET /session HTTP/1.1\r\nUpgrade: burn-tune/1\r\nAuthorization: Bearer x\r\n\r\n";
    assert!(say(&running.address, wrong).starts_with("HTTP/1.1 401"));
    assert!(say(&running.address, b"GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 401"));
    let large = b"POST /login HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n";
    assert!(say(&running.address, large).starts_with("HTTP/1.1 413"));
    let long = format!("GET / HTTP/1.1\r\nCookie: {}\r\n\r\n", "x".repeat(100_000));
    assert!(!say(&running.address, long.as_bytes()).starts_with("HTTP/1.1 200"));
    // Who was there before has noticed nothing.
    assert_eq!(count(&mut storage), 0);
}

#[test]
fn there_are_no_more_sessions_than_there_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let running = served(folder.path(), |options| options.limits.sessions = 2);
    let StorageUrl::Http(url) = &running.url else { panic!() };
    let first = open(url, Duration::from_secs(5)).unwrap();
    let _second = open(url, Duration::from_secs(5)).unwrap();
    let reason = refusal(url);
    assert!(reason.contains("has no place for one more"), "{reason}");
    thread::scope(|scope| {
        let waits = scope.spawn(|| open(url, Duration::from_secs(60)).is_ok());
        thread::sleep(Duration::from_millis(300));
        drop(first);
        assert!(waits.join().unwrap());
    });
}

#[cfg(target_os = "linux")]
#[test]
fn neither_token_nor_file_is_readable_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let running = served(folder.path(), |_| {});
    let listed = Command::new("find")
        .arg(folder.path())
        .args(["-name", "token*", "-perm", "/077"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "");
    assert!(running.token_file.exists());
}

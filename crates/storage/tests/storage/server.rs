//! What can happen to a server of PostgreSQL, and to the connection with it.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use burn_tune_search::Stop;
use burn_tune_storage::database::{Access, Value};
use burn_tune_storage::{OpenMode, RetryPolicy, Storage, StorageError};

use crate::harness::TestDatabase;
use crate::harness::postgres::{PASSWORD, Server, USER};

fn open(address: &str) -> Result<Storage, StorageError> {
    open_patiently(address, Duration::from_secs(60))
}

fn open_patiently(address: &str, limit: Duration) -> Result<Storage, StorageError> {
    let retry_policy = RetryPolicy { limit, stop: Stop::default() };
    Storage::open(&address.parse().unwrap(), OpenMode::MayCreate, retry_policy)
}

fn permanent(address: &str) -> String {
    let reason = match open(address) {
        Err(StorageError::Permanent(reason)) => reason,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("{address} is open"),
    };
    assert!(!reason.contains(PASSWORD) && !reason.contains("secret"), "{reason}");
    reason
}

#[test]
fn a_server_that_refuses_says_what_and_what_to_do() {
    let Some(server) = Server::shared() else { return };
    let port = server.port();
    let at = format!("localhost:{port}");

    let reason = permanent(&format!("postgresql://{USER}:secret@{at}/postgres"));
    let expected = format!("the server at {at} refuses the password of {USER} (");
    assert!(reason.starts_with(&expected), "{reason}");

    let reason = permanent(&format!("postgresql://{USER}@{at}/postgres"));
    assert!(reason.starts_with(&expected), "{reason}");

    let reason = permanent(&server.address("nothing"));
    assert!(reason.contains("\"nothing\" does not exist"), "{reason}");
    assert!(reason.contains("`createdb` makes one"), "{reason}");

    // Port 1 needs a privilege to be listened on, and nothing does.
    let reason = permanent("postgresql://u:secret@127.0.0.1:1/db");
    assert!(reason.starts_with("no server answers at 127.0.0.1:1 ("), "{reason}");
    assert!(reason.ends_with("is it running, and is the address right?"), "{reason}");

    let reason = permanent("postgresql://u:secret@no-such-host.invalid/db");
    assert!(reason.starts_with("no server answers at no-such-host.invalid:5432"), "{reason}");
}

#[test]
fn a_connection_is_encrypted_where_the_server_can_and_certified_where_that_is_asked_for() {
    let Some(server) = Server::shared() else { return };
    if !server.encrypts {
        eprintln!("SKIPPED: no openssl here to make a certificate with");
        return;
    }
    let address = server.new_database();
    let certificate = format!("sslrootcert={}", server.certificate().display());
    for (options, encrypted) in [
        (String::new(), true),
        ("sslmode=prefer".to_owned(), true),
        ("sslmode=require".to_owned(), true),
        (format!("sslmode=verify-full&{certificate}"), true),
        ("sslmode=disable".to_owned(), false),
    ] {
        let mut storage = open(&format!("{address}?{options}")).unwrap();
        let ssl = storage.transaction(Access::Read, |db| {
            db.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[])
        });
        assert_eq!(ssl.unwrap(), [[Value::Int(i64::from(encrypted))]], "{options}");
    }
    let by_number = address.replace("localhost", "127.0.0.1");
    for refused in [
        format!("{address}?sslmode=verify-full"),
        // The certificate is for another name.
        format!("{by_number}?sslmode=verify-full&{certificate}"),
    ] {
        let reason = permanent(&refused);
        assert!(reason.starts_with("no encrypted connection to "), "{reason}");
        assert!(reason.contains("certificate"), "{reason}");
    }
}

#[test]
fn a_transaction_survives_that_the_server_crashes_in_the_middle_of_it() {
    let Some(server) = Server::start() else { return };
    let address = server.new_database();
    let mut storage = open(&address).unwrap();
    let mut impatient = open_patiently(&address, Duration::from_millis(300)).unwrap();
    let insert = "INSERT INTO studies (study_name) VALUES (?1)";
    let mut attempts = 0;
    let result = storage.transaction(Access::Write, |db| {
        attempts += 1;
        db.execute(insert, &[Value::Text(format!("before {attempts}"))])?;
        if attempts == 1 {
            server.crash_and_restart();
        }
        db.execute(insert, &[Value::Text(format!("after {attempts}"))])
    });
    assert_eq!(result, Ok(1));
    let names = storage.transaction(Access::Read, |db| {
        db.query("SELECT study_name FROM studies ORDER BY study_name", &[])
    });
    let last = |what: &str| [Value::Text(format!("{what} {attempts}"))];
    assert_eq!(names.unwrap(), [last("after"), last("before")]);
    assert!(attempts > 1);

    drop(server);
    let lost = impatient.transaction(Access::Read, |db| db.query("SELECT 1", &[]));
    let Err(StorageError::Permanent(reason)) = lost else { panic!("{lost:?}") };
    assert!(reason.contains("is lost (") && reason.contains("given up after"), "{reason}");
}

#[test]
fn many_who_write_while_the_server_crashes_lose_nothing() {
    const WORKERS: usize = 4;
    const EACH: usize = 200;
    let Some(server) = Server::start() else { return };
    let address = server.new_database();
    let (sender, progress) = mpsc::channel();
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (mut storage, sender) = (open(&address).unwrap(), sender.clone());
            scope.spawn(move || {
                for n in 0..EACH {
                    let name = [Value::Text(format!("{worker}-{n}"))];
                    // Where the connection was lost while it was committed, it may be there already.
                    let insert = "INSERT INTO studies (study_name) VALUES (?1)
                                  ON CONFLICT (study_name) DO NOTHING";
                    storage.transaction(Access::Write, |db| db.execute(insert, &name)).unwrap();
                    sender.send(()).unwrap();
                }
            });
        }
        drop(sender);
        for _ in 0..2 {
            progress.iter().take(WORKERS * EACH / 4).for_each(drop);
            server.crash_and_restart();
        }
    });
    let mut storage = open(&address).unwrap();
    let count =
        storage.transaction(Access::Read, |db| db.query("SELECT COUNT(*) FROM studies", &[]));
    assert_eq!(count.unwrap(), [[Value::Int((WORKERS * EACH) as i64)]]);
}

#[test]
fn who_finds_a_row_locked_or_written_by_another_looks_again() {
    let Some(database) = TestDatabase::postgres() else { return };
    let (mut first, mut second) = (database.open(), database.open());
    let taken = "SELECT study_id FROM studies WHERE study_name = 'a'";
    let insert = "INSERT INTO studies (study_name) VALUES ('a')";
    let mut attempts = 0;
    thread::scope(|scope| {
        let (begun, begins) = mpsc::channel();
        scope.spawn(move || {
            first.transaction(Access::Write, |db| {
                db.execute(insert, &[])?;
                begun.send(()).unwrap();
                thread::sleep(Duration::from_millis(500));
                Ok(())
            })
        });
        begins.recv().unwrap();
        let refused = second.transaction(Access::Write, |db| {
            attempts += 1;
            db.execute("SET LOCAL lock_timeout = '50ms'", &[])?;
            if db.query(taken, &[])?.is_empty() {
                db.execute(insert, &[])
            } else {
                Err(StorageError::Input("taken".into()))
            }
        });
        assert_eq!(refused, Err(StorageError::Input("taken".into())));
    });
    assert!(attempts > 1);
}

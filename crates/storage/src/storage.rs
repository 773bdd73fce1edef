//! A connection to a database of studies: opening it, and transactions that are tried again.

use std::hash::{BuildHasher, RandomState};
use std::thread;
use std::time::Duration;

use burn_tune_search::Stop;
use burn_tune_search::clock::Stopwatch;

use crate::database::{Access, Database};
use crate::schema::{self, Found};
use crate::sqlite::{FileAccess, SqliteDatabase};
use crate::statistics::Statistics;
use crate::{StorageError, StorageUrl};

/// The first pause after which a database is asked again, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What is shorter is no outage that anybody has to hear of: two that wrote at the same time.
const QUIET: Duration = Duration::from_secs(1);

/// How often a pause looks whether the user wants to stop.
const STOP_CHECK: Duration = Duration::from_millis(50);

/// How long SQLite itself waits for a lock, with short pauses, before that is a transient error.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether a database is made that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// No: whoever only looks at studies finds none where there is none.
    MustExist,
    /// Yes, with its tables.
    MayCreate,
}

/// How long, and while what holds, a database that does not answer is asked again.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// How long after the first failure.
    pub limit: Duration,
    /// Gives up at once when this is urgent.
    pub stop: Stop,
}

/// Half a minute.
impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy { limit: Duration::from_secs(30), stop: Stop::default() }
    }
}

/// A connection to a database of studies.
pub struct Storage {
    url: StorageUrl,
    retry_policy: RetryPolicy,
    database: Box<dyn Database>,
    found: Found,
    statistics: Statistics,
}

impl Storage {
    /// Opens the database at `url`, and makes it where it may be made.
    ///
    /// # Errors
    ///
    /// Where there is none, it is another program's or of another version, or cannot be opened.
    pub fn open(
        url: &StorageUrl,
        existence: OpenMode,
        retry_policy: RetryPolicy,
    ) -> Result<Self, StorageError> {
        let statistics = Statistics::default();
        let connect = || connect(url, existence, &retry_policy);
        let database = with_retries(url, &retry_policy, &statistics, connect)?;
        let found = Found::BurnTune;
        let mut storage = Storage { url: url.clone(), retry_policy, database, found, statistics };
        // Reading first: a database that has its tables may be read-only.
        let found = storage.transaction(Access::Read, |db| schema::look(db, url))?;
        match existence {
            OpenMode::MustExist if found == Found::Nothing => {
                return Err(StorageError::Input(format!(
                    "there is no study in {url}: it is empty; `burn-tune search` makes one, \
                     --storage names another database"
                )));
            }
            OpenMode::MustExist => storage.found = found,
            OpenMode::MayCreate if found == Found::BurnTune => {}
            OpenMode::MayCreate => {
                storage.transaction(Access::Write, |db| schema::create(db, url))?;
            }
        }
        Ok(storage)
    }

    /// Where the database is.
    pub fn url(&self) -> &StorageUrl {
        &self.url
    }

    /// How this process fares with the database.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Whether there are our tables beside Optuna's. Whoever reads looks first: a database that Optuna
    /// made gets them when the first of ours writes to it.
    pub(crate) fn has_own_tables(&self) -> bool {
        self.found == Found::BurnTune
    }

    /// Whether another process may have changed a study since this was last asked. Costs next to nothing. Whoever
    /// cannot be told of changes (a lost connection, another program's) finds them by looking now and then.
    pub fn has_changed(&mut self, study: i64) -> bool {
        // What is wrong with the database is said when something is asked of it.
        self.database.has_changed(study).unwrap_or(true)
    }

    /// Runs `work` in a transaction. After a transient error nothing of it has happened (but where the
    /// connection was lost while it was committed: then it may have), and it runs again from the start,
    /// after growing pauses, until it succeeds or patience ends.
    ///
    /// Public for the tests of this crate alone: nothing else speaks SQL.
    ///
    /// # Errors
    ///
    /// What `work` returns; a transient error becomes [`StorageError::Permanent`] in the end.
    #[doc(hidden)]
    pub fn transaction<T>(
        &mut self,
        access: Access,
        mut work: impl FnMut(&mut dyn Database) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let Storage { url, retry_policy, database, found, statistics } = self;
        let since = Stopwatch::start();
        let value = with_retries(url, retry_policy, statistics, || {
            attempt(database.as_mut(), access, |db| {
                // Of a database that was opened to look at it, Optuna's tables may be all there is.
                if access == Access::Write && *found != Found::BurnTune {
                    schema::create(db, url)?;
                }
                work(db)
            })
        });
        statistics.ended(since.elapsed(), database.reconnections());
        let value = value?;
        if access == Access::Write {
            *found = Found::BurnTune;
        }
        Ok(value)
    }
}

fn connect(
    url: &StorageUrl,
    existence: OpenMode,
    retry_policy: &RetryPolicy,
) -> Result<Box<dyn Database>, StorageError> {
    match url {
        StorageUrl::Sqlite(path) => {
            let access = match existence {
                OpenMode::MustExist => FileAccess::Existing,
                OpenMode::MayCreate => FileAccess::Create,
            };
            let busy_timeout = BUSY_TIMEOUT.min(retry_policy.limit);
            Ok(Box::new(SqliteDatabase::open(path, access, busy_timeout)?))
        }
        #[cfg(feature = "postgres")]
        StorageUrl::Postgres(address) => {
            Ok(Box::new(crate::postgres::PostgresDatabase::open(address)?))
        }
        #[cfg(feature = "http")]
        StorageUrl::Http(address) => Ok(Box::new(crate::http::HttpDatabase::open(address)?)),
        #[cfg(not(feature = "http"))]
        StorageUrl::Http(_) => Err(StorageError::Input(
            "this program was built without what speaks to a `burn-tune serve`: `cargo xtask search \
             --storage https://…` builds it in, as does `--features http`"
                .to_owned(),
        )),
        #[cfg(not(feature = "postgres"))]
        StorageUrl::Postgres(_) => Err(StorageError::Input(
            "this program was built without PostgreSQL: `cargo xtask search --storage \
             postgresql://…` builds it in, as does `--features postgres`"
                .to_owned(),
        )),
    }
}

fn attempt<T>(
    database: &mut dyn Database,
    access: Access,
    work: impl FnOnce(&mut dyn Database) -> Result<T, StorageError>,
) -> Result<T, StorageError> {
    database.begin(access)?;
    let result = work(database).and_then(|value| database.commit().map(|()| value));
    if result.is_err() {
        database.rollback();
    }
    result
}

fn with_retries<T>(
    url: &StorageUrl,
    retry_policy: &RetryPolicy,
    statistics: &Statistics,
    mut attempt: impl FnMut() -> Result<T, StorageError>,
) -> Result<T, StorageError> {
    let mut outage = None;
    loop {
        match attempt() {
            Err(StorageError::Transient(reason)) => {
                statistics.set_out(true);
                outage.get_or_insert_with(Backoff::begin).wait(retry_policy, &reason)?;
            }
            result => {
                statistics.set_out(false);
                if let Some(Backoff { since, told: true, .. }) = outage {
                    tracing::info!("{url} answers again, after {}", lasting(since.elapsed()));
                }
                return result;
            }
        }
    }
}

/// A time during which the database does not do what it is asked.
struct Backoff {
    since: Stopwatch,
    pause: Duration,
    told: bool,
}

impl Backoff {
    fn begin() -> Self {
        Backoff { since: Stopwatch::start(), pause: FIRST_PAUSE, told: false }
    }

    /// Waits before the next attempt.
    fn wait(&mut self, retry_policy: &RetryPolicy, reason: &str) -> Result<(), StorageError> {
        let waited = self.since.elapsed();
        let left = retry_policy.limit.saturating_sub(waited);
        if retry_policy.stop.is_urgent() {
            return Err(StorageError::Permanent(format!("{reason}; stopped as you asked")));
        }
        if left.is_zero() {
            return Err(StorageError::Permanent(format!(
                "{reason}; given up after {}",
                lasting(waited)
            )));
        }
        if waited >= QUIET && !self.told {
            self.told = true;
            tracing::warn!("{reason}; asking again for up to {}", lasting(left));
        }
        pause(jittered(self.pause).min(left), &retry_policy.stop);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// Between half of `pause` and all of it, so that many who were refused at the same time do not all
/// come back at the same time. Nothing is computed from it, so it need not be the same in every run.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().hash_one(0) >> 32;
    pause.mul_f64(0.5 + 0.5 * random as f64 / f64::from(u32::MAX))
}

fn pause(time: Duration, stop: &Stop) {
    let since = Stopwatch::start();
    while !stop.is_urgent() {
        let left = time.saturating_sub(since.elapsed());
        if left.is_zero() {
            return;
        }
        thread::sleep(left.min(STOP_CHECK));
    }
}

fn lasting(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::database::Value;

    fn retry_policy(limit: Duration) -> RetryPolicy {
        RetryPolicy { limit, stop: Stop::default() }
    }

    fn open(path: &Path, existence: OpenMode) -> Result<Storage, StorageError> {
        let url = StorageUrl::Sqlite(path.into());
        Storage::open(&url, existence, retry_policy(Duration::from_millis(200)))
    }

    fn busy() -> StorageError {
        StorageError::Transient("x.db is held by another program".into())
    }

    #[test]
    fn a_new_database_has_its_tables_and_opens_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results/studies.db");
        assert!(open(&path, OpenMode::MayCreate).unwrap().has_own_tables());
        let mut storage = open(&path, OpenMode::MustExist).unwrap();
        let info = storage
            .transaction(Access::Read, |db| {
                db.query("SELECT schema_version, format FROM version_info, burn_tune_info", &[])
            })
            .unwrap();
        assert_eq!(info, [[Value::Int(12), Value::Int(1)]]);
    }

    #[test]
    fn a_database_that_must_exist_and_has_no_table_is_an_error_of_the_user() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("studies.db");
        for _ in 0..2 {
            let Err(StorageError::Input(reason)) = open(&path, OpenMode::MustExist) else {
                panic!("it is open");
            };
            assert!(reason.starts_with("there is no study in "), "{reason}");
            std::fs::write(&path, "").unwrap();
        }
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    }

    #[test]
    fn a_database_of_optuna_gets_our_tables_from_the_first_who_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("studies.db");
        drop(open(&path, OpenMode::MayCreate).unwrap());
        let remove_ours = "DROP TABLE burn_tune_info; DROP TABLE burn_tune_curves; \
                           DROP TABLE burn_tune_leases; DROP TRIGGER burn_tune_trial_deleted";
        rusqlite::Connection::open(&path).unwrap().execute_batch(remove_ours).unwrap();

        let mut storage = open(&path, OpenMode::MustExist).unwrap();
        storage.transaction(Access::Read, |db| db.query("SELECT * FROM trials", &[])).unwrap();
        assert!(!storage.has_own_tables());
        storage
            .transaction(Access::Write, |db| db.execute("DELETE FROM burn_tune_leases", &[]))
            .unwrap();
        assert!(storage.has_own_tables());
        assert!(open(&path, OpenMode::MustExist).unwrap().has_own_tables());
    }

    #[test]
    fn a_transaction_runs_again_from_the_start_after_a_transient_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut storage = open(&folder.path().join("studies.db"), OpenMode::MayCreate).unwrap();
        let mut attempts = 0;
        let inserted = storage.transaction(Access::Write, |db| {
            attempts += 1;
            db.execute("INSERT INTO studies (study_name) VALUES (?1)", &[Value::Text("a".into())])?;
            if attempts < 3 { Err(busy()) } else { Ok(attempts) }
        });
        assert_eq!(inserted, Ok(3));
        let count =
            storage.transaction(Access::Read, |db| db.query("SELECT COUNT(*) FROM studies", &[]));
        assert_eq!(count.unwrap(), [[Value::Int(1)]]);
    }

    #[test]
    fn what_is_not_transient_is_not_tried_again_and_is_undone() {
        let folder = tempfile::tempdir().unwrap();
        let mut storage = open(&folder.path().join("studies.db"), OpenMode::MayCreate).unwrap();
        let mut attempts = 0;
        let taken = storage.transaction(Access::Write, |db| -> Result<(), _> {
            attempts += 1;
            db.execute("INSERT INTO studies (study_name) VALUES ('a')", &[])?;
            Err(StorageError::Input("taken".into()))
        });
        assert_eq!((taken, attempts), (Err(StorageError::Input("taken".into())), 1));
        let count =
            storage.transaction(Access::Read, |db| db.query("SELECT COUNT(*) FROM studies", &[]));
        assert_eq!(count.unwrap(), [[Value::Int(0)]]);
    }

    #[test]
    fn when_patience_ends_the_error_says_how_long_it_was() {
        let url = StorageUrl::Sqlite("x.db".into());
        let watch = Stopwatch::start();
        let mut attempts = 0;
        let result = with_retries(
            &url,
            &retry_policy(Duration::from_millis(300)),
            &Statistics::default(),
            || {
                attempts += 1;
                Err::<(), _>(busy())
            },
        );
        let reason = "x.db is held by another program; given up after 0 s";
        assert_eq!(result, Err(StorageError::Permanent(reason.into())));
        assert!(watch.elapsed() >= Duration::from_millis(300));
        assert!((3..30).contains(&attempts), "{attempts}");
    }

    #[test]
    fn whoever_asks_to_stop_at_once_is_not_kept_waiting() {
        let url = StorageUrl::Sqlite("x.db".into());
        let retry_policy = retry_policy(Duration::from_secs(3600));
        let stop = retry_policy.stop.clone();
        let asks = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            stop.request();
            stop.request();
        });
        let result =
            with_retries(&url, &retry_policy, &Statistics::default(), || Err::<(), _>(busy()));
        assert!(matches!(result, Err(StorageError::Permanent(reason)) if reason.contains("stop")));
        asks.join().unwrap();
    }

    #[cfg(not(feature = "postgres"))]
    #[test]
    fn without_the_feature_postgresql_says_how_to_get_it() {
        let url = "postgresql://u:secret@h/db".parse().unwrap();
        let refused = Storage::open(&url, OpenMode::MayCreate, retry_policy(Duration::ZERO));
        let Err(StorageError::Input(reason)) = refused else { panic!("it is open") };
        assert!(reason.contains("--features postgres"), "{reason}");
    }
}

//! What a statement that came over the network may do: read and write rows of Optuna's tables and ours. It makes no
//! table, opens no other file, changes no setting, calls no function but a few, and ends.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use burn_tune_search::clock::Stopwatch;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;

use crate::StorageError;
use crate::schema::{READ_ONLY_TABLES, WRITTEN_TABLES};
use crate::sqlite::SqliteDatabase;

/// SQLite's own list of tables, by which a client sees what there is.
const TABLE_LIST: &str = "sqlite_master";
/// Those that are in a statement of ours. None reads a file, or makes something large out of something small.
const FUNCTIONS: [&str; 9] =
    ["count", "max", "min", "sum", "coalesce", "length", "strftime", "unixepoch", "glob"];
/// How many steps of SQLite's machine lie between two looks at the clock: some milliseconds.
const STEPS: i32 = 100_000;
const MOST_SQL_BYTES: i32 = 1 << 20;

/// Watches over a connection to the file.
pub(super) struct Guard {
    /// Whether the server itself speaks, which begins and ends transactions.
    own: Arc<AtomicBool>,
    since: Arc<Mutex<Stopwatch>>,
}

impl Guard {
    /// Restricts `database`; a statement may take as long as `limit`. `more_tables` may be written to as well.
    ///
    /// # Errors
    ///
    /// What SQLite says.
    pub fn set(
        database: &mut SqliteDatabase,
        limit: Duration,
        more_tables: &[String],
    ) -> Result<Self, StorageError> {
        let guard = Guard {
            own: Arc::new(AtomicBool::new(false)),
            since: Arc::new(Mutex::new(Stopwatch::start())),
        };
        let mut written: BTreeSet<String> = WRITTEN_TABLES.map(str::to_owned).into();
        written.extend(more_tables.iter().cloned());
        let own = guard.own.clone();
        let since = guard.since.clone();
        database.restrict(|connection| {
            connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
            connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, MOST_SQL_BYTES)?;
            connection.set_limit(Limit::SQLITE_LIMIT_EXPR_DEPTH, 100)?;
            connection.authorizer(Some(move |context: AuthContext<'_>| {
                match own.load(Ordering::Relaxed) || permits(&context.action, &written) {
                    true => Authorization::Allow,
                    false => Authorization::Deny,
                }
            }))?;
            let is_over = move || lock(&since).elapsed() > limit;
            connection.progress_handler(STEPS, Some(is_over))
        })?;
        Ok(guard)
    }

    /// A statement begins.
    pub fn begin_statement(&self) {
        *lock(&self.since) = Stopwatch::start();
    }

    /// Does something that only the server may.
    pub fn own<T>(&self, work: impl FnOnce() -> T) -> T {
        self.begin_statement();
        self.own.store(true, Ordering::Relaxed);
        let value = work();
        self.own.store(false, Ordering::Relaxed);
        value
    }
}

fn lock(since: &Mutex<Stopwatch>) -> std::sync::MutexGuard<'_, Stopwatch> {
    since.lock().unwrap_or_else(PoisonError::into_inner)
}

fn permits(action: &AuthAction<'_>, written: &BTreeSet<String>) -> bool {
    match action {
        AuthAction::Select => true,
        AuthAction::Read { table_name, .. } => {
            written.contains(*table_name)
                || READ_ONLY_TABLES.contains(table_name)
                || *table_name == TABLE_LIST
        }
        AuthAction::Insert { table_name }
        | AuthAction::Delete { table_name }
        | AuthAction::Update { table_name, .. } => written.contains(*table_name),
        AuthAction::Function { function_name } => {
            FUNCTIONS.iter().any(|known| known.eq_ignore_ascii_case(function_name))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StorageUrl;
    use crate::database::{Access, Database, Value};
    use crate::schema;
    use crate::sqlite::FileAccess;

    fn guarded(folder: &tempfile::TempDir, limit: Duration) -> (SqliteDatabase, Guard) {
        let path = folder.path().join("studies.db");
        let mut db = SqliteDatabase::open(&path, FileAccess::Create, Duration::ZERO).unwrap();
        schema::create(&mut db, &StorageUrl::Sqlite(path)).unwrap();
        let guard = Guard::set(&mut db, limit, &[]).unwrap();
        (db, guard)
    }

    #[test]
    fn what_is_none_of_a_clients_business_is_refused_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (mut db, guard) = guarded(&folder, Duration::from_secs(60));
        let outside = folder.path().join("outside.db");
        let attach = format!("ATTACH '{}' AS other", outside.display());
        let vacuum = format!("VACUUM INTO '{}'", outside.display());
        for nasty in [
            attach.as_str(),
            vacuum.as_str(),
            "VACUUM",
            "DETACH main",
            "PRAGMA journal_mode = DELETE",
            "PRAGMA writable_schema = ON",
            "PRAGMA data_version",
            "PRAGMA table_info(trials)",
            "SELECT * FROM pragma_table_info('trials')",
            "SELECT * FROM pragma_database_list",
            "SELECT * FROM json_each('[1]')",
            "SELECT load_extension('/tmp/x.so')",
            "SELECT readfile('/etc/passwd')",
            "SELECT writefile('/tmp/x', 'x')",
            "SELECT fts3_tokenizer('simple')",
            "SELECT zeroblob(1000000000)",
            "SELECT randomblob(1000000000)",
            "SELECT printf('%.*c', 1000000000, 'x')",
            "SELECT hex(npz) FROM burn_tune_curves",
            "SELECT sqlite_version()",
            "CREATE TABLE t (x)",
            "CREATE TEMP TABLE t (x)",
            "CREATE VIRTUAL TABLE t USING fts5(x)",
            "CREATE TRIGGER t AFTER INSERT ON trials BEGIN DELETE FROM studies; END",
            "CREATE VIEW v AS SELECT 1",
            "CREATE INDEX i ON trials (state)",
            "DROP TABLE trials",
            "DROP TRIGGER burn_tune_trial_deleted",
            "DROP INDEX burn_tune_running",
            "ALTER TABLE trials RENAME TO t",
            "ALTER TABLE trials ADD COLUMN t",
            "REINDEX",
            "ANALYZE",
            "BEGIN",
            "BEGIN IMMEDIATE",
            "COMMIT",
            "SAVEPOINT s",
            "INSERT INTO sqlite_master VALUES ('table', 't', 't', 0, 'x')",
            "UPDATE sqlite_master SET sql = 'x'",
            "DELETE FROM sqlite_master",
            "SELECT * FROM sqlite_temp_master",
            "SELECT * FROM dbstat",
            "DELETE FROM version_info",
            "UPDATE alembic_version SET version_num = 'x'",
            "UPDATE burn_tune_info SET format = 99",
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
            "SELECT 1; DROP TABLE trials; garbage",
            "\u{0}",
            "",
            "'",
        ] {
            guard.begin_statement();
            let refused = db.query(nasty, &[]);
            // What follows the first statement is not looked at.
            if nasty.starts_with("SELECT 1;") {
                assert!(refused.is_ok() || refused.is_err());
                continue;
            }
            assert!(refused.is_err() || refused == Ok(vec![]), "{nasty}: {refused:?}");
        }
        assert!(!outside.exists());
        let insert = "INSERT INTO studies (study_name) VALUES (?1)";
        guard.own(|| db.begin(Access::Write)).unwrap();
        assert_eq!(db.execute(insert, &[Value::Text("s".into())]), Ok(1));
        guard.own(|| db.commit()).unwrap();
        let found = schema::look(&mut db, &StorageUrl::Sqlite("x.db".into()));
        assert_eq!(found, Ok(schema::Found::BurnTune));
    }

    #[test]
    fn a_statement_that_does_not_end_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let (mut db, guard) = guarded(&folder, Duration::from_millis(100));
        let rows: Vec<String> = (0..60).map(|n| format!("('{n}')")).collect();
        db.execute(&format!("INSERT INTO studies (study_name) VALUES {}", rows.join(", ")), &[])
            .unwrap();
        let many =
            ["studies"; 9].iter().enumerate().map(|(n, t)| format!("{t} t{n}")).collect::<Vec<_>>();
        guard.begin_statement();
        let ended = db.query(&format!("SELECT count(*) FROM {}", many.join(", ")), &[]);
        assert!(ended.is_err_and(|error| error.to_string().contains("interrupted")));
    }
}

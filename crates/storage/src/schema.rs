//! The tables: Optuna's own, and ours beside them. Makes them, and looks whether a database has them.

use std::collections::BTreeSet;

use crate::database::{Database, Row, Value};
use crate::{StorageError, StorageUrl};

const OPTUNA: &str = include_str!("schema/optuna.sql");
const BURN_TUNE: &str = include_str!("schema/burn_tune.sql");

/// Optuna's tables, in the order in which Optuna makes them.
const OPTUNA_TABLES: [&str; 13] = [
    "studies",
    "version_info",
    "study_directions",
    "study_user_attributes",
    "study_system_attributes",
    "trials",
    "trial_user_attributes",
    "trial_system_attributes",
    "trial_params",
    "trial_values",
    "trial_intermediate_values",
    "trial_heartbeats",
    "alembic_version",
];

/// Those of both that are written to once their database is made.
#[cfg(feature = "http")]
pub(crate) const WRITTEN_TABLES: [&str; 13] = [
    "studies",
    "study_directions",
    "study_user_attributes",
    "study_system_attributes",
    "trials",
    "trial_user_attributes",
    "trial_system_attributes",
    "trial_params",
    "trial_values",
    "trial_intermediate_values",
    "trial_heartbeats",
    "burn_tune_leases",
    "burn_tune_curves",
];

/// Those that say which version made it.
#[cfg(feature = "http")]
pub(crate) const READ_ONLY_TABLES: [&str; 3] =
    ["version_info", "alembic_version", "burn_tune_info"];

/// The layout of Optuna's tables that this program reads and writes, by both of its version tables.
const SCHEMA_VERSION: i64 = 12;
const ALEMBIC_VERSION: &str = "v3.2.0.a";

/// The version of our own tables.
const FORMAT: i64 = 1;

/// Optuna's enumerations; SQLite has none.
const POSTGRES_TYPES: [&str; 4] = [
    "CREATE TYPE studydirection AS ENUM ('NOT_SET', 'MINIMIZE', 'MAXIMIZE')",
    "CREATE TYPE trialstate AS ENUM ('RUNNING', 'COMPLETE', 'PRUNED', 'FAIL', 'WAITING')",
    "CREATE TYPE trialvaluetype AS ENUM ('FINITE', 'INF_POS', 'INF_NEG')",
    "CREATE TYPE trialintermediatevaluetype AS ENUM ('FINITE', 'INF_POS', 'INF_NEG', 'NAN')",
];

/// Our rows go with the trial's, whoever deletes it. Foreign keys would not do: Optuna leaves them
/// unchecked in SQLite.
const SQLITE_TRIGGER: &str = "
CREATE TRIGGER burn_tune_trial_deleted AFTER DELETE ON trials BEGIN
    DELETE FROM burn_tune_leases WHERE trial_id = OLD.trial_id;
    DELETE FROM burn_tune_curves WHERE trial_id = OLD.trial_id;
END";

/// Any number that is always the same: whoever makes tables in PostgreSQL holds the lock of this name.
const POSTGRES_LOCK: i64 = 0x6275_726e_7475_6e65;

/// What a database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// No table at all.
    Nothing,
    /// Optuna's tables alone.
    Optuna,
    /// Optuna's tables and ours.
    BurnTune,
}

/// Looks at what the database at `url` holds.
///
/// # Errors
///
/// Where it is another program's, or of another version.
pub(crate) fn look(db: &mut dyn Database, url: &StorageUrl) -> Result<Found, StorageError> {
    let tables = tables(db, url)?;
    let has = |table: &&str| tables.contains(*table);
    let missing: Vec<&str> = OPTUNA_TABLES.into_iter().filter(|table| !has(table)).collect();
    if tables.is_empty() {
        return Ok(Found::Nothing);
    }
    if has(&"version_info") && has(&"alembic_version") {
        check_version(db, url)?;
    }
    if missing.is_empty() {
        return if has(&"burn_tune_info") { check_format(db, url) } else { Ok(Found::Optuna) };
    }
    let foreign = tables.iter().find(|table| !OPTUNA_TABLES.contains(&table.as_str()));
    if let Some(foreign) = foreign {
        return Err(StorageError::Input(format!(
            "{url} is the database of another program: it has a table `{foreign}`, and no table \
             `{}` of Optuna; name another with --storage",
            missing[0]
        )));
    }
    // Optuna makes its tables one by one.
    Err(StorageError::Transient(format!(
        "{url} has some of Optuna's tables, and no `{}`: another program is making them, or was \
         stopped while it did",
        missing[0]
    )))
}

/// Makes what the database lacks. Others may be about to do the same: whoever is first does it, the
/// others wait. For a transaction that writes.
///
/// # Errors
///
/// As [`look`], and what the database says.
pub(crate) fn create(db: &mut dyn Database, url: &StorageUrl) -> Result<(), StorageError> {
    if let StorageUrl::Postgres(_) = url {
        db.query("SELECT pg_advisory_xact_lock(?1)", &[Value::Int(POSTGRES_LOCK)])?;
    }
    let found = look(db, url)?;
    if let StorageUrl::Http(_) = url {
        // Whoever serves a file has made its tables.
        return match found {
            Found::BurnTune => Ok(()),
            _ => Err(StorageError::Input(format!("{url} serves no studies of burn-tune"))),
        };
    }
    if found == Found::Nothing {
        if let StorageUrl::Postgres(_) = url {
            run(db, POSTGRES_TYPES)?;
        }
        run(db, statements(OPTUNA))?;
    }
    if found != Found::BurnTune {
        create_own(db, url)?;
    }
    Ok(())
}

fn create_own(db: &mut dyn Database, url: &StorageUrl) -> Result<(), StorageError> {
    let of_trial = match url {
        StorageUrl::Sqlite(_) | StorageUrl::Http(_) => "",
        StorageUrl::Postgres(_) => " REFERENCES trials (trial_id) ON DELETE CASCADE",
    };
    run(db, statements(&BURN_TUNE.replace("{of_trial}", of_trial)))?;
    match url {
        StorageUrl::Sqlite(_) | StorageUrl::Http(_) => run(db, [SQLITE_TRIGGER]),
        StorageUrl::Postgres(_) => Ok(()),
    }
}

fn statements(file: &str) -> impl Iterator<Item = &str> {
    file.split("\n\n").filter(|statement| !statement.starts_with("--"))
}

fn run<'a>(
    db: &mut dyn Database,
    statements: impl IntoIterator<Item = &'a str>,
) -> Result<(), StorageError> {
    statements.into_iter().try_for_each(|statement| db.execute(statement, &[]).map(|_| ()))
}

fn tables(db: &mut dyn Database, url: &StorageUrl) -> Result<BTreeSet<String>, StorageError> {
    let sql = match url {
        StorageUrl::Sqlite(_) | StorageUrl::Http(_) => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'"
        }
        StorageUrl::Postgres(_) => {
            "SELECT CAST(tablename AS VARCHAR) FROM pg_tables WHERE schemaname = current_schema()"
        }
    };
    let rows = db.query(sql, &[])?;
    Ok(rows.into_iter().filter_map(first_text).collect())
}

fn first_text(row: Row) -> Option<String> {
    match row.into_iter().next() {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn check_version(db: &mut dyn Database, url: &StorageUrl) -> Result<(), StorageError> {
    let info = db.query("SELECT schema_version, library_version FROM version_info", &[])?;
    let alembic = db.query("SELECT version_num FROM alembic_version", &[])?;
    let (Some(info), Some(alembic)) =
        (info.into_iter().next(), alembic.into_iter().next().and_then(first_text))
    else {
        return Err(StorageError::Transient(format!(
            "{url} does not say which version of Optuna made it: another program is making it, or \
             was stopped while it did"
        )));
    };
    let [Value::Int(schema), library] = info.as_slice() else {
        return Err(StorageError::Input(format!(
            "{url} is the database of another program: its table `version_info` is not Optuna's; \
             name another with --storage"
        )));
    };
    let made_by = match library {
        Value::Text(version) => format!("Optuna {version}"),
        _ => "an unknown Optuna".to_owned(),
    };
    let order = schema.cmp(&SCHEMA_VERSION).then(version(&alembic).cmp(&version(ALEMBIC_VERSION)));
    match order {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(StorageError::Input(format!(
            "{url} was made by {made_by}, whose tables are older than this program's: bring them up \
             to date with `optuna storage upgrade --storage {}`, of Optuna 5 (a copy of the database \
             first does no harm)",
            for_optuna(url)
        ))),
        std::cmp::Ordering::Greater => Err(StorageError::Input(format!(
            "{url} was made by {made_by}, whose tables are newer than this program's: a newer \
             burn-tune may read them; name another database with --storage"
        ))),
    }
}

/// `v3.2.0.a` in parts that compare as versions do.
fn version(text: &str) -> Vec<(u64, &str)> {
    let parts = text.trim_start_matches('v').split('.');
    parts.map(|part| part.parse().map_or((0, part), |number| (number, ""))).collect()
}

/// `url` as Optuna takes it.
fn for_optuna(url: &StorageUrl) -> String {
    match url {
        StorageUrl::Sqlite(path) => format!("sqlite:///{}", path.display()),
        StorageUrl::Postgres(_) | StorageUrl::Http(_) => url.to_string(),
    }
}

fn check_format(db: &mut dyn Database, url: &StorageUrl) -> Result<Found, StorageError> {
    let rows = db.query("SELECT MAX(format) FROM burn_tune_info", &[])?;
    match rows.first().map(Vec::as_slice) {
        Some([Value::Int(format)]) if *format > FORMAT => Err(StorageError::Input(format!(
            "{url} was written by a newer burn-tune (format {format}, this one knows {FORMAT}): use \
             that one, or name another database with --storage"
        ))),
        _ => Ok(Found::BurnTune),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::database::Access;
    use crate::sqlite::{self, FileAccess, SqliteDatabase};

    /// A database with Optuna's tables and ours, and `change` made to it.
    fn after(change: &str) -> Result<Found, StorageError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("studies.db");
        let mut db = SqliteDatabase::open(&path, FileAccess::Create, Duration::ZERO).unwrap();
        let url = StorageUrl::Sqlite("studies.db".into());
        create(&mut db, &url).unwrap();
        for statement in change.split(';').filter(|statement| !statement.trim().is_empty()) {
            db.execute(statement, &[]).unwrap();
        }
        look(&mut db, &url)
    }

    fn refusal(change: &str) -> String {
        match after(change) {
            Err(StorageError::Input(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    /// A statement without what does not matter: white space, and the quotes around a name.
    fn bare(statement: &str) -> String {
        statement.chars().filter(|c| !c.is_whitespace() && !['"', ';'].contains(c)).collect()
    }

    fn optuna_makes(fixture: &str, ours: impl Iterator<Item = String>) {
        // What Alembic and not SQLAlchemy makes is not among Optuna's statements.
        let ours = ours.filter(|ours| !ours.contains("alembic") && !ours.starts_with("INSERT"));
        let (mut theirs, mut ours): (Vec<_>, Vec<_>) = (
            fixture.split("\n\n").map(bare).collect(),
            ours.map(|statement| bare(&statement)).collect(),
        );
        theirs.sort();
        ours.sort();
        assert_eq!(ours, theirs);
    }

    #[test]
    fn the_tables_in_sqlite_are_the_ones_that_optuna_makes() {
        optuna_makes(
            include_str!("../tests/fixtures/optuna_sqlite.sql"),
            statements(OPTUNA).map(|statement| sqlite::DIALECT.expand(statement).into_owned()),
        );
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn the_tables_in_postgresql_are_the_ones_that_optuna_makes() {
        use crate::postgres::DIALECT;

        let types = POSTGRES_TYPES.into_iter().map(str::to_owned);
        let tables = statements(OPTUNA).map(|statement| DIALECT.expand(statement).into_owned());
        optuna_makes(include_str!("../tests/fixtures/optuna_postgres.sql"), types.chain(tables));
    }

    #[test]
    fn what_a_database_holds_is_seen() {
        assert_eq!(after(""), Ok(Found::BurnTune));
        let ours = "DROP TABLE burn_tune_info; DROP TABLE burn_tune_curves; \
                    DROP TABLE burn_tune_leases";
        assert_eq!(after(ours), Ok(Found::Optuna));
        // Optuna's tables may have others beside them.
        assert_eq!(after("CREATE TABLE notes (x)"), Ok(Found::BurnTune));
    }

    #[test]
    fn a_database_of_another_version_is_refused_with_what_to_do() {
        for older in [
            "UPDATE version_info SET schema_version = 11, library_version = '4.9.9'",
            "UPDATE alembic_version SET version_num = 'v3.0.0.d'; \
             UPDATE version_info SET library_version = '4.9.9'",
            // What came later is not there yet.
            "UPDATE alembic_version SET version_num = 'v2.4.0.a'; DROP TABLE trial_heartbeats; \
             UPDATE version_info SET library_version = '4.9.9'",
        ] {
            assert_eq!(
                refusal(older),
                "studies.db was made by Optuna 4.9.9, whose tables are older than this program's: \
                 bring them up to date with `optuna storage upgrade --storage \
                 sqlite:///studies.db`, of Optuna 5 (a copy of the database first does no harm)"
            );
        }
        for newer in [
            "UPDATE version_info SET schema_version = 13, library_version = '6.0.0'",
            "UPDATE alembic_version SET version_num = 'v3.10.0.a'; \
             UPDATE version_info SET library_version = '6.0.0'",
        ] {
            let reason = refusal(newer);
            assert!(reason.contains("by Optuna 6.0.0"), "{reason}");
            assert!(reason.contains("a newer burn-tune may read them"), "{reason}");
        }
        let reason = refusal("UPDATE burn_tune_info SET format = 2");
        assert!(reason.contains("written by a newer burn-tune (format 2, this one knows 1)"));
    }

    #[test]
    fn a_database_of_another_program_is_refused_and_one_that_is_being_made_is_waited_for() {
        let reason = refusal("DROP TABLE trial_params; CREATE TABLE invoices (x)");
        assert!(reason.contains("another program: it has a table `"), "{reason}");
        let reason = refusal(
            "DROP TABLE version_info; CREATE TABLE version_info (schema_version TEXT, \
             library_version TEXT); INSERT INTO version_info VALUES ('a', 'b')",
        );
        assert!(reason.contains("`version_info` is not Optuna's"), "{reason}");

        let ours = "DROP TABLE burn_tune_info; DROP TABLE burn_tune_curves; \
                    DROP TABLE burn_tune_leases; DROP TRIGGER burn_tune_trial_deleted;";
        for unfinished in ["DROP TABLE alembic_version", "DELETE FROM alembic_version"] {
            let waits = after(&format!("{ours}{unfinished}"));
            assert!(matches!(waits, Err(StorageError::Transient(_))), "{waits:?}");
        }
    }

    #[test]
    fn our_rows_go_with_the_trial() {
        let folder = tempfile::tempdir().unwrap();
        let path: &Path = &folder.path().join("studies.db");
        let mut db = SqliteDatabase::open(path, FileAccess::Create, Duration::ZERO).unwrap();
        create(&mut db, &StorageUrl::Sqlite(path.into())).unwrap();
        db.begin(Access::Write).unwrap();
        for statement in [
            "INSERT INTO trials VALUES (1, 0, 1, 'RUNNING', NULL, NULL)",
            "INSERT INTO trials VALUES (2, 1, 1, 'RUNNING', NULL, NULL)",
            "INSERT INTO burn_tune_leases VALUES (1, 'trial', 'w', 0, 0), (2, 'trial', 'w', 0, 0)",
            "INSERT INTO burn_tune_curves VALUES (1, 'fold0', x'00'), (2, 'fold0', x'00')",
            "DELETE FROM trials WHERE trial_id = 1",
        ] {
            db.execute(statement, &[]).unwrap();
        }
        for table in ["burn_tune_leases", "burn_tune_curves"] {
            let left = db.query(&format!("SELECT trial_id FROM {table}"), &[]).unwrap();
            assert_eq!(left, [[Value::Int(2)]], "{table}");
        }
    }
}

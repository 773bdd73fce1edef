//! Studies in a file of SQLite.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi, params_from_iter};

use crate::StorageError;
use crate::database::{Access, Database, Dialect, Row, Value};

pub(crate) const DIALECT: Dialect = Dialect(&[
    // SQLite's clock has milliseconds; a date of Optuna has microseconds.
    ("{now}", "strftime('%Y-%m-%d %H:%M:%f000', 'now')"),
    ("{lock}", ""),
    ("{epoch}", "unixepoch('subsec')"),
    ("{key}", "INTEGER NOT NULL"),
    ("{float}", "FLOAT"),
    ("{bytes}", "BLOB"),
    ("{date}", "DATETIME"),
    ("{direction}", "VARCHAR(8)"),
    ("{state}", "VARCHAR(8)"),
    ("{value_type}", "VARCHAR(7)"),
    ("{intermediate_value_type}", "VARCHAR(7)"),
]);

/// More than there are statements in this crate.
const CACHED_STATEMENTS: usize = 128;

/// A connection to a file.
pub struct SqliteDatabase {
    connection: Connection,
    path: PathBuf,
    /// SQLite's count of what others have committed, as it was last looked at.
    data_version: Option<i64>,
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileAccess {
    /// It is there, and is left as it is until somebody writes.
    Existing,
    /// It is made if it is not there, with its folder, and is set up for many who write.
    Create,
}

impl SqliteDatabase {
    /// Opens the file at `path`. Whoever finds it locked waits for `busy_timeout` before that is an error.
    ///
    /// # Errors
    ///
    /// Where it is not there ([`FileAccess::Existing`]), is a folder, or cannot be opened.
    pub fn open(
        path: &Path,
        access: FileAccess,
        busy_timeout: Duration,
    ) -> Result<Self, StorageError> {
        let shown = path.display();
        if path.is_dir() {
            return Err(StorageError::Input(format!(
                "{shown} is a folder: name a file in it with --storage"
            )));
        }
        match access {
            FileAccess::Existing if !path.exists() => return Err(no_file(path)),
            FileAccess::Existing => {}
            FileAccess::Create => create_parent(path)?,
        }
        let opened = Self::connect(path, access, busy_timeout);
        opened.map_err(|error| explain(&error, path))
    }

    fn connect(
        path: &Path,
        access: FileAccess,
        busy_timeout: Duration,
    ) -> rusqlite::Result<SqliteDatabase> {
        // An absolute path is no `file:` address, and stays the same when the process changes its folder.
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut writes = flags | OpenFlags::SQLITE_OPEN_READ_WRITE;
        writes.set(OpenFlags::SQLITE_OPEN_CREATE, access == FileAccess::Create);
        let database =
            |connection| SqliteDatabase { connection, path: path.to_owned(), data_version: None };

        let opened = database(Connection::open_with_flags(&absolute, writes)?);
        match opened.set_up(access, busy_timeout) {
            Ok(()) => Ok(opened),
            Err(error) if access == FileAccess::Existing && cannot_share(&error, &absolute) => {
                let reads = flags | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
                let opened = database(Connection::open_with_flags(immutable(&absolute), reads)?);
                opened.set_up(access, busy_timeout).map(|()| opened)
            }
            Err(error) => Err(error),
        }
    }

    fn set_up(&self, access: FileAccess, busy_timeout: Duration) -> rusqlite::Result<()> {
        self.connection.busy_timeout(busy_timeout)?;
        self.connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        // Optuna leaves foreign keys unchecked, and SQLite as it is built into rusqlite checks them.
        self.connection.pragma_update(None, "foreign_keys", false)?;
        // SQLite as it is built into rusqlite looks at the values that a statement is given, and plans it
        // anew for each: the plan never changes here, and planning took longer than all the rest.
        self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // A power cut may lose the last transactions, never the file: what is lost is computed again,
        // to the same bytes. Waiting for the disk at every transaction would be ten times slower.
        self.connection.pragma_update(None, "synchronous", "NORMAL")?;
        if access == FileAccess::Create {
            self.write_ahead();
        }
        Ok(())
    }

    /// Readers and writers do not wait for each other with a write-ahead log. The file remembers that
    /// it has one, so whoever fails here goes on with what the file has: another program may be setting
    /// it, or the file system cannot share memory.
    fn write_ahead(&self) {
        if !shares_memory(&self.path) {
            tracing::debug!("{}: no write-ahead log on this file system", self.path.display());
            return;
        }
        let mode = self
            .connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        if mode.as_deref() != Ok("wal") {
            tracing::debug!("{}: no write-ahead log: {mode:?}", self.path.display());
        }
    }

    /// Whether a transaction is open.
    #[cfg(feature = "http")]
    pub fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// Sets what the connection may do from now on.
    ///
    /// # Errors
    ///
    /// What SQLite says.
    #[cfg(feature = "http")]
    pub fn restrict(
        &mut self,
        set: impl FnOnce(&mut Connection) -> rusqlite::Result<()>,
    ) -> Result<(), StorageError> {
        set(&mut self.connection).map_err(|error| self.explain(&error))
    }

    /// As [`Database::query`], but whenever the rows that have been read come to `most_bytes`, `take` has them, and
    /// what is answered are the last ones.
    ///
    /// # Errors
    ///
    /// What SQLite and `take` say.
    #[cfg(feature = "http")]
    pub fn query_in_parts(
        &mut self,
        sql: &str,
        params: &[Value],
        most_bytes: usize,
        take: &mut dyn FnMut(Vec<Row>) -> Result<(), StorageError>,
    ) -> Result<Vec<Row>, StorageError> {
        let read = read_parts(&self.connection, &DIALECT.expand(sql), params, most_bytes, take);
        match read {
            Ok(rows) => rows,
            Err(error) => Err(self.explain(&error)),
        }
    }

    fn explain(&mut self, error: &rusqlite::Error) -> StorageError {
        let error = explain(error, &self.path);
        if matches!(error, StorageError::Transient(_)) {
            self.rollback();
        }
        error
    }

    fn run(&mut self, sql: &str) -> Result<(), StorageError> {
        self.connection.execute_batch(sql).map_err(|error| self.explain(&error))
    }
}

impl Database for SqliteDatabase {
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StorageError> {
        let changed = self
            .connection
            .prepare_cached(&DIALECT.expand(sql))
            .and_then(|mut statement| statement.execute(params_from_iter(params)));
        changed.map(|rows| rows as u64).map_err(|error| self.explain(&error))
    }

    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StorageError> {
        let rows = read_rows(&self.connection, &DIALECT.expand(sql), params);
        rows.map_err(|error| self.explain(&error))
    }

    fn begin(&mut self, access: Access) -> Result<(), StorageError> {
        match access {
            Access::Read => self.run("BEGIN"),
            // One that reads first and then wants to write would fail where another wrote in between.
            Access::Write => self.run("BEGIN IMMEDIATE"),
        }
    }

    fn commit(&mut self) -> Result<(), StorageError> {
        self.run("COMMIT")
    }

    fn rollback(&mut self) {
        // After some errors SQLite has rolled back itself.
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::debug!("{}: rollback: {error}", self.path.display());
        }
    }

    fn notify(&mut self, _study: i64) -> Result<(), StorageError> {
        // The file itself counts who has changed it.
        Ok(())
    }

    fn has_changed(&mut self, _study: i64) -> Result<bool, StorageError> {
        let version = self
            .connection
            .pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0))
            .map_err(|error| self.explain(&error))?;
        Ok(self.data_version.replace(version) != Some(version))
    }
}

fn read_rows(connection: &Connection, sql: &str, params: &[Value]) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(params))?;
    let mut read = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|column| row.get_ref(column).map(value));
        read.push(values.collect::<rusqlite::Result<Row>>()?);
    }
    Ok(read)
}

/// The rows that are left at the end, or what `take` says.
#[cfg(feature = "http")]
fn read_parts(
    connection: &Connection,
    sql: &str,
    params: &[Value],
    most_bytes: usize,
    take: &mut dyn FnMut(Vec<Row>) -> Result<(), StorageError>,
) -> rusqlite::Result<Result<Vec<Row>, StorageError>> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(params))?;
    let (mut read, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|column| row.get_ref(column).map(value));
        let values = values.collect::<rusqlite::Result<Row>>()?;
        bytes += values.iter().map(size).sum::<usize>();
        read.push(values);
        if bytes >= most_bytes {
            bytes = 0;
            if let Err(error) = take(std::mem::take(&mut read)) {
                return Ok(Err(error));
            }
        }
    }
    Ok(Ok(read))
}

/// About how many bytes a value has in memory.
#[cfg(feature = "http")]
fn size(value: &Value) -> usize {
    let own = match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Null | Value::Int(_) | Value::Float(_) => 0,
    };
    size_of::<Value>() + own
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Float(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Float(number) => ValueRef::Real(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// Whether a file cannot even be read because its write-ahead log would need two more files in a folder
/// that is read-only, although there is nothing in the log.
fn cannot_share(error: &rusqlite::Error, path: &Path) -> bool {
    let code = failure(error).map(|failure| failure.code);
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    matches!(code, Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
        && fs::metadata(log).map_or(true, |log| log.len() == 0)
}

/// The address of a file that nobody writes to, so that it is read without locks and log.
fn immutable(path: &Path) -> String {
    let path = path.to_string_lossy();
    format!("file:{}?immutable=1", path.replace('%', "%25").replace('?', "%3f").replace('#', "%23"))
}

fn no_file(path: &Path) -> StorageError {
    StorageError::Input(format!(
        "there is no study in {}: the file does not exist; `burn-tune search` makes it, --storage \
         names another",
        path.display()
    ))
}

fn create_parent(path: &Path) -> Result<(), StorageError> {
    let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else {
        return Ok(());
    };
    fs::create_dir_all(parent).map_err(|error| {
        StorageError::Permanent(format!("cannot make the folder {}: {error}", parent.display()))
    })
}

/// Whether all that open a file beside `path` can share memory: a write-ahead log breaks the file
/// where they are on several machines.
#[cfg(target_os = "linux")]
pub(crate) fn shares_memory(path: &Path) -> bool {
    /// As in `linux/magic.h` and in what is outside of the kernel: NFS, SMB (two of them), Ceph, AFS, 9P,
    /// Lustre, GPFS, BeeGFS, PanFS, and FUSE, behind which sshfs and GlusterFS are.
    const SHARED_BY_MACHINES: [u64; 11] = [
        0x6969,
        0xff53_4d42,
        0xfe53_4d42,
        0x00c3_6400,
        0x5346_414f,
        0x0102_1997,
        0x0bd0_0bd0,
        0x4750_4653,
        0x1983_0326,
        0xaad7_aaea,
        0x6573_5546,
    ];
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let kind = rustix::fs::statfs(folder.unwrap_or(Path::new("."))).map(|stat| stat.f_type as u64);
    kind.map_or(true, |kind| !SHARED_BY_MACHINES.contains(&(kind & 0xffff_ffff)))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn shares_memory(_: &Path) -> bool {
    true
}

/// What `error` means for who asked for the file at `path`, and what to do.
fn explain(error: &rusqlite::Error, path: &Path) -> StorageError {
    let path = path.display();
    let Some(failure) = failure(error) else {
        return StorageError::Permanent(format!("{path}: {error}"));
    };
    let text = match failure.code {
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::SchemaChanged => {
            return StorageError::Transient(format!("{path} is held by another program"));
        }
        ErrorCode::NotADatabase => {
            format!("{path} is no SQLite database: name another with --storage")
        }
        ErrorCode::DatabaseCorrupt => format!(
            "{path} is damaged ({error}): `sqlite3 {path} .recover` may save what is in it; name \
             another with --storage"
        ),
        ErrorCode::DiskFull => disk_full(&path),
        // The memory that is shared beside the write-ahead log is a file as well.
        _ if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE => disk_full(&path),
        ErrorCode::ReadOnly => format!(
            "{path} may only be read: allow writing to it and to its folder, or name another with \
             --storage"
        ),
        ErrorCode::SystemIoFailure => format!(
            "{path} cannot be read or written ({error}, {}): look at the disk and its file system",
            failure.extended_code
        ),
        ErrorCode::CannotOpen => format!(
            "{path} cannot be opened: look whether its folder exists and may be written to, or name \
             another with --storage"
        ),
        ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied => {
            format!(
                "{path} may not be opened: look at its permissions, or name another with --storage"
            )
        }
        _ => format!("{path}: {error}"),
    };
    StorageError::Permanent(text)
}

fn disk_full(path: &std::path::Display<'_>) -> String {
    format!("the disk is full: {path} cannot grow; free some space, then resume the study")
}

/// The code of an error; preparing a statement wraps it in another way than running it.
fn failure(error: &rusqlite::Error) -> Option<&ffi::Error> {
    match error {
        rusqlite::Error::SqlInputError { error, .. } => Some(error),
        error => error.sqlite_error(),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn open(path: &Path, access: FileAccess) -> Result<SqliteDatabase, StorageError> {
        SqliteDatabase::open(path, access, Duration::ZERO)
    }

    fn folder() -> TempDir {
        tempfile::tempdir().unwrap()
    }

    fn filled(path: &Path) -> SqliteDatabase {
        let mut database = open(path, FileAccess::Create).unwrap();
        database.execute("CREATE TABLE t (x)", &[]).unwrap();
        database
    }

    fn permanent<T>(result: Result<T, StorageError>) -> String {
        match result {
            Err(StorageError::Permanent(reason)) => reason,
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("it works"),
        }
    }

    #[test]
    fn a_new_file_has_its_folder_made_and_a_write_ahead_log() {
        let folder = folder();
        let path = folder.path().join("a/b/studies.db");
        let mut database = filled(&path);
        assert_eq!(
            database.query("PRAGMA journal_mode", &[]).unwrap(),
            [[Value::Text("wal".into())]]
        );
        assert_eq!(database.query("PRAGMA foreign_keys", &[]).unwrap(), [[Value::Int(0)]]);
        assert_eq!(database.query("PRAGMA synchronous", &[]).unwrap(), [[Value::Int(1)]]);
    }

    #[test]
    fn a_file_that_must_exist_is_not_made_nor_changed() {
        let folder = folder();
        let path = folder.path().join("a/studies.db");
        let refused = open(&path, FileAccess::Existing);
        assert!(matches!(refused, Err(StorageError::Input(_))));
        assert!(!path.parent().unwrap().exists());

        let path = folder.path().join("optuna.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        let before = fs::read(&path).unwrap();
        let mut database = open(&path, FileAccess::Existing).unwrap();
        assert_eq!(database.query("SELECT x FROM t", &[]).unwrap(), Vec::<Row>::new());
        drop(database);
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_folder_and_a_file_of_something_else_are_named() {
        let folder = folder();
        let refused = open(folder.path(), FileAccess::Create).map(|_| ());
        assert_eq!(
            refused.unwrap_err().to_string(),
            format!("{} is a folder: name a file in it with --storage", folder.path().display())
        );
        let path = folder.path().join("notes.txt");
        fs::write(&path, "no database, but long enough for SQLite to look at it".repeat(40))
            .unwrap();
        assert_eq!(
            permanent(open(&path, FileAccess::Create)),
            format!("{} is no SQLite database: name another with --storage", path.display())
        );
        let below_a_file = path.join("studies.db");
        let reason = permanent(open(&below_a_file, FileAccess::Create));
        assert!(reason.starts_with("cannot make the folder"), "{reason}");
    }

    #[test]
    fn a_damaged_file_is_said_to_be_so() {
        let folder = folder();
        let path = folder.path().join("studies.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes[100..].fill(0xff);
        fs::write(&path, bytes).unwrap();
        let reason = permanent(open(&path, FileAccess::Existing));
        assert!(reason.contains("is damaged") && reason.contains(".recover"), "{reason}");
    }

    #[test]
    fn a_full_disk_is_said_to_be_full_and_nothing_is_kept_of_the_transaction() {
        let folder = folder();
        let path = folder.path().join("studies.db");
        let mut database = filled(&path);
        // SQLite's own limit stands in for the disk's: the error is the same.
        database.query("PRAGMA max_page_count = 4", &[]).unwrap();
        database.begin(Access::Write).unwrap();
        database.execute("INSERT INTO t VALUES (?1)", &[Value::Int(1)]).unwrap();
        let large = Value::Bytes(vec![7; 1 << 20]);
        assert_eq!(
            permanent(database.execute("INSERT INTO t VALUES (?1)", &[large])),
            format!(
                "the disk is full: {} cannot grow; free some space, then resume the study",
                path.display()
            )
        );
        database.rollback();
        assert_eq!(database.query("SELECT COUNT(*) FROM t", &[]).unwrap(), [[Value::Int(0)]]);
    }

    #[test]
    fn a_file_that_another_writes_to_is_said_to_be_held_and_never_to_be_locked() {
        let folder = folder();
        let path = folder.path().join("studies.db");
        let mut first = filled(&path);
        let mut second = open(&path, FileAccess::Existing).unwrap();
        first.begin(Access::Write).unwrap();
        assert_eq!(
            second.begin(Access::Write),
            Err(StorageError::Transient(format!("{} is held by another program", path.display())))
        );
        // Whoever reads is not kept waiting.
        second.begin(Access::Read).unwrap();
        second.query("SELECT * FROM t", &[]).unwrap();
        second.commit().unwrap();
        first.commit().unwrap();
        second.begin(Access::Write).unwrap();
    }

    #[test]
    fn what_cannot_be_committed_because_of_a_reader_is_undone() {
        let folder = folder();
        let path = folder.path().join("studies.db");
        // Without a write-ahead log a reader keeps a writer from committing.
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        let mut reader = open(&path, FileAccess::Existing).unwrap();
        let mut writer = open(&path, FileAccess::Existing).unwrap();
        reader.begin(Access::Read).unwrap();
        reader.query("SELECT * FROM t", &[]).unwrap();
        writer.begin(Access::Write).unwrap();
        writer.execute("INSERT INTO t VALUES (1)", &[]).unwrap();
        assert!(matches!(writer.commit(), Err(StorageError::Transient(_))));
        reader.commit().unwrap();
        assert_eq!(writer.query("SELECT * FROM t", &[]).unwrap(), Vec::<Row>::new());
    }

    #[cfg(unix)]
    #[test]
    fn a_read_only_file_can_be_read_and_says_what_it_is_when_written_to() {
        use std::os::unix::fs::PermissionsExt;

        if rustix::process::geteuid().is_root() {
            eprintln!("SKIPPED: root may write to what is read-only");
            return;
        }
        let allow = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        for (of_file, of_folder) in [(0o444, 0o755), (0o444, 0o555), (0o644, 0o555)] {
            let folder = folder();
            let path = folder.path().join("studies.db");
            drop(filled(&path));
            allow(&path, of_file);
            allow(folder.path(), of_folder);
            let mut database = open(&path, FileAccess::Existing).unwrap();
            database.query("SELECT * FROM t", &[]).unwrap();
            let reason = permanent(database.execute("INSERT INTO t VALUES (1)", &[]));
            assert!(reason.contains("may only be read: allow writing"), "{reason}");
            allow(folder.path(), 0o755);
        }
    }
}

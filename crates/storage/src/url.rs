//! Where studies are kept: the addresses that `--storage` takes. A password in one is never shown.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::StorageError;

/// A database: a file of SQLite, a server of PostgreSQL, or a server of such a file. Shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub enum StorageUrl {
    /// A file of SQLite.
    Sqlite(PathBuf),
    /// A database of a PostgreSQL server: `postgresql://…` as libpq reads it, with its password.
    Postgres(String),
    /// A `burn-tune serve`: `http://HOST:PORT` or `https://HOST:PORT`.
    Http(String),
}

const ALLOWED: &str = "name a file (results/studies.db), sqlite:///FILE, \
                       postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or https://HOST:PORT of a \
                       `burn-tune serve`";

impl FromStr for StorageUrl {
    type Err = StorageError;

    fn from_str(text: &str) -> Result<Self, StorageError> {
        let Some((scheme, rest)) = text.split_once(':') else { return file(text) };
        // SQLAlchemy's addresses may name a Python driver, which is none of ours.
        let dialect = scheme.split('+').next().unwrap_or(scheme);
        match (dialect, rest.strip_prefix("//")) {
            ("sqlite", Some(rest)) => sqlite(rest),
            ("postgresql" | "postgres", Some(rest)) => {
                Ok(StorageUrl::Postgres(format!("postgresql://{rest}")))
            }
            ("http" | "https", Some(_)) => Ok(StorageUrl::Http(text.to_owned())),
            ("sqlite" | "postgresql" | "postgres" | "http" | "https", None) => {
                Err(StorageError::Input(format!(
                    "`{dialect}:` is followed by `//` in an address of a database: {ALLOWED}"
                )))
            }
            (_, Some(_)) => Err(StorageError::Input(format!(
                "`{scheme}://` is no database that studies can be kept in: {ALLOWED}"
            ))),
            // A file may have a colon in its name.
            (_, None) => file(text),
        }
    }
}

/// What follows `sqlite://`: in SQLAlchemy a third slash ends an empty host.
fn sqlite(rest: &str) -> Result<StorageUrl, StorageError> {
    let Some(path) = rest.strip_prefix('/') else {
        return Err(StorageError::Input(format!(
            "a file of SQLite has three slashes before its name, four before an absolute one: \
             sqlite:///{rest}"
        )));
    };
    if let Some((path, options)) = path.split_once('?') {
        return Err(StorageError::Input(format!(
            "`?{options}`: an address of SQLite takes no options: sqlite:///{path}"
        )));
    }
    file(path)
}

fn file(path: &str) -> Result<StorageUrl, StorageError> {
    match path {
        "" => Err(StorageError::Input(format!("the database has no name: {ALLOWED}"))),
        ":memory:" => Err(StorageError::Input(format!(
            "a database in memory is gone when the program ends: {ALLOWED}"
        ))),
        path => Ok(StorageUrl::Sqlite(PathBuf::from(path))),
    }
}

impl fmt::Display for StorageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StorageUrl::Sqlite(path) => write!(f, "{}", path.display()),
            StorageUrl::Postgres(url) | StorageUrl::Http(url) => {
                f.write_str(&without_password(url))
            }
        }
    }
}

/// As [`fmt::Display`], so that no log and no failed assertion has the password either.
impl fmt::Debug for StorageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            StorageUrl::Sqlite(_) => "Sqlite",
            StorageUrl::Postgres(_) => "Postgres",
            StorageUrl::Http(_) => "Http",
        };
        write!(f, "{kind}({self})")
    }
}

/// `url` with `***` for the password, wherever libpq would find one. Where a password has characters
/// that should have been written as `%…`, more is hidden rather than less.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_at(url.find("://").map_or(0, |at| at + "://".len()));
    let rest = match rest.rsplit_once('@') {
        Some((credentials, host)) => match credentials.split_once(':') {
            Some((user, _)) => format!("{user}:***@{host}"),
            None => rest.to_owned(),
        },
        None => rest.to_owned(),
    };
    let hide = |option: &str| match option.split_once('=') {
        Some((key, value)) if key.contains("passw") => {
            let end = if value.ends_with('&') { "&" } else { "" };
            format!("{key}=***{end}")
        }
        _ => option.to_owned(),
    };
    let options = rest.split_inclusive(['?', '&']).map(hide).collect::<String>();
    format!("{scheme}{options}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> StorageUrl {
        text.parse().unwrap()
    }

    fn refusal(text: &str) -> String {
        match text.parse::<StorageUrl>() {
            Err(StorageError::Input(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_file_is_named_by_its_path_or_as_sqlalchemy_does() {
        for (text, path) in [
            ("results/studies.db", "results/studies.db"),
            ("/tmp/a b.db", "/tmp/a b.db"),
            ("a:b.db", "a:b.db"),
            ("sqlite:///relative.db", "relative.db"),
            ("sqlite:////abs/studies.db", "/abs/studies.db"),
            ("sqlite+pysqlite:///x", "x"),
        ] {
            assert_eq!(parse(text), StorageUrl::Sqlite(path.into()), "{text}");
            assert_eq!(parse(text).to_string(), path, "{text}");
        }
    }

    #[test]
    fn a_server_is_named_as_libpq_or_sqlalchemy_does() {
        for text in [
            "postgresql://u:p@h:5432/db?sslmode=require",
            "postgres://u:p@h:5432/db?sslmode=require",
            "postgresql+psycopg2://u:p@h:5432/db?sslmode=require",
        ] {
            let expected = "postgresql://u:p@h:5432/db?sslmode=require";
            assert_eq!(parse(text), StorageUrl::Postgres(expected.into()), "{text}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for (text, shown) in [
            ("postgresql://u:secret@h/db", "postgresql://u:***@h/db"),
            ("postgresql://u:sec@ret@h/db", "postgresql://u:***@h/db"),
            ("postgresql://u:sec:ret/@h", "postgresql://u:***@h"),
            ("postgresql://u:s?e&c=@h/db?user=x", "postgresql://u:***@h/db?user=x"),
            ("postgresql:///db?password=se@cret", "postgresql:///db?password=***"),
            ("postgresql://u@h/db", "postgresql://u@h/db"),
            ("postgresql:///db", "postgresql:///db"),
            (
                "postgresql://u@h/db?password=secret&sslmode=disable",
                "postgresql://u@h/db?password=***&sslmode=disable",
            ),
        ] {
            assert_eq!(parse(text).to_string(), shown);
            assert_eq!(format!("{:?}", parse(text)), format!("Postgres({shown})"));
        }
    }

    #[test]
    fn what_is_no_database_of_ours_is_refused_with_what_is() {
        assert_eq!(
            refusal("mysql://u:secret@h/db"),
            "`mysql://` is no database that studies can be kept in: name a file \
             (results/studies.db), sqlite:///FILE, postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or \
             https://HOST:PORT of a `burn-tune serve`"
        );
        assert!(refusal("").starts_with("the database has no name"));
        assert!(refusal("sqlite://").contains("sqlite:///"));
        assert!(refusal("sqlite:///").starts_with("the database has no name"));
        assert!(refusal("sqlite:///:memory:").starts_with("a database in memory is gone"));
        assert!(refusal("sqlite://studies.db").ends_with("sqlite:///studies.db"));
        assert!(refusal("sqlite:///x.db?timeout=5").contains("no options: sqlite:///x.db"));
        assert!(refusal("sqlite:x.db").contains("followed by `//`"));
        assert!(!refusal("postgresql:u:secret@h").contains("secret"));
    }
}

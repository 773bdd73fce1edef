//! The files in which users of PostgreSQL keep passwords and addresses, as libpq reads them: `~/.pgpass` and
//! `~/.pg_service.conf`. So no password has to stand in a command.

use std::fs;
use std::path::{Path, PathBuf};

use crate::StorageError;

/// Looks up a variable of the environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Whom a password is for.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// The server, as the address has it; `localhost` for a socket in the file system.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// The database.
    pub database: &'a str,
    /// The user.
    pub user: &'a str,
}

/// The password of the file that `PGPASSFILE` names, or else of `~/.pgpass`, if there is one.
pub fn password(environment: Environment, login: Login) -> Option<String> {
    let path = environment("PGPASSFILE").map(PathBuf::from);
    let path = path.or_else(|| Some(home(environment)?.join(".pgpass")))?;
    let text = fs::read_to_string(&path).ok()?;
    if others_can_read(&path) {
        tracing::warn!(
            "{} is not looked at, because others may read it: chmod 600",
            path.display()
        );
        return None;
    }
    password_in(&text, login)
}

/// The password of the first line that fits: `host:port:database:user:password`, where `*` fits anything.
fn password_in(text: &str, login: Login) -> Option<String> {
    let Login { host, port, database, user } = login;
    let port = port.to_string();
    let wanted = [host, &port, database, user];
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.map(fields).find_map(|fields| match fields.as_slice() {
        [place @ .., password] if place.len() == wanted.len() => {
            let fits = |(field, wanted): (&String, &&str)| field == "*" || field == *wanted;
            place.iter().zip(&wanted).all(fits).then(|| password.clone())
        }
        _ => None,
    })
}

/// The parts between colons; a backslash takes the next character as it is.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut field) = (Vec::new(), String::new());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => field.extend(characters.next()),
            // What is behind the fourth one is the password, which may have some.
            ':' if fields.len() < 4 => fields.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    fields.push(field);
    fields
}

/// What the files of services say of the service `name`: in `PGSERVICEFILE`, or else in `~/.pg_service.conf`, or
/// else in `pg_service.conf` in the folder `PGSYSCONFDIR`.
///
/// # Errors
///
/// Where none of them knows it.
pub fn service(
    environment: Environment,
    name: &str,
) -> Result<Vec<(String, String)>, StorageError> {
    let own = environment("PGSERVICEFILE").map(PathBuf::from);
    let own = own.or_else(|| Some(home(environment)?.join(".pg_service.conf")));
    let of_system =
        environment("PGSYSCONFDIR").map(|folder| Path::new(&folder).join("pg_service.conf"));
    let files: Vec<PathBuf> = own.into_iter().chain(of_system).collect();
    let mut texts = files.iter().filter_map(|path| fs::read_to_string(path).ok());
    texts.find_map(|text| section(&text, name)).ok_or_else(|| {
        let files: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
        StorageError::Input(format!(
            "there is no service `{name}` of PostgreSQL in {}: it is a section [{name}] with lines such as host=… \
             and dbname=…",
            files.join(" or ")
        ))
    })
}

/// The entries of the section `[name]`, if there is one.
fn section(text: &str, name: &str) -> Option<Vec<(String, String)>> {
    let mut found: Option<Vec<(String, String)>> = None;
    let mut is_inside = false;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some(title) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            is_inside = title == name && found.is_none();
            if is_inside {
                found = Some(Vec::new());
            }
        } else if is_inside && let Some((key, value)) = line.split_once('=') {
            let entry = (key.trim().to_owned(), value.trim().to_owned());
            found.get_or_insert_default().push(entry);
        }
    }
    found
}

fn home(environment: Environment) -> Option<PathBuf> {
    environment("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

#[cfg(unix)]
fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn others_can_read(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIN: Login = Login { host: "db", port: 5433, database: "tune", user: "me" };

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let text = "# db:*:*:*:comment\nother:*:*:*:1\ndb:5432:*:*:2\nshort:line\n*:*:tune:me:a\\:b\\\\:c\n*:*:*:*:3\n";
        assert_eq!(password_in(text, LOGIN).as_deref(), Some("a:b\\:c"));
        assert_eq!(password_in(text, Login { user: "you", ..LOGIN }).as_deref(), Some("3"));
        assert_eq!(password_in("db:5433:tune:you:x", LOGIN), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_not_looked_at() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".pgpass");
        fs::write(&path, "db:5433:tune:me:secret\n").unwrap();
        let home = folder.path().display().to_string();
        let environment = |name: &str| (name == "HOME").then(|| home.clone());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(password(&environment, LOGIN), None);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(password(&environment, LOGIN).as_deref(), Some("secret"));
        let named = path.display().to_string();
        let elsewhere = |name: &str| (name == "PGPASSFILE").then(|| named.clone());
        assert_eq!(password(&elsewhere, LOGIN).as_deref(), Some("secret"));
    }

    #[test]
    fn a_service_is_a_section() {
        let text = "[a]\nhost=x\n\n# of the cluster\n[tune]\nhost = db\n#port=1\ndbname=tune\n[b]\nuser=z\n";
        let entry = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(section(text, "tune"), Some(vec![entry("host", "db"), entry("dbname", "tune")]));
        assert_eq!(section(text, "c"), None);
        let reason = service(&|_| None, "c").unwrap_err();
        assert!(reason.to_string().starts_with("there is no service `c`"), "{reason}");
    }
}

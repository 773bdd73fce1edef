//! The token: who has it may read and write the studies, and knows the server by it.
//!
//! It is one line, `burn-tune.FINGERPRINT.SECRET`. The secret is what a client shows. The fingerprint is that of the
//! server's certificate, so whoever has the token needs nothing else for an encrypted connection to the right server.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::StorageError;

/// The variable with a token.
pub const TOKEN_VARIABLE: &str = "BURN_TUNE_TOKEN";
/// The variable that names the file with a token.
pub const TOKEN_FILE_VARIABLE: &str = "BURN_TUNE_TOKEN_FILE";

const FIRST_WORD: &str = "burn-tune";
/// Of the fingerprint, a SHA-256, and of the secret.
const BYTES: usize = 32;

/// What a client has to show. It is not shown by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The SHA-256 of the certificate that the server makes itself.
    pub(super) fingerprint: [u8; BYTES],
    secret: [u8; BYTES],
}

impl Token {
    pub(super) fn new(fingerprint: [u8; BYTES], secret: [u8; BYTES]) -> Self {
        Token { fingerprint, secret }
    }

    /// Reads `burn-tune.FINGERPRINT.SECRET`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('.');
        if parts.next()? != FIRST_WORD {
            return None;
        }
        let mut bytes =
            || -> Option<[u8; BYTES]> { BASE64.decode(parts.next()?).ok()?.try_into().ok() };
        let token = Token { fingerprint: bytes()?, secret: bytes()? };
        parts.next().is_none().then_some(token)
    }

    /// The line that the file has.
    pub(super) fn line(&self) -> String {
        format!("{FIRST_WORD}.{}.{}\n", BASE64.encode(self.fingerprint), BASE64.encode(self.secret))
    }

    /// What a client sends: without the fingerprint, which it keeps to itself to compare.
    pub(super) fn shown(&self) -> String {
        BASE64.encode(self.secret)
    }

    /// What a browser shows: it lets nobody write.
    pub(super) fn of_browsers(&self) -> String {
        let hash =
            Sha256::new().chain_update(b"the pages of burn-tune serve").chain_update(self.secret);
        BASE64.encode(hash.finalize())
    }

    /// The token that a client has: of this file, or else of the variable, or of the file that is looked at by default.
    ///
    /// # Errors
    ///
    /// Where there is none, or others may read the file.
    pub(super) fn of_client(file: Option<&Path>) -> Result<Self, StorageError> {
        if file.is_none()
            && let Ok(text) = std::env::var(TOKEN_VARIABLE)
        {
            return Token::parse(&text).ok_or_else(|| {
                StorageError::Input(format!("{TOKEN_VARIABLE} has no token in it: {WHERE_FROM}"))
            });
        }
        let path = file.map_or_else(default_file, |file| Ok(file.to_owned()))?;
        match read(&path) {
            Ok(Some(token)) => Ok(token),
            Ok(None) => Err(StorageError::Input(format!(
                "there is no token: {} does not exist; {WHERE_FROM}, which {TOKEN_FILE_VARIABLE} names",
                path.display()
            ))),
            Err(error) => Err(error),
        }
    }

    /// The token in the file, with the certificate and the key beside it; where there is none, all of it is made.
    ///
    /// # Errors
    ///
    /// Where others may read it, it holds something else, or it cannot be written.
    pub(super) fn of_server(
        path: &Path,
        make: impl FnOnce() -> Result<(Token, String), StorageError>,
    ) -> Result<(Self, PathBuf), StorageError> {
        let certificate = certificate_file(path);
        if let Some(token) = read(path)? {
            return Ok((token, certificate));
        }
        let (token, pem) = make()?;
        // The token comes last, for whoever finds it finds the certificate.
        write(&certificate, &pem, true)?;
        write(path, &token.line(), false)?;
        // Another server may have been as fast.
        let token = read(path)?.unwrap_or(token);
        Ok((token, certificate))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Whether two texts are the same, in a time that says nothing of them.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

const WHERE_FROM: &str = "it is in the file that `burn-tune serve` names when it starts: copy that to a file that \
                          you alone may read";

/// The file with the token, unless somebody names another.
///
/// # Errors
///
/// Where nothing says which folder is the user's own.
pub fn default_file() -> Result<PathBuf, StorageError> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(path) = variable(TOKEN_FILE_VARIABLE) {
        return Ok(path.into());
    }
    let folder = match (variable("XDG_CONFIG_HOME"), variable("HOME")) {
        (Some(folder), _) => PathBuf::from(folder),
        (None, Some(home)) => Path::new(&home).join(".config"),
        (None, None) => {
            return Err(StorageError::Input(format!(
                "there is no HOME, where the token would be: name its file with {TOKEN_FILE_VARIABLE}"
            )));
        }
    };
    Ok(folder.join("burn-tune/token"))
}

/// Where the server has its certificate and key, beside the token.
fn certificate_file(token: &Path) -> PathBuf {
    let mut name = token.as_os_str().to_owned();
    name.push(".pem");
    name.into()
}

fn read(path: &Path) -> Result<Option<Token>, StorageError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(StorageError::Input(format!("the token in {}: {error}", path.display())));
        }
    };
    owned_alone(path)?;
    match Token::parse(&text) {
        Some(token) => Ok(Some(token)),
        None => Err(StorageError::Input(format!(
            "{} has no token in it: remove it, and `burn-tune serve` makes one; or name another file with \
             {TOKEN_FILE_VARIABLE}",
            path.display()
        ))),
    }
}

/// # Errors
///
/// Where others than the owner of a file may read or write it.
#[cfg(unix)]
pub(super) fn owned_alone(path: &Path) -> Result<(), StorageError> {
    use std::os::unix::fs::PermissionsExt;

    let mode = fs::metadata(path).map_or(0, |file| file.permissions().mode());
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(StorageError::Input(format!(
            "{0} may be read by others, and who has the token has the studies: `chmod 600 {0}`, and if others have \
             been there, remove it, so that `burn-tune serve` makes a new one",
            path.display()
        ))),
    }
}

#[cfg(not(unix))]
pub(super) fn owned_alone(_: &Path) -> Result<(), StorageError> {
    Ok(())
}

/// Writes a file that its owner alone may read. It is there with all of its text, or not at all; `replaces` says
/// whether it takes the place of another.
fn write(path: &Path, text: &str, replaces: bool) -> Result<(), StorageError> {
    let problem = |error: std::io::Error| {
        StorageError::Permanent(format!(
            "cannot write {}: {error}; another file for the token is named with --token-file",
            path.display()
        ))
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(problem)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let _ = fs::remove_file(&beside);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside).map_err(problem)?;
    file.write_all(text.as_bytes()).map_err(problem)?;
    drop(file);
    let kept = match replaces {
        true => fs::rename(&beside, path),
        false => match fs::hard_link(&beside, path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            other => other,
        },
    };
    let _ = fs::remove_file(&beside);
    kept.map_err(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token::new([7; BYTES], [200; BYTES])
    }

    #[test]
    fn a_token_is_read_as_it_was_written_and_nothing_else_is_one() {
        let line = token().line();
        assert_eq!(Token::parse(&line), Some(token()));
        for wrong in
            ["", "burn-tune", "burn-tune.x.y", &line.replace("burn-tune", "other"), &line[..60]]
        {
            assert_eq!(Token::parse(wrong), None, "{wrong}");
        }
        assert_eq!(format!("{:?}", token()), "Token(…)");
        assert_ne!(token().shown(), token().of_browsers());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused_and_one_that_is_made_is_its_owners() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/token");
        let made = Token::of_server(&path, || Ok((token(), "PEM".into()))).unwrap();
        assert_eq!(made, (token(), folder.path().join("a/token.pem")));
        for file in [&path, &made.1] {
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let again = Token::of_server(&path, || panic!("there is one")).unwrap();
        assert_eq!(again, made);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = read(&path).unwrap_err().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "secret").unwrap();
        let refused = read(&path).unwrap_err().to_string();
        assert!(refused.contains("has no token in it") && !refused.contains("secret"), "{refused}");
    }
}

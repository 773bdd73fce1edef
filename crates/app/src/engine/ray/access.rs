//! Where a cluster of Ray is, and the token that it asks for: from the arguments, and from what Ray's own commands read.

use std::path::{Path, PathBuf};
use std::{env, fmt, fs};

use anyhow::{Context, Result, bail};

/// Where Ray's own commands look by themselves.
const DEFAULT_ADDRESS: &str = "http://127.0.0.1:8265";
const ADDRESS_VARIABLES: [&str; 2] = ["RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"];
const TOKEN_VARIABLE: &str = "RAY_AUTH_TOKEN";
const TOKEN_FILE_VARIABLE: &str = "RAY_AUTH_TOKEN_PATH";

/// What a cluster is told to let somebody in. It is not shown by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    #[cfg(test)]
    pub fn of(text: &str) -> Self {
        Token(text.to_owned())
    }

    /// What stands in the header `Authorization`.
    pub fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A variable of the environment, unless it is empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The address of the dashboard, without a slash at its end: that of the arguments, or else of the environment.
///
/// # Errors
///
/// Where it is no address of a dashboard, with one that is.
pub fn address(given: Option<&str>) -> Result<String> {
    let found = ADDRESS_VARIABLES.into_iter().find_map(|name| Some((name, variable(name)?)));
    let (from, text) = match (given, found) {
        (Some(text), _) => ("--ray-address", text.to_owned()),
        (None, Some(found)) => found,
        (None, None) => return Ok(DEFAULT_ADDRESS.to_owned()),
    };
    parse(&text).with_context(|| format!("{from} is {text}"))
}

fn parse(text: &str) -> Result<String> {
    let address = match text.split_once("://") {
        Some(("http" | "https", _)) => text.to_owned(),
        // What Ray's commands take is more than a program outside of the cluster can follow.
        Some((scheme, _)) => bail!(
            "`{scheme}://` is not where jobs are sent to: name the dashboard of the cluster, such as http://HOST:8265"
        ),
        None if text == "auto" || text == "local" => bail!(
            "that means a cluster which Ray itself would find: name its dashboard, such as http://HOST:8265"
        ),
        None => format!("http://{text}"),
    };
    let host = address.split("://").nth(1).unwrap_or_default();
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '@') {
        bail!("that is no address: write one such as http://HOST:8265");
    }
    Ok(address.trim_end_matches('/').to_owned())
}

/// The token, if there is one: where Ray's own commands find it, and in that order.
///
/// # Errors
///
/// Where the environment names a file that has none.
pub fn token() -> Result<Option<Token>> {
    if variable("RAY_AUTH_MODE").is_some_and(|mode| mode.eq_ignore_ascii_case("disabled")) {
        return Ok(None);
    }
    let home = variable("HOME").or_else(|| variable("USERPROFILE"));
    let default = home.map(|home| PathBuf::from(home).join(".ray/auth_token"));
    find_token(variable(TOKEN_VARIABLE), variable(TOKEN_FILE_VARIABLE), default.as_deref())
}

fn find_token(
    text: Option<String>,
    file: Option<String>,
    default: Option<&Path>,
) -> Result<Option<Token>> {
    if let Some(token) = text.as_deref().and_then(first_line) {
        return checked(token, TOKEN_VARIABLE).map(Some);
    }
    if let Some(path) = file {
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{TOKEN_FILE_VARIABLE} is {path}, which cannot be read"))?;
        let token = first_line(&text).with_context(|| {
            format!("{TOKEN_FILE_VARIABLE} is {path}, whose first line has no token")
        })?;
        return checked(token, &path).map(Some);
    }
    let text = default.and_then(|path| fs::read_to_string(path).ok());
    let token = text.as_deref().and_then(first_line);
    token.map(|token| checked(token, "~/.ray/auth_token")).transpose()
}

fn first_line(text: &str) -> Option<String> {
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// A token that can stand in a header.
fn checked(token: String, from: &str) -> Result<Token> {
    match token.chars().all(|c| c.is_ascii_graphic()) {
        true => Ok(Token(token)),
        false => bail!("the token in {from} has characters that no token has"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_a_dashboard() {
        for (text, address) in [
            ("http://head:8265", "http://head:8265"),
            ("https://ray.example.org/path/", "https://ray.example.org/path"),
            ("head:8265", "http://head:8265"),
        ] {
            assert_eq!(parse(text).unwrap(), address);
        }
        let refused = |text: &str| format!("{:#}", address(Some(text)).unwrap_err());
        assert_eq!(
            refused("ray://head:10001"),
            "--ray-address is ray://head:10001: `ray://` is not where jobs are sent to: name the dashboard of the \
             cluster, such as http://HOST:8265"
        );
        assert!(refused("auto").contains("which Ray itself would find"));
        for text in ["http://", "a b", "http://user:secret@head"] {
            assert!(refused(text).contains("no address"), "{text}");
        }
    }

    #[test]
    fn a_token_is_found_where_ray_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let named = path("named", "  of-the-file  \nand more\n");
        let default = path("auth_token", "of-home\n");
        let named = Some(named.display().to_string());
        let header = |text: Option<&str>, file: &Option<String>, default: Option<&Path>| {
            let found = find_token(text.map(str::to_owned), file.clone(), default).unwrap();
            found.map(|token| token.header())
        };
        let default = Some(default.as_path());
        assert_eq!(header(Some("own\n"), &named, default).unwrap(), "Bearer own");
        assert_eq!(header(Some("  "), &named, default).unwrap(), "Bearer of-the-file");
        assert_eq!(header(None, &None, default).unwrap(), "Bearer of-home");
        assert_eq!(header(None, &None, Some(Path::new("/none"))), None);
        assert_eq!(header(None, &None, None), None);
    }

    #[test]
    fn a_file_without_a_token_is_told_and_none_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty");
        let refused = || {
            let file = Some(path.display().to_string());
            format!("{:#}", find_token(None, file, None).unwrap_err())
        };
        assert!(refused().contains("RAY_AUTH_TOKEN_PATH is"), "{}", refused());
        fs::write(&path, "\nsecond").unwrap();
        assert!(refused().contains("whose first line has no token"), "{}", refused());
        fs::write(&path, "se\u{7}cret").unwrap();
        assert!(refused().contains("characters that no token has"), "{}", refused());
        assert!(!refused().contains("cret"), "{}", refused());
        assert_eq!(format!("{:?}", Token("secret".into())), "Token(…)");
    }
}

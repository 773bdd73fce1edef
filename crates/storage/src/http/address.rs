//! Where a server is, and whether what is sent to it is encrypted: `https://HOST:PORT`.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::StorageError;

/// Where a server listens unless somebody says otherwise.
pub(crate) const PORT: u16 = 8740;

const FORM: &str = "the address of a server is https://HOST:PORT, as `burn-tune serve` shows it";

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// A name or a number, without brackets.
    pub host: String,
    pub port: u16,
    pub encrypts: bool,
    /// Where the token is, if the address says so.
    pub token_file: Option<PathBuf>,
}

impl Address {
    /// Reads `https://HOST:PORT` or `http://HOST:PORT`.
    ///
    /// # Errors
    ///
    /// Where it is none, or others on the way could read what is sent and nobody has allowed that.
    pub fn read(url: &str) -> Result<Self, StorageError> {
        let wrong = |problem: &str| StorageError::Input(format!("{problem}: {FORM}"));
        let (encrypts, rest) = match url.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err(wrong("it begins with neither http:// nor https://")),
        };
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (mut plain, mut token_file) = (false, None);
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("tls", "off")) => plain = true,
                Some(("token-file", path)) => token_file = Some(PathBuf::from(path)),
                _ => {
                    return Err(wrong(&format!(
                        "`?{option}`: there are `tls=off`, for http:// to another machine, and `token-file=PATH`"
                    )));
                }
            }
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err(wrong(
                "a token does not belong into an address, which others see in the list of processes, but into \
                 the file that BURN_TUNE_TOKEN_FILE names, or into BURN_TUNE_TOKEN",
            ));
        }
        if rest.contains('/') {
            return Err(wrong("nothing follows the port"));
        }
        let (host, port) =
            split(rest).ok_or_else(|| wrong(&format!("`{rest}` is no HOST:PORT")))?;
        let address = Address { host, port, encrypts, token_file };
        if !encrypts && !plain && !address.is_local() {
            return Err(StorageError::Input(format!(
                "http://{rest} is another machine, and everybody on the way could read the token and the studies: \
                 use https://{rest}, or add `?tls=off` if that does not matter"
            )));
        }
        Ok(address)
    }

    /// Whether what is sent stays on this machine.
    pub fn is_local(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }
}

fn split(authority: &str) -> Option<(String, u16)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':'))
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port = port.map_or(Ok(PORT), str::parse).ok()?;
    // What else may stand in a name is the resolver's business; nothing here may end a line of a request.
    let is_name = !host.is_empty() && host.chars().all(|c| c.is_ascii_graphic() && c != ']');
    is_name.then(|| (host.to_owned(), port))
}

/// `HOST:PORT`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (url, shown, encrypts) in [
            ("https://login1:9000", "login1:9000", true),
            ("https://login1/", "login1:8740", true),
            ("http://127.0.0.1:9000", "127.0.0.1:9000", false),
            ("http://localhost:9000", "localhost:9000", false),
            ("http://[::1]:9000", "[::1]:9000", false),
            ("http://login1:9000?tls=off", "login1:9000", false),
        ] {
            let address = Address::read(url).unwrap();
            assert_eq!(
                (address.to_string().as_str(), address.encrypts),
                (shown, encrypts),
                "{url}"
            );
        }
    }

    #[test]
    fn what_is_none_is_refused_with_what_to_do() {
        for (url, reason) in [
            ("http://login1:9000", "use https://login1:9000, or add `?tls=off`"),
            ("https://t:secret@login1", "does not belong into an address"),
            ("https://login1:port", "`login1:port` is no HOST:PORT"),
            ("https://", "`` is no HOST:PORT"),
            ("https://a b:1", "is no HOST:PORT"),
            ("https://login1:1/studies", "nothing follows the port"),
            ("https://login1?x=y", "`?x=y`: there are `tls=off`"),
        ] {
            let Err(StorageError::Input(said)) = Address::read(url) else { panic!("{url}") };
            assert!(said.contains(reason) && !said.contains("secret"), "{said}");
        }
    }
}

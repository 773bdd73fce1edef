//! The address of a server, and how the connection to it is encrypted: as libpq has it, but that a connection to
//! another machine is encrypted unless somebody says otherwise.

use std::env;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::client::Patience;
use super::libpq_files::{Environment, Login, password, service};
use crate::StorageError;

/// A server that has not answered for so long is taken for lost.
const SILENCE: Duration = Duration::from_secs(30);

/// Reads `address` (`postgresql://…`), and fills in what libpq's files and variables say.
///
/// # Errors
///
/// Where it is none, or names a service or certificates that cannot be read.
pub(super) fn read(address: &str) -> Result<(Config, MakeRustlsConnect), StorageError> {
    let (config, trust) = read_in(address, &|name| env::var(name).ok())?;
    Ok((config, MakeRustlsConnect::new(client_config(trust)?)))
}

/// How long a server may be silent: `connect_timeout` and twice `tcp_user_timeout` of the address.
pub(super) fn patience(config: &Config) -> Patience {
    let connect = config.get_connect_timeout().copied().unwrap_or(SILENCE / 3);
    let answer = config.get_tcp_user_timeout().copied().unwrap_or(SILENCE) * 2;
    Patience { connect, answer }
}

fn read_in(address: &str, environment: Environment) -> Result<(Config, Trust), StorageError> {
    let (address, mut options) = take_own_options(address);
    let mut config: Config = address.parse().map_err(|error: tokio_postgres::Error| {
        StorageError::Input(format!(
            "the address of the database cannot be read ({}): it is \
             postgresql://USER:PASSWORD@HOST:PORT/DATABASE, and special characters in its parts are \
             written as %XX",
            super::reason_of(&error)
        ))
    })?;
    if let Some(ms) = &options.user_timeout_ms {
        let limit = ms.parse().ok().filter(|ms| *ms > 0).map(Duration::from_millis);
        config.tcp_user_timeout(limit.ok_or_else(|| {
            StorageError::Input(format!("`tcp_user_timeout={ms}`: it is a number of milliseconds"))
        })?);
    }
    if let Some(name) = options.service.take().or_else(|| environment("PGSERVICE")) {
        for (key, value) in service(environment, &name)? {
            set_if_missing(&mut config, &mut options, &key, value).map_err(|problem| {
                StorageError::Input(format!("the service `{name}`: {problem}"))
            })?;
        }
    }
    for (variable, key) in VARIABLES {
        if let Some(value) = environment(variable) {
            set_if_missing(&mut config, &mut options, key, value)
                .map_err(|problem| StorageError::Input(format!("{variable}: {problem}")))?;
        }
    }
    fill_in(&mut config, environment);
    let (mode, trust) = encryption(&options, is_local(&config))?;
    config.ssl_mode(mode);
    Ok((config, trust))
}

/// The variables of libpq that stand for parts of an address.
const VARIABLES: [(&str, &str); 7] = [
    ("PGHOST", "host"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
];

/// The options of an address that the driver does not know as libpq has them.
#[derive(Default)]
struct OwnOptions {
    mode: Option<String>,
    root_certificates: Option<String>,
    service: Option<String>,
    /// The driver takes seconds, libpq milliseconds.
    user_timeout_ms: Option<String>,
}

fn take_own_options(address: &str) -> (String, OwnOptions) {
    let mut options = OwnOptions::default();
    let Some((address, query)) = address.split_once('?') else {
        return (address.to_owned(), options);
    };
    let mut left = Vec::new();
    for option in query.split('&') {
        match option.split_once('=') {
            Some(("sslmode", mode)) => options.mode = Some(mode.to_owned()),
            Some(("service", name)) => options.service = Some(name.to_owned()),
            Some(("tcp_user_timeout", ms)) => options.user_timeout_ms = Some(ms.to_owned()),
            Some(("sslrootcert", file)) => {
                options.root_certificates = Some(file.replace("%2F", "/").replace("%2f", "/"));
            }
            _ => left.push(option),
        }
    }
    (format!("{address}?{}", left.join("&")), options)
}

/// Sets the part of an address that libpq calls `key`, unless it is there.
fn set_if_missing(
    config: &mut Config,
    options: &mut OwnOptions,
    key: &str,
    value: String,
) -> Result<(), String> {
    let seconds = |value: &str| match value.parse() {
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => Err(format!("`{key}` is a number of seconds, and not `{value}`")),
    };
    match key {
        "host" | "hostaddr" => {
            if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
                config.host(value);
            }
        }
        "port" => {
            let port = value.parse().map_err(|_| format!("`{value}` is no port"))?;
            if config.get_ports().is_empty() {
                config.port(port);
            }
        }
        "dbname" => {
            if config.get_dbname().is_none() {
                config.dbname(value);
            }
        }
        "user" => {
            if config.get_user().is_none() {
                config.user(value);
            }
        }
        "password" => {
            if config.get_password().is_none() {
                config.password(value);
            }
        }
        "application_name" => {
            if config.get_application_name().is_none() {
                config.application_name(value);
            }
        }
        "connect_timeout" => {
            let limit = seconds(&value)?;
            if config.get_connect_timeout().is_none() {
                config.connect_timeout(limit);
            }
        }
        "sslmode" => drop(options.mode.get_or_insert(value)),
        "sslrootcert" => drop(options.root_certificates.get_or_insert(value)),
        other => {
            return Err(format!(
                "`{other}` is not known here: there are host, port, dbname, user, password, application_name, \
                 connect_timeout, sslmode and sslrootcert"
            ));
        }
    }
    Ok(())
}

/// Whether what is sent to the server stays on this machine.
fn is_local(config: &Config) -> bool {
    let is_local_host = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    let addresses = config.get_hostaddrs();
    match addresses.is_empty() {
        true => config.get_hosts().iter().all(is_local_host),
        // They are where it goes, whatever the name.
        false => addresses.iter().all(IpAddr::is_loopback),
    }
}

/// Whom to believe that it is the server.
enum Trust {
    /// Whoever answers. So is libpq's default: many servers have a certificate that they made themselves.
    Anybody,
    /// Who has a certificate of these, or of the system's where there is no file.
    Certified(Option<String>),
}

fn encryption(options: &OwnOptions, is_local: bool) -> Result<(SslMode, Trust), StorageError> {
    let certified = || Trust::Certified(options.root_certificates.clone());
    match (options.mode.as_deref(), &options.root_certificates) {
        (Some("disable"), _) => Ok((SslMode::Disable, Trust::Anybody)),
        (Some("allow" | "prefer"), _) => Ok((SslMode::Prefer, Trust::Anybody)),
        (None, _) if is_local => Ok((SslMode::Prefer, Trust::Anybody)),
        (None, Some(_)) => Ok((SslMode::Require, certified())),
        // Passwords and results are nobody's on the way.
        (None, None) => Ok((SslMode::Require, Trust::Anybody)),
        (Some("require"), None) => Ok((SslMode::Require, Trust::Anybody)),
        (Some("require" | "verify-ca" | "verify-full"), _) => Ok((SslMode::Require, certified())),
        (Some(other), _) => Err(StorageError::Input(format!(
            "`sslmode={other}`: it is disable, prefer, require or verify-full"
        ))),
    }
}

/// What libpq fills in, and what tells early that the server is gone: its machine may fall silent
/// without closing the connection.
fn fill_in(config: &mut Config, environment: Environment) {
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        config.host("localhost");
    }
    if config.get_password().is_none()
        && let Some(password) = password_of_file(config, environment)
    {
        config.password(password);
    }
    if config.get_application_name().is_none() {
        config.application_name("burn-tune");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(SILENCE / 3);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SILENCE);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_idle(SILENCE / 3).keepalives_interval(SILENCE / 6).keepalives_retries(4);
    }
}

/// What the file of passwords has for this user of this server.
fn password_of_file(config: &Config, environment: Environment) -> Option<String> {
    let user = config.get_user().map(str::to_owned);
    let user = user.or_else(|| environment("USER")).or_else(|| environment("LOGNAME"))?;
    let host = match (config.get_hosts().first(), config.get_hostaddrs().first()) {
        (Some(Host::Tcp(name)), _) => name.clone(),
        (None, Some(address)) => address.to_string(),
        _ => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let database = config.get_dbname().unwrap_or(&user);
    password(environment, Login { host: &host, port, database, user: &user })
}

fn client_config(trust: Trust) -> Result<ClientConfig, StorageError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| StorageError::Permanent(format!("no encryption: {error}")))?;
    let config = match trust {
        Trust::Anybody => {
            let verifier = Arc::new(TrustAnybody(provider));
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        }
        Trust::Certified(file) => {
            builder.with_root_certificates(roots(file.as_deref())?).with_no_client_auth()
        }
    };
    Ok(config)
}

fn roots(file: Option<&str>) -> Result<RootCertStore, StorageError> {
    let mut roots = RootCertStore::empty();
    match file.filter(|file| *file != "system") {
        None => {
            // Some of a system's certificates may be broken; the others do.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Some(file) => {
            let read = CertificateDer::pem_file_iter(file)
                .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
                .map_err(|error| {
                    StorageError::Input(format!("the certificates `sslrootcert={file}`: {error}"))
                })?;
            roots.add_parsable_certificates(read);
        }
    }
    if roots.is_empty() {
        return Err(StorageError::Input(
            "there is no certificate to know the server by: name a file of them with \
             `sslrootcert=FILE` in the address"
                .to_owned(),
        ));
    }
    Ok(roots)
}

/// Encrypts, and believes everybody.
#[derive(Debug)]
struct TrustAnybody(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAnybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// `HOST:PORT`, or the folder of a socket.
pub(super) fn server(config: &Config) -> String {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match (config.get_hosts().first(), config.get_hostaddrs().first()) {
        (Some(Host::Tcp(host)), _) => format!("{host}:{port}"),
        #[cfg(unix)]
        (Some(Host::Unix(folder)), _) => folder.display().to_string(),
        (None, Some(address)) => format!("{address}:{port}"),
        (None, None) => format!("localhost:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(address: &str) -> String {
        let read = read_in(address, &|_| None);
        match read.and_then(|(_, trust)| client_config(trust)) {
            Err(StorageError::Input(reason)) => reason,
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("{address} is read"),
        }
    }

    #[test]
    fn an_address_says_where_the_server_is_and_whether_to_encrypt() {
        for (address, at, mode) in [
            ("postgresql://u:p@h/db", "h:5432", SslMode::Require),
            ("postgresql://u:p@h/db?sslmode=prefer", "h:5432", SslMode::Prefer),
            ("postgresql://u:p@localhost/db", "localhost:5432", SslMode::Prefer),
            ("postgresql://u:p@127.0.0.1,h/db", "127.0.0.1:5432", SslMode::Require),
            ("postgresql://u:p@localhost/db?hostaddr=10.0.0.1", "localhost:5432", SslMode::Require),
            ("postgresql://u@h:6000/db?sslmode=disable", "h:6000", SslMode::Disable),
            ("postgresql:///db?sslmode=require", "localhost:5432", SslMode::Require),
            (
                "postgresql://u@h/db?application_name=x&sslmode=verify-full",
                "h:5432",
                SslMode::Require,
            ),
            ("postgresql:///db?host=/var/run/x", "/var/run/x", SslMode::Prefer),
            ("postgresql://u@[::1]:5/db", "::1:5", SslMode::Prefer),
        ] {
            let (config, _) = read_in(address, &|_| None).unwrap();
            assert_eq!(
                (server(&config), config.get_ssl_mode()),
                (at.to_owned(), mode),
                "{address}"
            );
        }
    }

    #[test]
    fn what_an_address_leaves_out_comes_from_the_service_and_then_from_variables() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            }
            path.display().to_string()
        };
        let services = file(
            "services",
            "[tune]\nhost=db.cluster\nport=6000\ndbname=tune\nsslmode=verify-full\n[bad]\nsslkey=x\n",
        );
        let passwords = file("passwords", "db.cluster:6000:tune:me:secret\n");
        let environment = |name: &str| match name {
            "PGSERVICEFILE" => Some(services.clone()),
            "PGPASSFILE" => Some(passwords.clone()),
            "PGUSER" => Some("me".to_owned()),
            "PGHOST" => Some("elsewhere".to_owned()),
            _ => None,
        };
        let (config, trust) = read_in("postgresql:///?service=tune", &environment).unwrap();
        assert_eq!(server(&config), "db.cluster:6000");
        assert_eq!((config.get_user(), config.get_dbname()), (Some("me"), Some("tune")));
        assert_eq!(config.get_password(), Some(&b"secret"[..]));
        assert_eq!(config.get_ssl_mode(), SslMode::Require);
        assert!(matches!(trust, Trust::Certified(None)));
        let own = "postgresql://you:p@there:1/db?service=tune&sslmode=disable";
        let (config, _) = read_in(own, &environment).unwrap();
        assert_eq!((server(&config), config.get_user()), ("there:1".to_owned(), Some("you")));
        assert_eq!(config.get_ssl_mode(), SslMode::Disable);
        let (config, _) = read_in("postgresql:///db", &environment).unwrap();
        assert_eq!(server(&config), "elsewhere:5432");
        for (service, part) in
            [("bad", "`sslkey` is not known here"), ("none", "no service `none`")]
        {
            let address = format!("postgresql:///db?service={service}");
            let Err(StorageError::Input(reason)) = read_in(&address, &environment) else {
                panic!("{service} is read");
            };
            assert!(reason.contains(part), "{reason}");
        }
    }

    #[test]
    fn an_address_says_how_long_a_server_may_be_silent() {
        let patience = |address| patience(&read_in(address, &|_| None).unwrap().0);
        let (connect, answer) = (SILENCE / 3, SILENCE * 2);
        assert_eq!(patience("postgresql://h/db"), Patience { connect, answer });
        let stated = patience("postgresql://h/db?connect_timeout=2&tcp_user_timeout=1500");
        let (connect, answer) = (Duration::from_secs(2), Duration::from_secs(3));
        assert_eq!(stated, Patience { connect, answer });
    }

    #[test]
    fn an_address_that_is_none_is_refused_without_its_password() {
        for address in [
            "postgresql://u:secret@h:port/db",
            "postgresql://u:sec/ret@h/db?what=secret",
            "postgresql://u:secret@h/db?sslmode=secure",
            "postgresql://u:secret@h/db?sslmode=verify-full&sslrootcert=/no/such/file.pem",
            "postgresql://u:secret@h/db?sslkey=x",
        ] {
            let reason = refusal(address);
            assert!(!reason.contains("secret") && !reason.contains("ret@"), "{reason}");
        }
        assert!(refusal("postgresql://h/db?sslmode=secure").contains("disable, prefer, require"));
        assert!(refusal("postgresql://h/db?sslkey=x").contains("sslkey"));
        let timeout = refusal("postgresql://h/db?tcp_user_timeout=1s");
        assert!(timeout.contains("a number of milliseconds"), "{timeout}");
    }
}

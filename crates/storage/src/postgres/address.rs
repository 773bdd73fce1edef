//! The address of a server, and how the connection to it is encrypted: as libpq has it.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use postgres::Config;
use postgres::config::{Host, SslMode};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::StorageError;

/// A server that has not answered for so long is taken for lost.
const SILENCE: Duration = Duration::from_secs(30);

/// Reads `address` (`postgresql://…`).
///
/// # Errors
///
/// Where it is none, or names certificates that cannot be read.
pub(super) fn read(address: &str) -> Result<(Config, MakeRustlsConnect), StorageError> {
    let (address, options) = take_tls_options(address);
    let mut config: Config = address.parse().map_err(|error: postgres::Error| {
        StorageError::Input(format!(
            "the address of the database cannot be read ({}): it is \
             postgresql://USER:PASSWORD@HOST:PORT/DATABASE, and special characters in its parts are \
             written as %XX",
            super::reason(&error)
        ))
    })?;
    let (mode, trust) = encryption(&options)?;
    config.ssl_mode(mode);
    fill_in(&mut config);
    Ok((config, MakeRustlsConnect::new(client_config(trust)?)))
}

/// The options of an address that the driver does not know as libpq has them.
#[derive(Default)]
struct TlsOptions {
    mode: Option<String>,
    root_certificates: Option<String>,
}

fn take_tls_options(address: &str) -> (String, TlsOptions) {
    let mut options = TlsOptions::default();
    let Some((address, query)) = address.split_once('?') else {
        return (address.to_owned(), options);
    };
    let mut left = Vec::new();
    for option in query.split('&') {
        match option.split_once('=') {
            Some(("sslmode", mode)) => options.mode = Some(mode.to_owned()),
            Some(("sslrootcert", file)) => {
                options.root_certificates = Some(file.replace("%2F", "/").replace("%2f", "/"));
            }
            _ => left.push(option),
        }
    }
    (format!("{address}?{}", left.join("&")), options)
}

/// Whom to believe that it is the server.
enum Trust {
    /// Whoever answers. So is libpq's default: many servers have a certificate that they made themselves.
    Anybody,
    /// Who has a certificate of these, or of the system's where there is no file.
    Certified(Option<String>),
}

fn encryption(options: &TlsOptions) -> Result<(SslMode, Trust), StorageError> {
    let certified = || Trust::Certified(options.root_certificates.clone());
    match (options.mode.as_deref(), &options.root_certificates) {
        (Some("disable"), _) => Ok((SslMode::Disable, Trust::Anybody)),
        (None | Some("allow" | "prefer"), _) => Ok((SslMode::Prefer, Trust::Anybody)),
        (Some("require"), None) => Ok((SslMode::Require, Trust::Anybody)),
        (Some("require" | "verify-ca" | "verify-full"), _) => Ok((SslMode::Require, certified())),
        (Some(other), _) => Err(StorageError::Input(format!(
            "`sslmode={other}`: it is disable, prefer, require or verify-full"
        ))),
    }
}

/// What libpq fills in, and what tells early that the server is gone: its machine may fall silent
/// without closing the connection.
fn fill_in(config: &mut Config) {
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        config.host("localhost");
    }
    if config.get_password().is_none()
        && let Ok(password) = env::var("PGPASSWORD")
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
        match read(address) {
            Err(StorageError::Input(reason)) => reason,
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("{address} is read"),
        }
    }

    #[test]
    fn an_address_says_where_the_server_is_and_whether_to_encrypt() {
        for (address, at, mode) in [
            ("postgresql://u:p@h/db", "h:5432", SslMode::Prefer),
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
            let (config, _) = read(address).unwrap();
            assert_eq!(
                (server(&config), config.get_ssl_mode()),
                (at.to_owned(), mode),
                "{address}"
            );
        }
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
    }
}

//! How a connection is encrypted, and how a client knows its server.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig,
    SignatureScheme,
};
use sha2::{Digest, Sha256};

use super::token::Token;
use crate::StorageError;

/// What is wrong with encryption itself, which no user can help.
fn broken(error: impl std::fmt::Display) -> StorageError {
    StorageError::Permanent(format!("no encryption: {error}"))
}

fn fingerprint(certificate: &CertificateDer<'_>) -> [u8; 32] {
    Sha256::digest(certificate).into()
}

/// A certificate with its key as PEM, and a new token that has its fingerprint.
///
/// # Errors
///
/// Where the system has no random numbers.
pub(super) fn self_made(host: &str) -> Result<(Token, String), StorageError> {
    let names = [host, "localhost"].into_iter().filter(|name| !name.is_empty());
    let names: Vec<String> = names.map(str::to_owned).collect();
    let made = rcgen::generate_simple_self_signed(names).map_err(broken)?;
    let mut secret = [0; 32];
    ring::default_provider()
        .secure_random
        .fill(&mut secret)
        .map_err(|_| broken("the system has no random numbers"))?;
    let token = Token::new(fingerprint(made.cert.der()), secret);
    Ok((token, format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem())))
}

/// How the server encrypts, with its certificates and its key.
///
/// # Errors
///
/// Where the files are not what they are to be.
pub(super) fn of_server(
    certificates: &Path,
    key: &Path,
) -> Result<Arc<ServerConfig>, StorageError> {
    let chain = read_certificates(certificates)?;
    let problem =
        |error: &dyn std::fmt::Display| StorageError::Input(format!("{}: {error}", key.display()));
    super::token::owned_alone(key)?;
    let key_of_server = PrivateKeyDer::from_pem_file(key).map_err(|error| problem(&error))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(broken)?
        .with_no_client_auth()
        .with_single_cert(chain, key_of_server)
        .map_err(|error| problem(&error))?;
    Ok(Arc::new(config))
}

/// # Errors
///
/// Where the certificate of the server is not the one of its token.
pub(super) fn check_of_token(certificate: &Path, token: &Token) -> Result<(), StorageError> {
    let chain = read_certificates(certificate)?;
    match chain.first().is_some_and(|first| fingerprint(first) == token.fingerprint) {
        true => Ok(()),
        false => Err(StorageError::Input(format!(
            "{} is not the certificate of the token beside it: remove both, and new ones are made",
            certificate.display()
        ))),
    }
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, StorageError> {
    let problem = |error: String| {
        StorageError::Input(format!(
            "the certificate {}: {error}; a token that was copied here has none: name another file for one of this \
             server's own with --token-file",
            path.display()
        ))
    };
    fs::metadata(path).map_err(|error| problem(error.to_string()))?;
    let read =
        CertificateDer::pem_file_iter(path).and_then(|all| all.collect::<Result<Vec<_>, _>>());
    match read {
        Ok(chain) if chain.is_empty() => Err(problem("there is none in it".to_owned())),
        Ok(chain) => Ok(chain),
        Err(error) => Err(problem(error.to_string())),
    }
}

/// How a client encrypts, for a server whose certificate is the one of the token, or one that an authority of this
/// system has given to that name.
///
/// # Errors
///
/// What is wrong with encryption itself.
pub(super) fn of_client(token: &Token) -> Result<Arc<ClientConfig>, StorageError> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    // Some of a system's certificates may be broken; the others do.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let authorities =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .ok();
    let verifier =
        OfToken { fingerprint: token.fingerprint, authorities, provider: provider.clone() };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(broken)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Knows a server by the fingerprint of its certificate.
#[derive(Debug)]
struct OfToken {
    fingerprint: [u8; 32],
    /// None where the system has no certificates of authorities.
    authorities: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for OfToken {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if fingerprint(end_entity) == self.fingerprint {
            return Ok(ServerCertVerified::assertion());
        }
        match &self.authorities {
            Some(authorities) => authorities.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
            None => Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

//! One TLS configuration: rustls with ring, TLS 1.2 and 1.3, the platform's certificate authorities and extra ones.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

/// What a refused certificate means on a machine that has no authorities to check it with.
const NO_AUTHORITIES: &str = "this machine has no certificate authorities: install its ca-certificates";

/// Why a client can't be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsError {
    /// An extra root is not a certificate that can be trusted.
    ExtraRoot(String),
    /// rustls refuses the configuration.
    Config(String),
    /// reqwest refuses the configuration.
    Client(String),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExtraRoot(why) => write!(f, "an extra certificate authority can't be used: {why}"),
            Self::Config(why) | Self::Client(why) => write!(f, "the HTTP client can't be made: {why}"),
        }
    }
}

impl std::error::Error for TlsError {}

/// The certificates of a PEM file, for [`Options::extra_roots`](crate::Options::extra_roots).
///
/// # Errors
/// [`TlsError::ExtraRoot`] if it is not PEM.
pub fn certificates_from_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| TlsError::ExtraRoot(error.to_string()))
}

/// The configuration, and a hint for when a certificate is refused.
///
/// A machine without certificate authorities can still talk to loopback addresses and to servers whose authority is
/// given: it gets a store with just those, which refuses everything else.
pub(crate) fn config(extra: Vec<CertificateDer<'static>>) -> Result<(ClientConfig, Option<&'static str>), TlsError> {
    let mut given = RootCertStore::empty();
    for certificate in &extra {
        given.add(certificate.clone()).map_err(|error| TlsError::ExtraRoot(error.to_string()))?;
    }
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Config(error.to_string()))?;
    let (builder, hint) = match Verifier::new_with_extra_roots(extra, provider) {
        Ok(verifier) => (builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)), None),
        Err(_) => (builder.with_root_certificates(given), Some(NO_AUTHORITIES)),
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((config, hint))
}

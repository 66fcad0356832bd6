//! One TLS configuration: rustls with ring, TLS 1.2 and 1.3, the platform's certificate authorities and extra ones.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::options::BuildError;

/// What a refused certificate means on a machine that has no authorities to check it with.
const NO_AUTHORITIES: &str = "this machine has no certificate authorities: install its ca-certificates";

/// The certificates of a PEM file, for [`Options::extra_roots`](crate::Options::extra_roots).
///
/// # Errors
/// [`BuildError::ExtraRoot`] if it is not PEM.
pub fn certificates_from_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| BuildError::ExtraRoot(error.to_string()))
}

/// A TLS configuration for a transport.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The configuration. It names no protocols (ALPN): clients differ in who has to.
    pub config: ClientConfig,
    /// What is worth knowing when a certificate is refused.
    pub hint: Option<&'static str>,
}

/// Makes the configuration.
///
/// A machine without certificate authorities can still talk to loopback addresses and to servers whose authority is
/// given: it gets a store with just those, which refuses everything else.
///
/// # Errors
/// [`BuildError::ExtraRoot`] if an extra root is not a certificate.
pub fn tls_config(extra_roots: Vec<CertificateDer<'static>>) -> Result<Tls, BuildError> {
    let mut given = RootCertStore::empty();
    for certificate in &extra_roots {
        given.add(certificate.clone()).map_err(|error| BuildError::ExtraRoot(error.to_string()))?;
    }
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| BuildError::Client(error.to_string()))?;
    let (builder, hint) = match Verifier::new_with_extra_roots(extra_roots, provider) {
        Ok(verifier) => (builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)), None),
        Err(_) => (builder.with_root_certificates(given), Some(NO_AUTHORITIES)),
    };
    Ok(Tls { config: builder.with_no_client_auth(), hint })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_certificate_is_refused() {
        let pem = b"-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n";
        let certificates = certificates_from_pem(pem).unwrap();
        assert_eq!(certificates.len(), 1);
        assert!(matches!(tls_config(certificates), Err(BuildError::ExtraRoot(_))));
        assert!(matches!(certificates_from_pem(b"-----BEGIN CERTIFICATE-----\n?"), Err(BuildError::ExtraRoot(_))));
        assert_eq!(certificates_from_pem(b"nothing"), Ok(Vec::new()));
    }
}

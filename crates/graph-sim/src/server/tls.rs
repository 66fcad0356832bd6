//! A certificate authority of the server's own and a certificate by it, made anew at every start.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use jiff::ToSpan;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use crate::time;

/// Longer than this, some clients trust no certificate.
const VALID_DAYS: i32 = 397;

/// Who the server says it is.
pub(super) struct Identity {
    /// The authority's certificate in PEM.
    pub(super) authority: String,
    pub(super) acceptor: TlsAcceptor,
}

impl Identity {
    /// An identity for `localhost`, the loopback addresses and the one that the server listens on.
    pub(super) fn for_address(address: IpAddr, now: SystemTime) -> io::Result<Self> {
        let authority_key = KeyPair::generate().map_err(io::Error::other)?;
        let mut authority = params(Vec::new(), "graph-sim authority", now)?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = authority.self_signed(&authority_key).map_err(io::Error::other)?.pem();

        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let address_name = address.to_string();
        if !address.is_unspecified() && !names.contains(&address_name) {
            names.push(address_name);
        }
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut own = params(names, "graph-sim", now)?;
        own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        own.use_authority_key_identifier_extension = true;
        let certificate = own.signed_by(&key, &Issuer::new(authority, authority_key)).map_err(io::Error::other)?;

        let private = PrivateKeyDer::try_from(key.serialize_der()).map_err(io::Error::other)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { authority: pem, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }
}

fn params(names: Vec<String>, common_name: &str, now: SystemTime) -> io::Result<CertificateParams> {
    let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    let today = time::from_system(now).date();
    let date = |days: i32| {
        let date = today.saturating_add(days.days());
        let part = |number: i8| u8::try_from(number).unwrap_or(1);
        date_time_ymd(i32::from(date.year()), part(date.month()), part(date.day()))
    };
    params.not_before = date(-1);
    params.not_after = date(VALID_DAYS - 1);
    Ok(params)
}

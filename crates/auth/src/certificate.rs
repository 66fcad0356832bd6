//! Certificates as credentials: the key signs, the thumbprint says which one it was.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A certificate with its private RSA key. Its `Debug` shows neither.
#[derive(Clone)]
pub struct Certificate {
    key: std::sync::Arc<RsaKeyPair>,
    thumbprint: String,
    signing: Signing,
}

/// How assertions are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signing {
    /// RSA-PSS with SHA-256, which Microsoft's documentation recommends.
    #[default]
    Ps256,
    /// RSA PKCS#1 v1.5 with SHA-256, for servers that know nothing else.
    Rs256,
}

impl Signing {
    fn name(self) -> &'static str {
        match self {
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
        }
    }

    fn encoding(self) -> &'static dyn RsaEncoding {
        match self {
            Self::Ps256 => &RSA_PSS_SHA256,
            Self::Rs256 => &RSA_PKCS1_SHA256,
        }
    }
}

impl Certificate {
    /// Takes a PEM text with a certificate, the first of which counts, and an RSA key that is not encrypted (PKCS#8 or
    /// PKCS#1).
    ///
    /// # Errors
    /// [`CertificateError`] if one of the two is missing or can't be used.
    pub fn from_pem(pem: &[u8], signing: Signing) -> Result<Self, CertificateError> {
        let certificate = CertificateDer::from_pem_slice(pem).map_err(|_| CertificateError::NoCertificate)?;
        let encrypted = pem.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED);
        let key = PrivateKeyDer::from_pem_slice(pem)
            .map_err(|_| if encrypted { CertificateError::Encrypted } else { CertificateError::NoKey })?;
        let key = match &key {
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(CertificateError::NotRsa),
        };
        let key = key.map_err(|_| CertificateError::NotRsa)?;
        let thumbprint = BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &certificate));
        Ok(Self { key: std::sync::Arc::new(key), thumbprint, signing })
    }

    /// A signed JWT with these claims. The salt of a PSS signature is the system's randomness: the library takes no
    /// other.
    pub(crate) fn sign(&self, claims: &Value) -> Result<String, CertificateError> {
        let header = json!({"alg": self.signing.name(), "typ": "JWT", "x5t#S256": self.thumbprint});
        let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encode(&header), encode(claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(self.signing.encoding(), &SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|_| CertificateError::NotSigned)?;
        Ok(format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

const ENCRYPTED: &[u8] = b"ENCRYPTED";

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.signing.name())
    }
}

/// Why a certificate can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// There is none in the PEM text.
    NoCertificate,
    /// Its key is not in the PEM text.
    NoKey,
    /// The key is protected by a password.
    Encrypted,
    /// The key is not an RSA key of 2048 to 4096 bits, which is what the identity platform takes.
    NotRsa,
    /// The system has no randomness.
    NotSigned,
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCertificate => "there is no PEM certificate in it",
            Self::NoKey => "there is no PEM private key in it: put the key into the same file",
            Self::Encrypted => {
                "its key is encrypted: decrypt it, such as with `openssl pkey`, into a file of mode 0600"
            }
            Self::NotRsa => "its key is no RSA key of 2048 to 4096 bits",
            Self::NotSigned => "nothing can be signed: the system has no randomness",
        })
    }
}

impl std::error::Error for CertificateError {}

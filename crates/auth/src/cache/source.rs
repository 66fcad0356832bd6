//! Where an application's credential is. Accounts remember the place and not the secret, which is read when it is needed:
//! that is how it can be changed, and federated tokens change by the hour.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::certificate::{Certificate, CertificateError, Signing};
use crate::client::Credential;
use crate::secret::Secret;

/// Where a credential is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialSource {
    /// There is none: a public client.
    #[default]
    None,
    /// A secret is in this file.
    SecretFile(PathBuf),
    /// A certificate and its key are in this file.
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// How assertions are signed.
        signing: Signing,
    },
    /// A token of another identity provider is in this file.
    FederatedTokenFile(PathBuf),
}

impl CredentialSource {
    /// Reads the credential.
    ///
    /// # Errors
    /// [`SourceError`] if it can't be read or used.
    pub fn load(&self) -> Result<Credential, SourceError> {
        Ok(match self {
            Self::None => Credential::None,
            Self::SecretFile(path) => Credential::Secret(text(path)?),
            Self::CertificateFile { path, signing } => {
                let pem = fs::read(path).map_err(|error| unreadable(path, &error))?;
                let certificate = Certificate::from_pem(&pem, *signing)
                    .map_err(|error| SourceError::Certificate { path: path.clone(), error })?;
                Credential::Certificate(Box::new(certificate))
            }
            Self::FederatedTokenFile(path) => Credential::Assertion(text(path)?),
        })
    }
}

fn text(path: &Path) -> Result<Secret, SourceError> {
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    Some(Secret::new(&text)).filter(|secret| !secret.is_empty()).ok_or_else(|| SourceError::Empty { path: path.into() })
}

fn unreadable(path: &Path, error: &std::io::Error) -> SourceError {
    SourceError::Unreadable { path: path.into(), error: error.to_string() }
}

/// Why a credential can't be had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceError {
    /// The file can't be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: String,
    },
    /// There is nothing in the file.
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// What is in the file can't be used.
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        error: CertificateError,
    },
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, error } => write!(f, "the credential {} can't be read: {error}", path.display()),
            Self::Empty { path } => write!(f, "the credential {} is empty", path.display()),
            Self::Certificate { path, error } => write!(f, "the certificate {} can't be used: {error}", path.display()),
        }
    }
}

impl std::error::Error for SourceError {}

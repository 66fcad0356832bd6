//! What the transports share, so that it is decided once. It sends nothing and names no HTTP client.
//!
//! [`Options`] say how a transport is made; both transports take the same. [`tls_config`] makes the one TLS
//! configuration, [`failure`] tells what a client's error means for a round, and [`CappedBody`] gathers a body that
//! can't grow without bound. [`options_conformance`] tests a transport that is made of [`Options`].

mod body;
mod conformance;
mod failure;
mod options;
mod tls;

pub use body::CappedBody;
pub use failure::{failure, words};
pub use options::{BuildError, Options, Proxies};
pub use rustls::pki_types::CertificateDer;
pub use tls::{Tls, certificates_from_pem, tls_config};

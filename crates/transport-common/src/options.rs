//! How a transport is made, and why one can't be.

use std::fmt;

use http::Uri;
use rustls::pki_types::CertificateDer;
use sync::TransportLimits;

/// How a transport is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long things may take, and how large they may get.
    pub limits: TransportLimits,
    /// Which proxies to go through.
    pub proxies: Proxies,
    /// Certificate authorities to trust besides the platform's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// What goes into the `User-Agent` header.
    pub user_agent: String,
}

impl Default for Options {
    /// The default limits, the environment's proxies, no other authorities, `caldelta/VERSION`.
    fn default() -> Self {
        Self {
            limits: TransportLimits::default(),
            proxies: Proxies::Environment,
            extra_roots: Vec::new(),
            user_agent: concat!("caldelta/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Which proxies to go through.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proxies {
    /// None.
    None,
    /// The ones that the environment names: `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` and their lower-case forms.
    Environment,
    /// This one for all of https, whatever the environment says: `http://` or `https://`, with `user:password@` if it
    /// asks who one is. [`Proxies::https`] checks it.
    Https(Uri),
}

impl Proxies {
    /// One proxy for all of https.
    ///
    /// # Errors
    /// [`BuildError::Proxy`] if it is not the URL of an http or https proxy.
    pub fn https(url: &str) -> Result<Self, BuildError> {
        let uri: Uri = url.parse().map_err(|_| BuildError::Proxy)?;
        match uri.scheme_str() {
            Some("http" | "https") => Ok(Self::Https(uri)),
            _ => Err(BuildError::Proxy),
        }
    }
}

/// Without the proxy: its URL may hold a password.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Environment => "Environment",
            Self::Https(_) => "Https(…)",
        })
    }
}

/// Why a transport can't be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// An extra root is not a certificate that can be trusted.
    ExtraRoot(String),
    /// A proxy can't be used.
    Proxy,
    /// The HTTP client or its TLS refuses the configuration.
    Client(String),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExtraRoot(why) => write!(f, "an extra certificate authority can't be used: {why}"),
            Self::Proxy => f.write_str("the proxy can't be used: give a URL that begins with http:// or https://"),
            Self::Client(why) => write!(f, "the HTTP client can't be made: {why}"),
        }
    }
}

impl std::error::Error for BuildError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_and_https_proxies_are_taken() {
        for url in ["http://127.0.0.1:8080", "https://user:password@proxy.contoso.com"] {
            assert!(Proxies::https(url).is_ok(), "{url}");
        }
        for url in ["", "proxy.contoso.com:8080", "socks5://127.0.0.1:1080", "/proxy", "http://"] {
            assert_eq!(Proxies::https(url), Err(BuildError::Proxy), "{url}");
        }
    }

    #[test]
    fn a_proxys_password_never_prints() {
        let options =
            Options { proxies: Proxies::https("http://user:SECRET@proxy.contoso.com").unwrap(), ..Options::default() };
        assert!(!format!("{options:?}").contains("SECRET"));
    }
}

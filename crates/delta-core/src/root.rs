//! Where Graph is: the origin that tokens may go to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The scheme, host and port that a target's requests go to, and the only ones that a token may go to.
///
/// Plain `http` is accepted for loopback addresses only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceRoot {
    origin: Origin,
}

impl ServiceRoot {
    /// The root of one of Microsoft's clouds.
    pub fn cloud(cloud: Cloud) -> Self {
        Self { origin: Origin { scheme: Scheme::Https, host: cloud.host().to_owned(), port: 443 } }
    }

    /// A root such as `https://graph.microsoft.com`. It has no path: the API version is a part of the target.
    pub fn parse(text: &str) -> Result<Self, RootError> {
        let (origin, rest) = Origin::split(text).ok_or(RootError::NotAnOrigin)?;
        if !matches!(rest, "" | "/") {
            return Err(RootError::HasPath);
        }
        if origin.scheme == Scheme::Http && !origin.is_loopback() {
            return Err(RootError::PlainHttp);
        }
        Ok(Self { origin })
    }

    /// Whether it is a loopback address, where only something on this machine can answer.
    pub fn is_loopback(&self) -> bool {
        self.origin.is_loopback()
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl fmt::Display for ServiceRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.origin.fmt(f)
    }
}

impl FromStr for ServiceRoot {
    type Err = RootError;

    fn from_str(text: &str) -> Result<Self, RootError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ServiceRoot {
    type Error = RootError;

    fn try_from(text: String) -> Result<Self, RootError> {
        Self::parse(&text)
    }
}

impl From<ServiceRoot> for String {
    fn from(root: ServiceRoot) -> Self {
        root.to_string()
    }
}

impl From<Cloud> for ServiceRoot {
    fn from(cloud: Cloud) -> Self {
        Self::cloud(cloud)
    }
}

/// Microsoft's clouds. Their tokens are not interchangeable (Graph's documentation, «national cloud deployments»).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cloud {
    /// The global service, also used by GCC and by personal accounts.
    #[default]
    Global,
    /// Microsoft Graph for US Government L4 (GCC High).
    UsGov,
    /// Microsoft Graph for US Government L5 (DoD).
    UsGovDod,
    /// Microsoft Graph China, operated by 21Vianet.
    China,
}

impl Cloud {
    fn host(self) -> &'static str {
        match self {
            Self::Global => "graph.microsoft.com",
            Self::UsGov => "graph.microsoft.us",
            Self::UsGovDod => "dod-graph.microsoft.us",
            Self::China => "microsoftgraph.chinacloudapi.cn",
        }
    }
}

/// Why a text is not a service root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RootError {
    /// It is not `https://HOST` or `https://HOST:PORT`.
    NotAnOrigin,
    /// There is something behind the host.
    HasPath,
    /// It is plain http to a host that is not a loopback address.
    PlainHttp,
}

impl fmt::Display for RootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnOrigin => {
                "the graph root must look like https://graph.microsoft.com, with a port if it needs one"
            }
            Self::HasPath => "the graph root must end with the host or port: the API version is given by itself",
            Self::PlainHttp => {
                "plain http is accepted for loopback addresses only, because tokens would be readable: use https"
            }
        })
    }
}

impl std::error::Error for RootError {}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A scheme, host and port. Two are equal if a browser would call them the same origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) scheme: Scheme,
    host: String,
    port: u16,
}

impl Origin {
    /// Splits an absolute URL into its origin and the rest, which is empty or begins with `/`, `?` or `#`.
    ///
    /// Nothing is repaired: user info, escapes, white space or letters beyond ASCII in the authority give `None`,
    /// because what two parsers may read in two ways must not decide where a token goes.
    pub(crate) fn split(url: &str) -> Option<(Self, &str)> {
        let (scheme, rest) = url.split_once("://")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end)?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Self::port(port)?),
            _ => (authority, scheme.default_port()),
        };
        is_host(host).then(|| (Self { scheme, host: host.to_ascii_lowercase(), port }, rest))
    }

    fn port(text: &str) -> Option<u16> {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    }

    /// `HOST` or `HOST:PORT`, as it goes into a URI.
    pub(crate) fn authority(&self) -> String {
        if self.port == self.scheme.default_port() { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

/// A host name, an IPv4 address, or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_clouds_and_any_other_root_are_origins() {
        for cloud in [Cloud::Global, Cloud::UsGov, Cloud::UsGovDod, Cloud::China] {
            let root = ServiceRoot::cloud(cloud);
            assert_eq!(ServiceRoot::parse(&root.to_string()), Ok(root));
        }
        assert_eq!(ServiceRoot::parse("HTTPS://Graph.Microsoft.com:443/"), Ok(Cloud::Global.into()));
        for root in ["http://127.0.0.1:8080", "http://[::1]:9", "http://localhost", "https://sim.contoso.com:8443"] {
            assert_eq!(ServiceRoot::parse(root).map(|root| root.to_string()), Ok(root.to_owned()));
        }
    }

    #[test]
    fn a_root_that_would_leak_a_token_is_refused() {
        use RootError::*;
        for (text, error) in [
            ("", NotAnOrigin),
            ("graph.microsoft.com", NotAnOrigin),
            ("ftp://graph.microsoft.com", NotAnOrigin),
            ("https://", NotAnOrigin),
            ("https://user@graph.microsoft.com", NotAnOrigin),
            ("https://graph.microsoft.com:x", NotAnOrigin),
            ("https://graph.microsoft.com:99999", NotAnOrigin),
            ("https://graph.microsoft.com:", NotAnOrigin),
            ("https://graph%2emicrosoft.com", NotAnOrigin),
            ("https://graph microsoft.com", NotAnOrigin),
            ("https://gräph.microsoft.com", NotAnOrigin),
            ("https://graph.microsoft.com/v1.0", HasPath),
            ("https://graph.microsoft.com?x", HasPath),
            ("http://graph.microsoft.com", PlainHttp),
            ("http://127.0.0.1.evil.example", PlainHttp),
        ] {
            assert_eq!(ServiceRoot::parse(text), Err(error), "{text}");
        }
    }
}

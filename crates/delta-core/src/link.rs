//! Links: opaque, secret, and pinned to the origin that they came from.
//!
//! A `@odata.nextLink` or `@odata.deltaLink` is an absolute URL in a response body or in a stored cursor. Whoever
//! follows it as it stands sends a bearer token wherever it points. So a link's authority is checked, then thrown
//! away: requests are built from the target's own origin and the link's path and query.
//!
//! A link without an authority (`/v1.0/…`) is resolved against the origin. Other relative forms are refused: Graph was
//! not seen to send any, and what they are relative to would be a guess (`docs/decisions/0021`).

use std::fmt;

use http::Uri;
use http::uri::PathAndQuery;
use serde::{Deserialize, Serialize};

use crate::root::Origin;
use crate::target::ApiVersion;

/// How many bytes a link may have: 60 KiB. An `http::Uri` holds 65,534, and the origin has to fit too; links that were
/// observed have a few hundred.
const MAX_LENGTH: usize = 60 * 1024;

/// How many bytes a link's host and port may have. Host names end at 253 (RFC 1035).
const MAX_AUTHORITY: usize = 260;

macro_rules! link {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Opaque and secret: it holds the state of a mailbox, so it is never printed. Serialising it is how it is
        /// stored; what is read back is checked again before it is used.
        #[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes a link as it was received or stored. It is checked when a round is made of it.
            pub fn new(link: impl Into<String>) -> Self {
                Self(link.into())
            }

            /// The link itself, to store it. Treat it like a password.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

link! {
    /// `@odata.nextLink`: where the next page of a round is.
    NextLink
}

link! {
    /// `@odata.deltaLink`: where the next round begins.
    DeltaLink
}

/// Why a link was refused. Nothing was sent to it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkError {
    /// It points to another scheme, host or port than the target's.
    OtherOrigin {
        /// Where the link points to.
        found: String,
        /// Where the target is.
        expected: String,
    },
    /// It is neither an absolute http(s) URL with a plain authority nor a path.
    NotALink,
    /// It has `.` or `..` as a part of its path, which servers may resolve to somewhere else.
    DotSegments,
    /// It has white space, control characters, a fragment or other characters that a URL can't have.
    BadCharacters,
    /// Its path does not begin with the target's API version: `/v1.0/` or `/beta/`.
    OtherVersion,
    /// It is longer than 60 KiB.
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherOrigin { found, expected } => {
                write!(f, "the link points to {found} and not to {expected}: nothing was sent there")
            }
            Self::NotALink => f.write_str("the link is neither a plain http(s) URL nor a path"),
            Self::DotSegments => f.write_str("the link's path has dot segments"),
            Self::BadCharacters => f.write_str("the link has characters that a URL can't have"),
            Self::OtherVersion => f.write_str("the link's path does not begin with the API version that was asked for"),
            Self::TooLong { length } => write!(f, "the link has {length} bytes, and {MAX_LENGTH} are allowed"),
        }
    }
}

impl std::error::Error for LinkError {}

/// Checks a link against the origin and the API version, and gives the URI to request: the origin's own authority, the
/// link's path and query, byte for byte.
pub(crate) fn pin(link: &str, origin: &Origin, version: ApiVersion) -> Result<Uri, LinkError> {
    if link.len() > MAX_LENGTH {
        return Err(LinkError::TooLong { length: link.len() });
    }
    if !link.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\#\"<>^`{|}".contains(&byte)) {
        return Err(LinkError::BadCharacters);
    }
    let path_and_query = if link.starts_with('/') { link } else { below(link, origin)? };
    let path = path_and_query.split('?').next().unwrap_or_default();
    if !path.starts_with('/') || path.starts_with("//") {
        return Err(LinkError::NotALink);
    }
    if has_dot_segments(path) {
        return Err(LinkError::DotSegments);
    }
    if !is_of_version(path, version) {
        return Err(LinkError::OtherVersion);
    }
    build(origin, path_and_query).ok_or(LinkError::BadCharacters)
}

/// What follows the authority of an absolute link, which must be the origin's.
fn below<'a>(link: &'a str, origin: &Origin) -> Result<&'a str, LinkError> {
    let (found, rest) = Origin::split(link).ok_or(LinkError::NotALink)?;
    if found == *origin {
        return Ok(rest);
    }
    if found.authority().len() > MAX_AUTHORITY {
        return Err(LinkError::NotALink);
    }
    Err(LinkError::OtherOrigin { found: found.to_string(), expected: origin.to_string() })
}

/// Whether the first segment of a path is the API version. Graph reads its paths in any case.
fn is_of_version(path: &str, version: ApiVersion) -> bool {
    let rest = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    rest.is_some_and(|(first, _)| first.eq_ignore_ascii_case(version.as_str()))
}

/// The URI of a path and query at an origin.
pub(crate) fn build(origin: &Origin, path_and_query: &str) -> Option<Uri> {
    Uri::builder()
        .scheme(origin.scheme.as_str())
        .authority(origin.authority())
        .path_and_query(PathAndQuery::try_from(path_and_query).ok()?)
        .build()
        .ok()
}

/// Whether something on the way may read a part of the path as `.` or `..`: slashes may be escaped too, and some
/// servers cut a segment at `;` first.
fn has_dot_segments(path: &str) -> bool {
    let path = path.to_ascii_lowercase().replace("%2f", "/").replace("%5c", "/").replace("%3b", ";");
    path.split('/').any(|segment| is_dot_segment(segment.split(';').next().unwrap_or_default()))
}

/// `.` or `..`, also where the dots are escaped.
pub(crate) fn is_dot_segment(segment: &str) -> bool {
    // The longest is `%2e%2e`.
    segment.len() <= 6 && matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::{Cloud, ServiceRoot};

    fn check(link: &str) -> Result<String, LinkError> {
        check_at(ApiVersion::V1, link)
    }

    fn check_at(version: ApiVersion, link: &str) -> Result<String, LinkError> {
        pin(link, ServiceRoot::cloud(Cloud::Global).origin(), version).map(|uri| uri.to_string())
    }

    #[test]
    fn a_link_is_rebuilt_byte_for_byte() {
        let link = "https://graph.microsoft.com/v1.0/me/calendarView/delta?$skiptoken=R0usmcCM996atia_s";
        assert_eq!(check(link).as_deref(), Ok(link));
        assert_eq!(check(&link.replace("//graph.microsoft.com", "//GRAPH.microsoft.com:443")).as_deref(), Ok(link));
        assert_eq!(check(link.strip_prefix("https://graph.microsoft.com").unwrap()).as_deref(), Ok(link));
        let escaped = "https://graph.microsoft.com/beta/users('A%40b')/calendars/x%2Fy=/microsoft.graph.delta()?%24deltatoken=a%2Bb&x=%";
        assert_eq!(check_at(ApiVersion::Beta, escaped).as_deref(), Ok(escaped));
        assert_eq!(check_at(ApiVersion::V1, escaped), Err(LinkError::OtherVersion));
    }

    #[test]
    fn secrets_never_print() {
        let link = "https://evil.example/v1.0/me/calendarView/delta?$deltatoken=SECRET";
        let printed = format!("{:?} {:?} {}", DeltaLink::new(link), NextLink::new(link), check(link).unwrap_err());
        assert!(!printed.contains("SECRET") && printed.contains("evil.example"), "{printed}");
    }
}

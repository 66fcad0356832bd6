//! The preferences that go with every request.
//!
//! None of them is remembered by a token: Graph's documentation repeats them on each request of a round, and so does
//! every client that pages rightly.

use std::fmt;
use std::num::NonZeroU32;

use http::HeaderValue;
use serde::{Deserialize, Serialize};

/// What a request prefers, sent as one `Prefer` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preferences {
    /// `odata.maxpagesize`: how many items a page should have. A hint: pages may have more. `None` leaves it to Graph.
    pub page_size: Option<NonZeroU32>,
    /// `outlook.timezone`: the zone that `start` and `end` are given in.
    pub time_zone: TimeZone,
    /// `IdType`: which form ids have.
    pub ids: IdFormat,
    /// `outlook.body-content-type`: which form bodies have. `None` leaves it to Graph, which sends HTML.
    pub body: Option<BodyType>,
}

impl Default for Preferences {
    /// 200 items a page, UTC, immutable ids, bodies as Graph likes.
    fn default() -> Self {
        Self { page_size: NonZeroU32::new(200), time_zone: TimeZone::default(), ids: IdFormat::default(), body: None }
    }
}

impl Preferences {
    /// The value of the `Prefer` header.
    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.to_string())
            .unwrap_or_else(|_| HeaderValue::from_static("outlook.timezone=\"UTC\""))
    }
}

impl fmt::Display for Preferences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(size) = self.page_size {
            write!(f, "odata.maxpagesize={size}, ")?;
        }
        write!(f, "outlook.timezone=\"{}\"", self.time_zone.0)?;
        if self.ids == IdFormat::Immutable {
            f.write_str(", IdType=\"ImmutableId\"")?;
        }
        match self.body {
            Some(BodyType::Html) => f.write_str(", outlook.body-content-type=\"html\""),
            Some(BodyType::Text) => f.write_str(", outlook.body-content-type=\"text\""),
            None => Ok(()),
        }
    }
}

/// The form of ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum IdFormat {
    /// Ids that stay the same when an item moves to another folder of the mailbox.
    #[default]
    Immutable,
    /// Graph's default: ids that change with each move.
    Rest,
}

/// The form of bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BodyType {
    /// HTML.
    Html,
    /// Plain text, which is smaller.
    Text,
}

/// The name of a time zone, as Windows or IANA call it. Anything that can stand in a quoted header value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZone(String);

impl Default for TimeZone {
    fn default() -> Self {
        Self("UTC".to_owned())
    }
}

impl TimeZone {
    /// Takes a name such as `Pacific Standard Time` or `Europe/Berlin`.
    pub fn new(name: &str) -> Result<Self, TimeZoneError> {
        let fits = |byte: u8| (byte.is_ascii_graphic() || byte == b' ') && byte != b'"' && byte != b'\\';
        if name.is_empty() || name.len() > 100 || !name.bytes().all(fits) {
            return Err(TimeZoneError);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name can't be that of a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeZoneError;

impl fmt::Display for TimeZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time zone's name has 1 to 100 printable ASCII characters, and no quotes")
    }
}

impl std::error::Error for TimeZoneError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_preferences_stand_in_one_header() {
        assert_eq!(
            Preferences::default().header(),
            r#"odata.maxpagesize=200, outlook.timezone="UTC", IdType="ImmutableId""#
        );
        let preferences = Preferences {
            page_size: None,
            time_zone: TimeZone::new("Pacific Standard Time").unwrap(),
            ids: IdFormat::Rest,
            body: Some(BodyType::Text),
        };
        assert_eq!(
            preferences.header(),
            r#"outlook.timezone="Pacific Standard Time", outlook.body-content-type="text""#
        );
    }

    #[test]
    fn a_name_that_would_break_the_header_is_refused() {
        for name in ["", "UTC\"", "a\r\nb", "Zürich", &"x".repeat(101)] {
            assert_eq!(TimeZone::new(name), Err(TimeZoneError), "{name}");
        }
    }
}

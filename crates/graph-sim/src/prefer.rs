//! The `Prefer` header: what one request wants, and nothing that any later request inherits.

use http::HeaderMap;
use http::header::HeaderName;

use crate::error::GraphError;
use crate::zone::Zone;

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Graph calls page sizes a hint; beyond this one they are cut down.
const LARGEST_PAGE: usize = 1000;

/// In which form a client wants the bodies of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum BodyType {
    #[default]
    Html,
    Text,
}

/// The preferences that mean something to calendars. Others are ignored, as RFC 7240 wants it.
#[derive(Debug, Clone)]
pub(crate) struct Preferences {
    /// `odata.maxpagesize`
    pub(crate) page_size: Option<usize>,
    /// `outlook.timezone`; UTC without it
    pub(crate) zone: Zone,
    /// `IdType="ImmutableId"`
    pub(crate) immutable_ids: bool,
    /// `outlook.body-content-type`
    pub(crate) body: BodyType,
    applied: Vec<String>,
}

impl Preferences {
    /// Reads all `Prefer` headers of a request. An unknown time zone is an error; anything else that makes no sense
    /// is ignored.
    pub(crate) fn parse(headers: &HeaderMap) -> Result<Self, GraphError> {
        let mut preferences = Self {
            page_size: None,
            zone: Zone::utc(),
            immutable_ids: false,
            body: BodyType::default(),
            applied: Vec::new(),
        };
        for header in headers.get_all(PREFER) {
            let text = String::from_utf8_lossy(header.as_bytes());
            for preference in split_outside_quotes(&text) {
                preferences.take(preference)?;
            }
        }
        Ok(preferences)
    }

    fn take(&mut self, preference: &str) -> Result<(), GraphError> {
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "odata.maxpagesize" => {
                let Some(size) = value.parse::<usize>().ok().filter(|size| *size > 0) else { return Ok(()) };
                self.page_size = Some(size.min(LARGEST_PAGE));
                self.applied.push(format!("odata.maxpagesize={}", size.min(LARGEST_PAGE)));
            }
            "outlook.timezone" => {
                self.zone = Zone::find(value).ok_or_else(|| GraphError::unknown_time_zone(value))?;
                self.applied.push(format!("outlook.timezone=\"{value}\""));
            }
            "outlook.body-content-type" => {
                self.body = match value.to_ascii_lowercase().as_str() {
                    "text" => BodyType::Text,
                    "html" => BodyType::Html,
                    _ => return Ok(()),
                };
                self.applied.push(format!("outlook.body-content-type=\"{value}\""));
            }
            "idtype" if value.eq_ignore_ascii_case("ImmutableId") => {
                self.immutable_ids = true;
                self.applied.push("IdType=\"ImmutableId\"".to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    /// What `Preference-Applied` says.
    pub(crate) fn applied(&self) -> &[String] {
        &self.applied
    }
}

/// Splits at commas that are not between quotation marks.
pub(crate) fn split_outside_quotes(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |symbol| {
        quoted ^= symbol == '"';
        symbol == ',' && !quoted
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn parse(lines: &[&str]) -> Result<Preferences, GraphError> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(PREFER, HeaderValue::from_str(line).unwrap());
        }
        Preferences::parse(&headers)
    }

    #[test]
    fn one_line_and_many_lines_mean_the_same() {
        let one = parse(&[r#"odata.maxpagesize=50, outlook.timezone="Tokyo Standard Time", IdType="ImmutableId""#]);
        let many = parse(&["odata.maxpagesize=50", r#"OUTLOOK.TIMEZONE="Tokyo Standard Time""#, "idtype=ImmutableId"]);
        for preferences in [one.unwrap(), many.unwrap()] {
            assert_eq!(preferences.page_size, Some(50));
            assert_eq!(preferences.zone.name(), "Tokyo Standard Time");
            assert!(preferences.immutable_ids);
            assert_eq!(preferences.applied().len(), 3);
        }
    }

    #[test]
    fn nonsense_is_ignored_but_an_unknown_zone_is_not() {
        let preferences = parse(&["odata.maxpagesize=0, odata.maxpagesize=x, respond-async, =, \""]).unwrap();
        assert_eq!(preferences.page_size, None);
        assert!(preferences.applied().is_empty());
        assert_eq!(parse(&["outlook.timezone=\"Moon\""]).unwrap_err().code, "TimeZoneNotSupportedException");
    }

    #[test]
    fn a_comma_between_quotation_marks_does_not_split() {
        let parts: Vec<&str> = split_outside_quotes(r#"a="1,2",b=3"#).collect();
        assert_eq!(parts, [r#"a="1,2""#, "b=3"]);
    }

    proptest! {
        #[test]
        fn no_header_panics(line in "[ -~]{0,60}") {
            let _ = parse(&[&line]);
        }
    }
}

//! How a date or an instant is written: the parameters of its property, and its value.

use delta_core::Timestamp;

use super::vtimezone::Zones;

/// What stands behind a property's name, and its value.
pub(super) struct Written {
    pub(super) parameters: String,
    pub(super) value: String,
}

/// A date without a zone.
pub(super) fn day(at: Timestamp) -> Written {
    Written { parameters: ";VALUE=DATE".to_owned(), value: digits(at).chars().take(8).collect() }
}

/// An instant in UTC.
pub(super) fn utc(at: Timestamp) -> String {
    digits(at) + "Z"
}

/// An instant on the clocks of a zone, or in UTC: where there is no such zone, at the ends of time, and in the hour that
/// clocks show twice, of which a local time means the first and not every reader knows that.
pub(super) fn instant(at: Timestamp, zone: Option<&str>, zones: &mut Zones) -> Written {
    match zone.and_then(|zone| zones.local(zone, at)) {
        Some((name, local)) => {
            Written { parameters: format!(";TZID={name}"), value: local.strftime("%Y%m%dT%H%M%S").to_string() }
        }
        None => Written { parameters: String::new(), value: utc(at) },
    }
}

/// `20261210T193000`, of what is to the second in UTC.
fn digits(at: Timestamp) -> String {
    at.to_string().chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect()
}

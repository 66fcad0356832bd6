//! Time zones by the names that Graph uses.
//!
//! The rules come from the time zone database that is built into the program, so that two machines write the same.

mod windows;

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone of the IANA database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Zone {
    /// Coordinated universal time.
    Utc,
    /// Any other.
    Iana {
        /// Its name there, such as `Europe/Berlin`.
        name: String,
        /// Its rules.
        rules: TimeZone,
    },
}

/// The zone of a name: one of Windows' or of IANA's, in any case, or one of those that were observed instead, such as
/// `tzone://Microsoft/Utc`, `Eastern Standard Time 1` or `Europe/Kyiv (Kiev)`. None for `tzone://Microsoft/Custom`, and
/// for names that are made up.
pub fn find(name: &str) -> Option<Zone> {
    let name = name.trim();
    known(name).or_else(|| known(name.split_once(" (")?.0)).or_else(|| known(without_number(name)?))
}

/// `Eastern Standard Time 1` without the number.
fn without_number(name: &str) -> Option<&str> {
    let (name, number) = name.rsplit_once(' ')?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some(name)
}

fn known(name: &str) -> Option<Zone> {
    const UTC: [&str; 5] = ["UTC", "Etc/UTC", "GMT", "Etc/GMT", "tzone://Microsoft/Utc"];
    let is_utc = |name: &str| UTC.iter().any(|utc| utc.eq_ignore_ascii_case(name));
    let windows = windows::ZONES.iter().find(|(windows, _)| windows.eq_ignore_ascii_case(name));
    let name = windows.map_or(name, |(_, iana)| iana);
    if is_utc(name) {
        return Some(Zone::Utc);
    }
    let rules = DATABASE.get(name).ok()?;
    let name = rules.iana_name()?.to_owned();
    Some(Zone::Iana { name, rules })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(zone: &str) -> Option<String> {
        match find(zone)? {
            Zone::Utc => Some("UTC".to_owned()),
            Zone::Iana { name, .. } => Some(name),
        }
    }

    #[test]
    fn every_windows_name_has_a_zone_under_its_own_name() {
        for (windows, iana) in windows::ZONES {
            let expected = if *iana == "Etc/UTC" { "UTC" } else { iana };
            assert_eq!(name(windows).as_deref(), Some(expected), "{windows}");
        }
    }

    #[test]
    fn names_are_found_as_they_were_observed() {
        for (written, expected) in [
            ("Pacific Standard Time", "America/Los_Angeles"),
            ("w. europe standard time", "Europe/Berlin"),
            ("Eastern Standard Time 1", "America/New_York"),
            (" Europe/Kyiv (Kiev) ", "Europe/Kyiv"),
            ("asia/tokyo", "Asia/Tokyo"),
            ("UTC+13", "Etc/GMT-13"),
            ("UTC", "UTC"),
            ("tzone://Microsoft/Utc", "UTC"),
        ] {
            assert_eq!(name(written).as_deref(), Some(expected), "{written}");
        }
    }

    #[test]
    fn made_up_names_have_no_zone() {
        for made_up in ["", " ", "tzone://Microsoft/Custom", "Customized Time Zone", "Mars/Olympus Mons", "1", " 1"] {
            assert_eq!(name(made_up), None, "{made_up:?}");
        }
    }
}

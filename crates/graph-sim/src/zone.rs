//! Time zones by the names that Graph takes: Windows names, IANA names and `UTC`.
//!
//! The rules come from the time zone database built into the program, never from the machine's own, so that two
//! machines give the same bytes.

mod windows;

use std::sync::LazyLock;

use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::time::Instant;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone under the name by which a client asked for it; answers carry that same name.
#[derive(Debug, Clone)]
pub(crate) struct Zone {
    name: String,
    rules: TimeZone,
}

/// By name: two names are two zones, though their clocks may agree.
impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Zone {
    pub(crate) fn utc() -> Self {
        Self { name: "UTC".to_owned(), rules: TimeZone::UTC }
    }

    /// The zone of that name, if there is one. Case does not matter.
    pub(crate) fn find(name: &str) -> Option<Self> {
        let rules = if ["UTC", "tzone://Microsoft/Utc"].iter().any(|utc| utc.eq_ignore_ascii_case(name)) {
            TimeZone::UTC
        } else {
            let windows = windows::ZONES.iter().find(|(windows, _)| windows.eq_ignore_ascii_case(name));
            DATABASE.get(windows.map_or(name, |(_, iana)| iana)).ok()?
        };
        Some(Self { name: name.to_owned(), rules })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The instant at which this zone's clocks show `local`. In a gap the clocks' earlier rule counts, in a fold the
    /// first of the two instants; beyond the range of instants the zone is taken as UTC.
    pub(crate) fn instant(&self, local: DateTime) -> Instant {
        let timestamp = self.rules.to_ambiguous_timestamp(local).compatible();
        timestamp.map_or(local, |timestamp| TimeZone::UTC.to_datetime(timestamp))
    }

    /// What this zone's clocks show at `instant`.
    pub(crate) fn local(&self, instant: Instant) -> DateTime {
        TimeZone::UTC.to_timestamp(instant).map_or(instant, |timestamp| self.rules.to_datetime(timestamp))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn every_windows_name_leads_to_a_known_zone() {
        for (windows, _) in windows::ZONES {
            assert!(Zone::find(windows).is_some(), "{windows}");
        }
    }

    #[test]
    fn windows_and_iana_names_agree_across_summer_time() {
        let (windows, iana) =
            (Zone::find("pacific standard time").unwrap(), Zone::find("America/Los_Angeles").unwrap());
        for (instant, hour) in [(date(2026, 1, 10).at(20, 0, 0, 0), 12), (date(2026, 7, 10).at(20, 0, 0, 0), 13)] {
            assert_eq!(windows.local(instant), iana.local(instant));
            assert_eq!(windows.local(instant).hour(), hour);
            assert_eq!(windows.instant(windows.local(instant)), instant);
        }
        assert_eq!(windows.name(), "pacific standard time");
    }

    #[test]
    fn unknown_names_have_no_zone() {
        for name in ["", "Greenwich Mean Time", "Mars/Olympus Mons", "[]"] {
            assert!(Zone::find(name).is_none(), "{name}");
        }
    }

    #[test]
    fn the_edges_of_time_do_not_overflow() {
        let zone = Zone::find("Tokyo Standard Time").unwrap();
        for edge in [DateTime::MIN, DateTime::MAX] {
            zone.instant(edge);
            zone.local(edge);
        }
    }
}

//! How much of an event an item is, and when it takes place: seen on the way over its properties.

use std::ops::Range;

use super::EventType;
use crate::json::{NotJson, Walker};
use crate::timestamp::Timestamp;

/// What was seen of an item's properties, beside those that the protocol reads.
#[derive(Default)]
pub(super) struct Shape {
    /// Where the values of `start` and `end` are. An exact name comes before one in another case, and of several the last
    /// one counts, as with [`Event::property`](crate::Event::property).
    pub(super) start: Option<Range<usize>>,
    pub(super) end: Option<Range<usize>>,
    exact_start: bool,
    exact_end: bool,
    /// There is a `seriesMasterId`.
    pub(super) series: bool,
    created: bool,
    modified: bool,
    /// There is an annotation of a property, such as `calendar@odata.navigationLink`.
    annotated: bool,
    /// There is anything else but `id` and `type`.
    more: bool,
}

impl Shape {
    /// Notes a property by its name.
    pub(super) fn see(&mut self, name: &str, place: Range<usize>) {
        match name.len() {
            5 if name.eq_ignore_ascii_case("start") => {
                note(&mut self.start, &mut self.exact_start, name == "start", place)
            }
            3 if name.eq_ignore_ascii_case("end") => note(&mut self.end, &mut self.exact_end, name == "end", place),
            14 if name.eq_ignore_ascii_case("seriesMasterId") => self.series = true,
            2 if name.eq_ignore_ascii_case("id") => {}
            4 if name.eq_ignore_ascii_case("type") => {}
            _ if name.starts_with("@odata.") => {}
            // What comes behind something more does not matter, which spares the search.
            _ if !self.more && name.contains("@odata.") => self.annotated = true,
            _ => {
                self.created |= name.eq_ignore_ascii_case("createdDateTime");
                self.modified |= name.eq_ignore_ascii_case("lastModifiedDateTime");
                self.more = true;
            }
        }
    }

    /// Whether this is an occurrence as a delta query sends it: see [`Event::is_stub`](crate::Event::is_stub).
    pub(super) fn is_stub(&self, kind: EventType) -> bool {
        kind == EventType::Occurrence && !self.more && !self.annotated
    }

    /// Whether properties are missing that an event has.
    pub(super) fn is_sparse(&self, kind: EventType) -> bool {
        let updated = self.modified && !self.created;
        let bare = kind != EventType::Occurrence && !self.more && !self.series;
        !self.is_stub(kind) && (updated || bare)
    }
}

fn note(slot: &mut Option<Range<usize>>, exact: &mut bool, is_exact: bool, place: Range<usize>) {
    if is_exact || !*exact {
        *slot = Some(place);
    }
    *exact |= is_exact;
}

/// The `dateTime` of a `dateTimeTimeZone`, read as UTC.
pub(super) fn as_utc(json: &str) -> Option<Timestamp> {
    let (mut date_times, mut zones, mut found) = (0, 0, None);
    let read = Walker::new(json).object(|walker, key| {
        match key.decode().as_deref() {
            Some("dateTime" | "DateTime" | "datetime") => {
                date_times += 1;
                if let Some(text) = walker.text()? {
                    found = text.decode().and_then(|text| Timestamp::parse(&text).ok());
                    return Ok(());
                }
            }
            Some("timeZone" | "TimeZone" | "timezone") => zones += 1,
            Some(_) => {}
            // Other readers refuse it.
            None => return Err(NotJson::Syntax(key.range().start)),
        }
        walker.skip().map(drop)
    });
    found.filter(|_| read.is_ok() && date_times == 1 && zones <= 1)
}

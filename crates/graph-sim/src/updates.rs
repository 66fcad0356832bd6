//! Which properties of an event were updated, and when: what a delta must tell of it at least.

use std::collections::BTreeMap;

use crate::event::{Event, Object};

/// What changes with every change.
const ALWAYS: [&str; 4] = ["@odata.etag", "changeKey", "id", "lastModifiedDateTime"];

/// When an event became what it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Updates {
    /// The number of the change that created it, or created it anew.
    created: u64,
    /// The number of the last change of each property; those that never changed have none.
    properties: BTreeMap<String, u64>,
}

impl Updates {
    /// Notes the change of that number, which made one event of the other.
    pub(crate) fn note(&mut self, before: Option<&Event>, after: Option<&Event>, number: u64) {
        let Some(after) = after else { return };
        let Some(before) = before else {
            self.created = number;
            return;
        };
        let rule = |event: &Event| event.series.as_ref().map(|series| series.recurrence.clone());
        let body = before.properties.get("body") != after.properties.get("body");
        let times = [
            ("start", before.start != after.start),
            ("end", before.end != after.end),
            ("isAllDay", before.all_day != after.all_day),
            ("originalStartTimeZone", before.start_zone != after.start_zone),
            ("originalEndTimeZone", before.end_zone != after.end_zone),
            ("bodyPreview", body),
            ("recurrence", rule(before) != rule(after)),
            ("type", before.kind() != after.kind()),
        ];
        let times = times.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name);
        let properties = after.properties.iter().filter(|(name, value)| before.properties.get(*name) != Some(*value));
        let names = properties.map(|(name, _)| name.as_str()).chain(times);
        self.properties.extend(names.map(|name| (name.to_owned(), number)));
    }

    /// Takes from an event what did not change after the change of that number.
    pub(crate) fn retain(&self, shown: &mut Object, after: u64) {
        if self.created > after {
            return;
        }
        let updated = |name: &str| self.properties.get(name).is_some_and(|number| *number > after);
        shown.retain(|name, _| ALWAYS.contains(&name.as_str()) || updated(name));
    }
}

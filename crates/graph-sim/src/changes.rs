//! What a change means to somebody who follows a calendar: the items that a delta response has for it.
//!
//! | what changed | a calendar view's delta tells | `events/delta` tells |
//! |---|---|---|
//! | a single event in the window | the event | id, type, start and end |
//! | anything about a series with instances in the window | the master, and all of those instances | the master |
//! | what is not, or no longer, in the window | a tombstone, but not in a first round | a tombstone |
//!
//! Occurrences are stubs, exceptions are whole, and an instance that is gone is only missing. [`Quirks`] change all of
//! this.
//!
//! [`Quirks`]: crate::Quirks

use serde_json::Value;

use crate::call::Call;
use crate::delta::Position;
use crate::entry::{Entry, Item};
use crate::event::{Event, Object};
use crate::mailbox::Mailbox;
use crate::quirks::MasterDelivery;
use crate::series::Instance;
use crate::sync_state::Scope;
use crate::time::Instant;
use crate::window::Window;

const TYPE: &str = "#microsoft.graph.event";

/// The items that tell of a changed event, all of which belong on one page; none if it means nothing.
pub(crate) fn items(mailbox: &Mailbox, entry: &Entry, position: &Position, call: &Call) -> Vec<Object> {
    let elsewhere = match position.scope.calendar() {
        Some(calendar) => entry.calendar != calendar,
        None => mailbox.is_shared(&entry.calendar),
    };
    if elsewhere {
        return Vec::new();
    }
    let teller = Teller { mailbox, entry, position, call };
    let mut items = match position.scope {
        Scope::CalendarView { window, .. } => teller.in_window(window),
        Scope::Events { start, .. } => teller.among_events(start),
    };
    for item in &mut items {
        if !(call.view.quirks.bare_tombstones && item.contains_key("@removed")) {
            item.insert("@odata.type".to_owned(), Value::String(TYPE.to_owned()));
        }
    }
    items
}

/// Tells one client of one event.
struct Teller<'a> {
    mailbox: &'a Mailbox,
    entry: &'a Entry,
    position: &'a Position,
    call: &'a Call,
}

impl Teller<'_> {
    fn in_window(&self, window: Window) -> Vec<Object> {
        let view = &self.call.view;
        let mut items = match &self.entry.event {
            Some(event) if event.series.is_some() => self.series(event, window),
            Some(event) if window.holds(event.start, event.end, view.quirks.membership) => {
                let mut told = view.event(self.mailbox, self.entry, event);
                if view.quirks.partial_updates {
                    self.entry.updates.retain(&mut told, self.position.since);
                }
                vec![told]
            }
            _ => Vec::from_iter(self.gone()),
        };
        if view.quirks.instance_tombstones {
            items.extend(self.former_instances(window));
        }
        items
    }

    fn series(&self, event: &Event, window: Window) -> Vec<Object> {
        let (view, quirks) = (&self.call.view, &self.call.view.quirks);
        let instances = Instance::all_in(self.entry, event, window, quirks.membership);
        let master = || view.event(self.mailbox, self.entry, event);
        let mut items = if instances.is_empty() {
            // In a first round there is nothing to tell; a later one cannot know whether there was anything before.
            if quirks.lone_masters && self.is_news() { vec![master()] } else { Vec::from_iter(self.gone()) }
        } else if quirks.master_only && self.was_there() {
            vec![master()]
        } else {
            let in_window = window.holds(event.start, event.end, quirks.membership);
            let master = match quirks.master_delivery {
                MasterDelivery::Always => Some(master()),
                MasterDelivery::InWindow if in_window => Some(master()),
                MasterDelivery::InWindow => self.gone(),
                MasterDelivery::Never => None,
            };
            master.into_iter().chain(instances.iter().map(|instance| self.instance(instance))).collect()
        };
        if quirks.occurrence_tombstones {
            items.extend(self.missing_instances(event, &instances));
        }
        items
    }

    /// An instance in its delta form.
    fn instance(&self, instance: &Instance<'_>) -> Object {
        let view = &self.call.view;
        if instance.is_exception() || view.quirks.whole_occurrences {
            view.instance(self.mailbox, instance)
        } else {
            view.stub(self.mailbox, instance)
        }
    }

    /// A series counts by the start of its master, even if it goes on for years: nobody has reported otherwise.
    fn among_events(&self, start: Option<Instant>) -> Vec<Object> {
        let view = &self.call.view;
        let begins = |instant| start.is_none_or(|start| instant >= start);
        let Some(event) = self.entry.event.as_ref() else { return Vec::from_iter(self.gone()) };
        let own = Some(Item::Event(self.entry, event)).filter(|_| begins(event.start));
        let mut items: Vec<Object> = match own {
            Some(own) => vec![view.sparse(self.mailbox, &own)],
            None => Vec::from_iter(self.gone()),
        };
        if let (true, Some(series)) = (view.quirks.exceptions_in_events_delta, &event.series) {
            let days = series.exceptions.keys();
            let exceptions = days.filter_map(|day| Instance::on(self.entry, event, *day));
            let exceptions = exceptions.filter(|exception| begins(exception.start)).map(Item::Instance);
            items.extend(exceptions.map(|exception| view.sparse(self.mailbox, &exception)));
        }
        items
    }

    /// The tombstone of an event that the client cannot see, if there has to be one.
    fn gone(&self) -> Option<Object> {
        let short_lived = self.entry.event.is_none()
            // Nobody on this stream can have seen what was created after all that it was served.
            && self.entry.created > self.position.served
            && !self.call.view.quirks.short_lived_tombstones;
        (self.is_news() && !short_lived).then(|| self.call.view.removed(&self.entry.id))
    }

    /// Whether the change came after the first request: what was outside then is not worth a word.
    fn is_news(&self) -> bool {
        self.entry.changed > self.position.base
    }

    /// Whether the client had been told of what there was of this event when its round began.
    fn was_there(&self) -> bool {
        self.entry.created <= self.position.since
    }

    /// Tombstones for instances that went one by one since the client was told: deleted, or moved out of the window.
    fn missing_instances(&self, event: &Event, instances: &[Instance<'_>]) -> Vec<Object> {
        let Some(series) = &event.series else { return Vec::new() };
        let seen = self.position.cursor.max(self.position.base);
        let cancelled = series.cancelled.iter().filter(|(_, number)| **number > seen).map(|(day, _)| *day);
        let exceptions = series.exceptions.iter().filter(|(_, exception)| exception.changed > seen);
        let moved = exceptions.map(|(day, _)| *day).filter(|day| instances.iter().all(|here| here.day != *day));
        let days = cancelled.chain(moved);
        days.map(|day| self.call.view.removed(&Instance::id_on(self.entry, series, day))).collect()
    }

    /// Tombstones for the instances of series that this event was and is no more.
    fn former_instances(&self, window: Window) -> Vec<Object> {
        let seen = self.position.cursor.max(self.position.base);
        let ended = self.entry.former.iter().filter(|(number, _)| *number > seen);
        let membership = self.call.view.quirks.membership;
        ended
            .flat_map(|(_, event)| Instance::all_in(self.entry, event, window, membership))
            .map(|instance| self.call.view.removed(&instance.id()))
            .collect()
    }
}

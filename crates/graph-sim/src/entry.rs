//! What a mailbox keeps under an id: an event, what it was before, and when it became what it is.

use crate::event::Event;
use crate::series::Instance;
use crate::time::Instant;
use crate::updates::Updates;

/// An event, or what is left of one.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: String,
    /// The id of its calendar.
    pub(crate) calendar: String,
    /// The number of the change that created it.
    pub(crate) created: u64,
    /// The number of the change that made it what it is.
    pub(crate) changed: u64,
    /// Nothing, once it is deleted.
    pub(crate) event: Option<Event>,
    /// What it was before it was deleted, and the series that it was and is no more, each with the number of the change
    /// that ended it.
    pub(crate) former: Vec<(u64, Event)>,
    /// When each of its properties changed.
    pub(crate) updates: Updates,
}

/// Something with an id that can be asked for.
#[derive(Debug, Clone)]
pub(crate) enum Item<'a> {
    /// A single event, or the master of a series.
    Event(&'a Entry, &'a Event),
    Instance(Instance<'a>),
}

impl Item<'_> {
    /// The id of its calendar.
    pub(crate) fn calendar(&self) -> &str {
        match self {
            Self::Event(entry, _) => &entry.calendar,
            Self::Instance(instance) => &instance.master.calendar,
        }
    }

    pub(crate) fn start(&self) -> Instant {
        match self {
            Self::Event(_, event) => event.start,
            Self::Instance(instance) => instance.start,
        }
    }
}

impl Entry {
    /// An entry that holds nothing yet, of the change of that number.
    pub(crate) fn new(id: &str, calendar: &str, change: u64) -> Self {
        Self {
            id: id.to_owned(),
            calendar: calendar.to_owned(),
            created: change,
            changed: change,
            event: None,
            former: Vec::new(),
            updates: Updates::default(),
        }
    }

    /// Takes this event, or none, in the change of that number.
    pub(crate) fn turn_into(&mut self, mut event: Option<Event>, number: u64) {
        if let Some(series) = event.as_mut().and_then(|event| event.series.as_mut()) {
            for unset in [&mut series.epoch, &mut series.changed].into_iter().filter(|unset| **unset == 0) {
                *unset = number;
            }
        }
        let epoch = |event: &Option<Event>| Some(event.as_ref()?.series.as_ref()?.epoch);
        self.updates.note(self.event.as_ref(), event.as_ref(), number);
        let series_ended = epoch(&self.event).is_some() && epoch(&self.event) != epoch(&event);
        if series_ended || event.is_none() {
            self.former.extend(self.event.take().map(|ended| (number, ended)));
        }
        self.event = event;
    }
}

//! The instances of a series by REST: list them, change one, delete one.

use jiff::civil::Date;
use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::entry::{Entry, Item};
use crate::error::GraphError;
use crate::event::{Draft, Event};
use crate::mailbox::Mailbox;
use crate::route::{Place, Version};
use crate::series::{Instance, Series};
use crate::time::Instant;
use crate::window::Window;
use crate::{events, listing};

/// `GET …/events/{id}/instances`. What is no master has none; Graph's documentation does not say what it answers then.
pub(crate) fn list(mailbox: &Mailbox, place: &Place, id: &str, call: &Call) -> Result<Reply, GraphError> {
    let item = events::find(mailbox, place, id, call)?;
    let window = Window::read(&call.query)?;
    let instances = match item {
        Item::Event(entry, event) => Instance::all_in(entry, event, window, call.view.quirks.membership),
        Item::Instance(_) => Vec::new(),
    };
    listing::page(call, &events::context(mailbox), instances, |instance| call.view.instance(mailbox, &instance))
}

/// Makes the instance of that day an exception, or changes the exception that it is.
pub(crate) fn update(
    mailbox: &mut Mailbox,
    master: &str,
    day: Date,
    draft: Draft,
    now: Instant,
) -> Result<(), GraphError> {
    let (entry, event) = mailbox.event(None, master)?;
    let instance = Instance::on(entry, event, day).ok_or_else(GraphError::item_not_found)?;
    let mut exception = instance.updated(draft, now)?;
    change(mailbox, master, now, |series, number| {
        exception.changed = number;
        series.exceptions.insert(day, exception);
    });
    Ok(())
}

/// Deletes the instance of that day.
pub(crate) fn cancel(mailbox: &mut Mailbox, master: &str, day: Date, now: Instant) {
    change(mailbox, master, now, |series, number| {
        series.exceptions.remove(&day);
        series.cancelled.insert(day, number);
    });
}

/// Changes a series otherwise than by its master's own properties.
fn change(mailbox: &mut Mailbox, master: &str, now: Instant, change: impl FnOnce(&mut Series, u64)) {
    mailbox.change_event(master, |mut event, number| {
        event.modified = now;
        if let Some(series) = &mut event.series {
            change(series, number);
        }
        Some(event)
    });
}

/// `cancelledOccurrences`, which beta shows of a master to those who name it in `$select` (Graph's documentation of
/// events).
pub(crate) fn cancelled(entry: &Entry, event: &Event, call: &Call) -> Option<(String, Value)> {
    const NAME: &str = "cancelledOccurrences";
    let mut wanted = call.query.get("$select")?.split(',');
    if call.view.version != Version::Beta || !wanted.any(|wanted| wanted.trim().eq_ignore_ascii_case(NAME)) {
        return None;
    }
    let cancelled = event.series.as_ref()?.cancelled.keys();
    let names: Vec<String> = cancelled.map(|day| call.view.occurrence_id(&entry.id, *day)).collect();
    Some((NAME.to_owned(), json!(names)))
}

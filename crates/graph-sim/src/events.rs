//! Events by REST: list, view, create, get, update, delete.

use http::header::LOCATION;
use serde_json::Value;

use crate::call::{Call, Reply};
use crate::error::GraphError;
use crate::event::{Draft, Event};
use crate::listing;
use crate::mailbox::{Entry, Mailbox};
use crate::query::percent_encode;
use crate::random::Random;
use crate::route::{CalendarPath, Place};
use crate::window::Window;

/// `GET …/events`. `/me/events` lists the default calendar, as Graph does.
pub(crate) fn list(mailbox: &Mailbox, place: &Place, call: &Call) -> Result<Reply, GraphError> {
    let calendar = home(mailbox, place)?;
    let events: Vec<_> = mailbox.events_in(Some(&calendar)).collect();
    listing::page(call, &context(mailbox), events, |(entry, event)| call.view.event(mailbox, entry, event))
}

/// `GET …/calendarView`
pub(crate) fn view(mailbox: &Mailbox, path: &CalendarPath, call: &Call) -> Result<Reply, GraphError> {
    let calendar = &mailbox.calendar(path)?.id;
    let window = Window::read(&call.query)?;
    let membership = call.view.quirks.membership;
    let mut events: Vec<_> =
        mailbox.events_in(Some(calendar)).filter(|(_, event)| window.holds(event, membership)).collect();
    events.sort_by_key(|(_, event)| event.start);
    listing::page(call, &context(mailbox), events, |(entry, event)| call.view.event(mailbox, entry, event))
}

/// `POST …/events`. A `transactionId` that is known already gives the event that it made.
pub(crate) fn create(
    mailbox: &mut Mailbox,
    place: &Place,
    call: &Call,
    random: &mut Random,
) -> Result<Reply, GraphError> {
    let calendar = home(mailbox, place)?;
    let draft = Draft::from_client(call.object()?)?;
    let known = draft.transaction_id().and_then(|transaction| by_transaction(mailbox, transaction));
    let id = match known {
        Some(id) => id,
        None => mailbox.add_event(&calendar, draft.create(call.now)?, None, random),
    };
    let (entry, event) = mailbox.event(None, &id)?;
    let link = format!("{}{}/{}", call.origin, call.path.trim_end_matches('/'), percent_encode(&call.view.id(&id)));
    let mut reply = Reply::created(shown(mailbox, entry, event, call));
    reply.headers.push((LOCATION, link));
    Ok(reply)
}

/// `GET …/events/{id}`
pub(crate) fn get(mailbox: &Mailbox, place: &Place, id: &str, call: &Call) -> Result<Reply, GraphError> {
    let (entry, event) = find(mailbox, place, id, call)?;
    Ok(Reply::ok(shown(mailbox, entry, event, call)))
}

/// `PATCH …/events/{id}`
pub(crate) fn update(mailbox: &mut Mailbox, place: &Place, id: &str, call: &Call) -> Result<Reply, GraphError> {
    let (entry, event) = find(mailbox, place, id, call)?;
    let (id, mut event) = (entry.id.clone(), event.clone());
    Draft::from_client(call.object()?)?.update(&mut event, call.now)?;
    mailbox.change_event(&id, |_| Some(event));
    let (entry, event) = mailbox.event(None, &id)?;
    Ok(Reply::ok(shown(mailbox, entry, event, call)))
}

/// `DELETE …/events/{id}`
pub(crate) fn delete(mailbox: &mut Mailbox, place: &Place, id: &str, call: &Call) -> Result<Reply, GraphError> {
    let id = find(mailbox, place, id, call)?.0.id.clone();
    mailbox.change_event(&id, |_| None);
    Ok(Reply::no_content())
}

/// Finds an event: `/me/events/{id}` knows those of all calendars, `/me/calendars/{id}/events/{id}` only its own.
fn find<'a>(mailbox: &'a Mailbox, place: &Place, id: &str, call: &Call) -> Result<(&'a Entry, &'a Event), GraphError> {
    let calendar = mailbox.calendar_id(place)?;
    let id = if mailbox.entry(id).is_some() { id } else { call.view.stored_id(id) };
    mailbox.event(calendar.as_deref(), id)
}

/// The calendar where a place's new events go.
fn home(mailbox: &Mailbox, place: &Place) -> Result<String, GraphError> {
    let path = match place {
        Place::Mailbox => &CalendarPath::Default,
        Place::Calendar(path) => path,
    };
    Ok(mailbox.calendar(path)?.id.clone())
}

fn by_transaction(mailbox: &Mailbox, transaction: &str) -> Option<String> {
    let same = |event: &Event| event.properties.get("transactionId").and_then(Value::as_str) == Some(transaction);
    mailbox.events_in(None).find(|(_, event)| same(event)).map(|(entry, _)| entry.id.clone())
}

fn shown(mailbox: &Mailbox, entry: &Entry, event: &Event, call: &Call) -> Value {
    listing::single(call, &context(mailbox), call.view.event(mailbox, entry, event))
}

fn context(mailbox: &Mailbox) -> String {
    format!("{}/events", mailbox.context())
}

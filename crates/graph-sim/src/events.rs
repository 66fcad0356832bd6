//! Events by REST: list, view, create, get, update, delete.

use http::header::LOCATION;
use serde_json::Value;

use crate::call::{Call, Reply};
use crate::entry::Item;
use crate::error::GraphError;
use crate::event::{Draft, Event};
use crate::instances;
use crate::listing;
use crate::mailbox::Mailbox;
use crate::query::percent_encode;
use crate::random::Random;
use crate::route::{CalendarPath, Place};
use crate::series::Instance;
use crate::window::Window;

/// `GET …/events`. `/me/events` lists the default calendar, as Graph does.
pub(crate) fn list(mailbox: &Mailbox, place: &Place, call: &Call) -> Result<Reply, GraphError> {
    let calendar = home(mailbox, place)?;
    let events: Vec<_> = mailbox.events_in(Some(&calendar)).collect();
    listing::page(call, &context(mailbox), events, |(entry, event)| call.view.event(mailbox, entry, event))
}

/// `GET …/calendarView`: single events and the instances of series, in the order of their start.
pub(crate) fn view(mailbox: &Mailbox, path: &CalendarPath, call: &Call) -> Result<Reply, GraphError> {
    let calendar = &mailbox.calendar(path)?.id;
    let window = Window::read(&call.query)?;
    let membership = call.view.quirks.membership;
    let mut items: Vec<Item<'_>> = Vec::new();
    for (entry, event) in mailbox.events_in(Some(calendar)) {
        if event.series.is_some() {
            items.extend(Instance::all_in(entry, event, window, membership).into_iter().map(Item::Instance));
        } else if window.holds(event.start, event.end, membership) {
            items.push(Item::Event(entry, event));
        }
    }
    items.sort_by_key(Item::start);
    listing::page(call, &context(mailbox), items, |item| call.view.item(mailbox, &item))
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
    let item = Item::Event(entry, event);
    let link = format!("{}{}/{}", call.origin, call.path.trim_end_matches('/'), percent_encode(&call.view.id(&id)));
    let mut reply = Reply::created(shown(mailbox, &item, call));
    reply.headers.push((LOCATION, link));
    Ok(reply)
}

/// `GET …/events/{id}`
pub(crate) fn get(mailbox: &Mailbox, place: &Place, id: &str, call: &Call) -> Result<Reply, GraphError> {
    let item = find(mailbox, place, id, call).or_else(|error| {
        let calendar = mailbox.calendar_id(place)?;
        let deleted = mailbox.deleted_item(calendar.as_deref(), call.view.stored_id(id));
        deleted.filter(|_| call.view.quirks.reads_after_deletion).ok_or(error)
    })?;
    Ok(Reply::ok(shown(mailbox, &item, call)))
}

/// `PATCH …/events/{id}`. Of an instance it makes an exception.
pub(crate) fn update(mailbox: &mut Mailbox, place: &Place, id: &str, call: &Call) -> Result<Reply, GraphError> {
    let item = find(mailbox, place, id, call)?;
    let draft = Draft::from_client(call.object()?)?;
    let id = match item {
        Item::Instance(instance) => {
            let (master, day, id) = (instance.master.id.clone(), instance.day, instance.id());
            instances::update(mailbox, &master, day, draft, call.now)?;
            id
        }
        Item::Event(entry, event) => {
            let (id, mut event) = (entry.id.clone(), event.clone());
            draft.update(&mut event, call.now)?;
            mailbox.change_event(&id, |_, _| Some(event));
            id
        }
    };
    Ok(Reply::ok(shown(mailbox, &mailbox.item(None, &id)?, call)))
}

/// `DELETE …/events/{id}`. A master takes its instances along; an instance goes alone.
pub(crate) fn delete(mailbox: &mut Mailbox, place: &Place, id: &str, call: &Call) -> Result<Reply, GraphError> {
    match find(mailbox, place, id, call)? {
        Item::Instance(instance) => {
            let (master, day) = (instance.master.id.clone(), instance.day);
            instances::cancel(mailbox, &master, day, call.now);
        }
        Item::Event(entry, _) => {
            let id = entry.id.clone();
            mailbox.change_event(&id, |_, _| None);
        }
    }
    Ok(Reply::no_content())
}

/// Finds an event: `/me/events/{id}` knows those of all calendars, `/me/calendars/{id}/events/{id}` only its own.
pub(crate) fn find<'a>(mailbox: &'a Mailbox, place: &Place, id: &str, call: &Call) -> Result<Item<'a>, GraphError> {
    let calendar = mailbox.calendar_id(place)?;
    let found = mailbox.item(calendar.as_deref(), id);
    let item = found.or_else(|_| mailbox.item(calendar.as_deref(), call.view.stored_id(id)))?;
    // By way of the mailbox, what others have shared is not found (observed in OpenWhispr's pull request 1835).
    let hidden = calendar.is_none() && mailbox.is_shared(item.calendar());
    if hidden { Err(GraphError::item_not_found()) } else { Ok(item) }
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

fn shown(mailbox: &Mailbox, item: &Item<'_>, call: &Call) -> Value {
    let mut object = call.view.item(mailbox, item);
    if let Item::Event(entry, event) = item {
        object.extend(instances::cancelled(entry, event, call));
    }
    listing::single(call, &context(mailbox), object)
}

/// What `@odata.context` calls events.
pub(crate) fn context(mailbox: &Mailbox) -> String {
    format!("{}/events", mailbox.context())
}

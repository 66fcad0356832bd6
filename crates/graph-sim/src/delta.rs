//! Delta queries: rounds of pages over what changed.
//!
//! A mailbox numbers its changes, and a token says up to which of them its bearer was told. A page is the next few
//! events in the order of their latest change; so an event that changes during a round moves behind the cursor of that
//! round and is told (again) before it ends. Nothing is lost between two requests, whatever happens between them.
//! A series is one event among the others: whatever changes in it, it moves as a whole, and is told on one page, which
//! becomes as long as it must (observed in microsoft-graph-docs#7352).
//!
//! A first round tells only what its window holds. Later, what changed and is not in the window comes as `@removed`:
//! the deleted, those that moved out, and those that were never in, as Graph's documentation says.

use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::changes;
use crate::error::GraphError;
use crate::mailbox::{Kind as MailboxKind, Mailbox};
use crate::query::Query;
use crate::random::{Random, hash};
use crate::route::{CalendarPath, Place, Version};
use crate::sync_state::{Scope, SyncStates};
use crate::token::{Kind, Token};
use crate::window::{self, Window};

/// How many items a page has when nobody says. Graph documents no number.
const DEFAULT_PAGE: usize = 10;

/// What delta queries need beside the mailbox.
#[derive(Debug)]
pub(crate) struct Delta<'a> {
    pub(crate) states: &'a mut SyncStates,
    pub(crate) random: &'a mut Random,
    /// The key of the tokens.
    pub(crate) key: u64,
}

/// Where a round stands: the token's fields, without what only a written token needs.
#[derive(Debug)]
pub(crate) struct Position {
    stream: u64,
    place: u64,
    pub(crate) scope: Scope,
    /// The generation of the token that was sent, if one was.
    parent: Option<u64>,
    pub(crate) cursor: u64,
    pub(crate) base: u64,
    pub(crate) since: u64,
    pub(crate) served: u64,
}

impl Delta<'_> {
    /// `GET …/calendarView/delta`
    pub(crate) fn calendar_view(
        &mut self,
        mailbox: &Mailbox,
        path: &CalendarPath,
        call: &Call,
    ) -> Result<Reply, GraphError> {
        refuse_unsupported(&call.query, "CalendarView")?;
        let calendar = mailbox.calendar(path)?.id.clone();
        let place = hash(self.key, format!("{} view {calendar}", mailbox.id).as_bytes());
        let open = || Ok(Scope::CalendarView { calendar, window: Window::read(&call.query)? });
        self.answer(mailbox, place, open, call)
    }

    /// `GET …/events/delta`
    pub(crate) fn events(&mut self, mailbox: &Mailbox, place: &Place, call: &Call) -> Result<Reply, GraphError> {
        let tracked = call.view.version == Version::Beta || call.view.quirks.events_delta_in_v1;
        if mailbox.kind == MailboxKind::Group || !tracked {
            return Err(GraphError::no_change_tracking());
        }
        refuse_unsupported(&call.query, "SyncEvents")?;
        let calendar = mailbox.calendar_id(place)?;
        let place = hash(self.key, format!("{} events {calendar:?}", mailbox.id).as_bytes());
        let open = || Ok(Scope::Events { calendar, start: window::read_start(&call.query)? });
        self.answer(mailbox, place, open, call)
    }

    fn answer(
        &mut self,
        mailbox: &Mailbox,
        place: u64,
        open: impl FnOnce() -> Result<Scope, GraphError>,
        call: &Call,
    ) -> Result<Reply, GraphError> {
        let position = match read_token(&call.query, self.key)? {
            Some(token) => self.resume(token, place)?,
            None => self.open(mailbox, place, open()?, call),
        };
        let size = call.view.preferences.page_size.unwrap_or(DEFAULT_PAGE);
        let size = if position.parent.is_none() && call.view.quirks.empty_first_page { 0 } else { size };
        let page = Page::read(mailbox, &position, size, call);
        let quirks = &call.view.quirks;
        let generation = self.states.advance(position.stream, position.parent, page.cursor, quirks);
        let kind = if page.last { Kind::Delta } else { Kind::Skip };
        let Position { stream, place, base, .. } = position;
        let since = if page.last { page.cursor } else { position.since };
        let token = Token { kind, stream, place, generation, cursor: page.cursor, base, since };
        let mut reply = Reply::ok(envelope(page.items, &position.scope, &token.encode(self.key), kind, call));
        reply.applied.push("odata.track-changes".to_owned());
        Ok(reply)
    }

    fn open(&mut self, mailbox: &Mailbox, place: u64, scope: Scope, call: &Call) -> Position {
        let stream = self.states.open(&mailbox.id, scope.clone(), &call.view.quirks, self.random);
        Position { stream, place, scope, parent: None, cursor: 0, base: mailbox.sequence(), since: 0, served: 0 }
    }

    fn resume(&mut self, token: Token, place: u64) -> Result<Position, GraphError> {
        if token.place != place {
            return Err(GraphError::bad_token());
        }
        let stream = self.states.resume(token.stream, token.generation)?;
        Ok(Position {
            stream: token.stream,
            place,
            scope: stream.scope.clone(),
            parent: Some(token.generation),
            cursor: token.cursor,
            base: token.base,
            since: token.since,
            served: stream.served,
        })
    }
}

/// One page of a round.
struct Page {
    items: Vec<Value>,
    /// The number of the last change that it takes into account.
    cursor: u64,
    last: bool,
}

impl Page {
    fn read(mailbox: &Mailbox, position: &Position, size: usize, call: &Call) -> Self {
        let mut items = Vec::new();
        let mut cursor = position.cursor;
        for entry in mailbox.changes_after(position.cursor) {
            let told = changes::items(mailbox, entry, position, call);
            if told.is_empty() {
                continue;
            }
            // What one change has to say stays together, whatever size was asked for.
            if items.len() >= size {
                return Self { items, cursor, last: false };
            }
            items.extend(told.into_iter().map(Value::Object));
            cursor = entry.changed;
        }
        // An empty page that is asked for is not the last one, even if there is nothing to tell.
        Self { items, cursor: if size == 0 { cursor } else { mailbox.sequence() }, last: size > 0 }
    }
}

fn envelope(items: Vec<Value>, scope: &Scope, token: &str, kind: Kind, call: &Call) -> Value {
    let dollar = if call.view.quirks.encoded_links { "%24" } else { "$" };
    let (name, link) = match kind {
        Kind::Skip => ("@odata.nextLink", call.link(&format!("{dollar}skiptoken={token}"))),
        Kind::Delta => ("@odata.deltaLink", call.link(&format!("{dollar}deltatoken={token}"))),
    };
    let mut body = json!({name: link, "value": items});
    // Graph's sample of `events/delta` has no context.
    if let (Scope::CalendarView { .. }, Some(body)) = (scope, body.as_object_mut()) {
        body.insert("@odata.context".to_owned(), call.context("Collection(event)"));
    }
    body
}

fn refuse_unsupported(query: &Query, resource: &str) -> Result<(), GraphError> {
    if ["$orderby", "$filter", "$select", "$expand", "$search"].iter().any(|option| query.get(option).is_some()) {
        return Err(GraphError::options_on_delta(resource));
    }
    if query.get("$top").is_some() { Err(GraphError::top_on_delta(resource)) } else { Ok(()) }
}

/// The state token of a request; a window beside it is ignored (observed in Microsoft's Q&A 2182814).
fn read_token(query: &Query, key: u64) -> Result<Option<Token>, GraphError> {
    for (name, kind) in [("$deltatoken", Kind::Delta), ("$skiptoken", Kind::Skip)] {
        match query.get(name) {
            None => {}
            Some("") => return Err(GraphError::invalid_parameter(name, "")),
            Some(text) => {
                let token = Token::decode(text, key).filter(|token| token.kind == kind);
                return token.map(Some).ok_or_else(GraphError::bad_token);
            }
        }
    }
    Ok(None)
}

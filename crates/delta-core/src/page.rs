//! One response of a round: which items it holds, where their bytes are, and which link follows.
//!
//! Parsing is shallow and lossless. One pass checks the grammar, finds each item's raw bytes and the few properties
//! that the protocol itself needs; nothing else is decoded until someone asks an [`Event`] for it.
//!
//! What a page may have is limited: an item beyond is [malformed](Malformation), with its JSON kept, and the page goes
//! on; a page of too many items is [bad](PageError).

mod item;
mod limit;
mod parse;
mod shape;
mod utf8;

use std::fmt;

use crate::event::Event;
use crate::json::{self, NotJson};
use crate::timestamp::Timestamp;
use item::Entries;

/// One page of a round. It owns the response's body; items are ranges into it.
pub struct Page<B> {
    body: B,
    entries: Entries,
}

impl<B: AsRef<[u8]>> Page<B> {
    /// The changes of this page, in the order in which Graph sent them. Later ones overrule earlier ones.
    pub fn changes(&self) -> impl ExactSizeIterator<Item = Change<'_>> {
        // It was valid when it was parsed; a body that changes has no items then.
        self.entries.changes(utf8::check(self.body.as_ref()).unwrap_or_default())
    }

    /// The items' bytes, in the same order.
    pub(crate) fn items(&self) -> impl Iterator<Item = &[u8]> {
        let body = self.body.as_ref();
        self.entries.places().map(|place| body.get(place).unwrap_or_default())
    }

    /// How many items the page has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the page has no items. Empty pages in the middle of a round are normal (Graph's documentation).
    pub fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    /// The body as it was received.
    pub fn body(&self) -> &[u8] {
        self.body.as_ref()
    }

    /// Reads a body, together with the links that it names.
    pub(crate) fn parse(body: B) -> Result<(Self, Links), PageError> {
        let (entries, links) = parse::parse(body.as_ref())?;
        Ok((Self { body, entries }, links))
    }
}

impl<B> fmt::Debug for Page<B> {
    /// The body holds links and people's calendars: only its shape is printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("items", &self.entries.len()).finish_non_exhaustive()
    }
}

/// The links of a page, as Graph sent them and not yet trusted.
#[derive(Default)]
pub(crate) struct Links {
    pub(crate) next: Option<String>,
    pub(crate) delta: Option<String>,
}

/// What an item of a page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'p> {
    /// The event is there, with these properties.
    Upsert(Item<'p>),
    /// The event is no longer in the view: it was deleted, or it is outside the window. An id that is not known
    /// locally means nothing: Graph also sends these for events outside the window that were added or changed.
    Remove {
        /// The event's id.
        id: &'p str,
        /// What Graph gave as the reason.
        reason: RemovedReason,
        /// The item's JSON, byte for byte.
        raw: &'p str,
    },
    /// The item can't be understood. The rest of the page can.
    Malformed {
        /// The item's id, if it has a readable one.
        id: Option<&'p str>,
        /// What is wrong with it.
        why: Malformation,
        /// The item's JSON, byte for byte.
        raw: &'p str,
    },
}

impl<'p> Change<'p> {
    /// The id that the item speaks of, if it is readable.
    pub fn id(&self) -> Option<&'p str> {
        match self {
            Self::Upsert(item) => Some(item.id),
            Self::Remove { id, .. } => Some(id),
            Self::Malformed { id, .. } => *id,
        }
    }

    /// The item's JSON, byte for byte.
    pub fn raw(&self) -> &'p str {
        match self {
            Self::Upsert(item) => item.raw,
            Self::Remove { raw, .. } | Self::Malformed { raw, .. } => raw,
        }
    }
}

/// An event as a page holds it: what the protocol needs, and the raw JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Item<'p> {
    id: &'p str,
    etag: Option<&'p str>,
    kind: EventType,
    series_master_id: Option<&'p str>,
    times: [Option<&'p str>; 2],
    is_stub: bool,
    is_sparse: bool,
    raw: &'p str,
}

impl<'p> Item<'p> {
    /// The event's id, without surrounding white space (a sample in Graph's documentation has a leading space).
    pub fn id(&self) -> &'p str {
        self.id
    }

    /// `@odata.etag`, if there is one. Occurrences share their series' etag.
    pub fn etag(&self) -> Option<&'p str> {
        self.etag
    }

    /// The event's `type`.
    pub fn kind(&self) -> EventType {
        self.kind
    }

    /// The id of the series that an occurrence or exception belongs to.
    pub fn series_master_id(&self) -> Option<&'p str> {
        self.series_master_id
    }

    /// The event's JSON, byte for byte.
    pub fn raw(&self) -> &'p str {
        self.raw
    }

    /// The start as written, read as UTC: what its [`Event`] gives, without looking at the other properties.
    pub fn start(&self) -> Option<Timestamp> {
        self.times[0].and_then(shape::as_utc)
    }

    /// The end, in the same way.
    pub fn end(&self) -> Option<Timestamp> {
        self.times[1].and_then(shape::as_utc)
    }

    /// Whether this is an occurrence as a delta query sends it: see [`Event::is_stub`].
    pub fn is_stub(&self) -> bool {
        self.is_stub
    }

    /// Whether this is another event with less than all of its properties. Events views give "only a limited set" of
    /// properties, and in Graph's own sample that is id, type, start and end. Its documentation of delta queries promises
    /// of what was updated no more than the updated properties: that does not say when the event was created.
    pub fn is_sparse(&self) -> bool {
        self.is_sparse
    }

    /// A view of all of its properties.
    pub fn event(&self) -> Option<Event<'p>> {
        Event::parse(self.raw).ok()
    }
}

impl fmt::Debug for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// An event's `type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventType {
    /// An event that does not recur.
    SingleInstance,
    /// One date of a series, unchanged.
    Occurrence,
    /// One date of a series that was changed by itself.
    Exception,
    /// The series itself. Its own start and end are not an appointment.
    SeriesMaster,
    /// No `type`, or one that Graph has added since.
    #[default]
    Other,
}

impl EventType {
    /// Reads Graph's word for it.
    pub fn from_graph(text: &str) -> Self {
        match text {
            "singleInstance" => Self::SingleInstance,
            "occurrence" => Self::Occurrence,
            "exception" => Self::Exception,
            "seriesMaster" => Self::SeriesMaster,
            _ => Self::Other,
        }
    }

    /// Graph's word for it; none for [`Other`](Self::Other).
    pub fn as_graph(self) -> Option<&'static str> {
        match self {
            Self::SingleInstance => Some("singleInstance"),
            Self::Occurrence => Some("occurrence"),
            Self::Exception => Some("exception"),
            Self::SeriesMaster => Some("seriesMaster"),
            Self::Other => None,
        }
    }
}

/// The `reason` of an `@removed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemovedReason {
    /// `deleted`: gone from the view. Calendar views are documented to send only this one.
    Deleted,
    /// `changed`: deleted, but it can be restored.
    Changed,
    /// No reason, or one that Graph has added since.
    Other,
}

/// What is wrong with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformation {
    /// It is not a JSON object.
    NotAnObject,
    /// It has no `id`, or one that can't be an id: empty, a dot segment, or with control characters.
    NoId,
    /// A property that the protocol reads has another type than Graph's documentation says, or is there twice; or the
    /// name of a property is not a text, because it has a lone surrogate.
    Property,
    /// It has more than 16 MiB.
    TooLarge,
    /// It has more than 1,024 properties.
    TooManyProperties,
    /// Its `id`, `@odata.etag` or `seriesMasterId` has more than 4 KiB.
    TooLongText,
}

impl fmt::Display for Malformation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnObject => "the item is not an object",
            Self::NoId => "the item has no id",
            Self::Property => "a property of the item has the wrong type or is there twice",
            Self::TooLarge => "the item is too large",
            Self::TooManyProperties => "the item has too many properties",
            Self::TooLongText => "an id or etag of the item is too long",
        })
    }
}

/// Why a body is not a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PageError {
    /// It is not UTF-8, from this byte on.
    NotUtf8(usize),
    /// It is not JSON, at this byte. HTML instead of JSON shows like this, at byte 0.
    NotJson(usize),
    /// It nests deeper than 64 arrays and objects, at this byte.
    TooDeep(usize),
    /// A key that the protocol reads is there twice.
    Duplicate(&'static str),
    /// There is no `value`, or it is `null`. Read as an empty page it could make a full round delete everything.
    NoValue,
    /// `value` is not an array.
    ValueNotAnArray,
    /// A link is something else than a text.
    LinkNotText(&'static str),
    /// It has more than 100,000 items.
    TooManyItems,
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8(at) => write!(f, "it is not UTF-8 at byte {at}"),
            Self::NotJson(at) => write!(f, "it is not a JSON object at byte {at}"),
            Self::TooDeep(at) => write!(f, "it nests deeper than {} levels at byte {at}", json::MAX_DEPTH),
            Self::Duplicate(key) => write!(f, "it has {key} twice"),
            Self::NoValue => f.write_str("its `value` is missing or null"),
            Self::ValueNotAnArray => f.write_str("its `value` is not an array"),
            Self::LinkNotText(key) => write!(f, "its {key} is not a text"),
            Self::TooManyItems => write!(f, "it has more than {} items", limit::ITEMS),
        }
    }
}

impl std::error::Error for PageError {}

impl From<NotJson> for PageError {
    fn from(error: NotJson) -> Self {
        match error {
            NotJson::Syntax(at) => Self::NotJson(at),
            NotJson::TooDeep(at) => Self::TooDeep(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(body: &str) -> Page<&str> {
        Page::parse(body).map(|(page, _)| page).unwrap()
    }

    fn refused(body: impl AsRef<[u8]>) -> PageError {
        Page::parse(body).map(drop).unwrap_err()
    }

    #[test]
    fn unknown_fields_survive() {
        let item =
            r#"{ "id" : "A\u002f1", "new": [1e999, {"deep": "\ud800"}],"@odata.etag":"W/\"x\"", "type":"holiday" }"#;
        let body = format!(r#"{{"@odata.count":7,"value":[ {item} ],"@odata.deltaLink":"x","more":{{}}}}"#);
        let page = page(&body);
        let Some(Change::Upsert(read)) = page.changes().next() else { panic!() };
        assert_eq!((read.id(), read.etag(), read.kind()), ("A/1", Some("W/\"x\""), EventType::Other));
        assert_eq!(read.raw(), item);
    }

    #[test]
    fn one_bad_item_does_not_lose_the_page() {
        let body = r#"{"value":[{"id":"a"},null,{"id":7},{"subject":"x"},{"id":" "},{"id":"b","type":1},
            {"id":"c","id":"d"},{"id":"e","@odata.etag":"1","@odata.etag":"2"},{"id":"f","@removed":"yes"},[{"id":"g"}],{"id":"z"}]}"#;
        let read = page(body);
        let seen: Vec<_> =
            read.changes().map(|change| (change.id(), matches!(change, Change::Malformed { .. }))).collect();
        let bad = |id| (id, true);
        assert_eq!(
            seen,
            [
                (Some("a"), false),
                bad(None),
                bad(None),
                bad(None),
                bad(None),
                bad(Some("b")),
                bad(None),
                bad(Some("e")),
                bad(Some("f")),
                bad(None),
                (Some("z"), false),
            ]
        );
        assert!(read.changes().all(|change| body.contains(change.raw()) && !change.raw().is_empty()));
    }

    #[test]
    fn removals_are_told_by_their_annotation() {
        let body = r##"{"value":[{"@odata.type":"#microsoft.graph.event","id":"a","@removed":{"reason":"deleted"}},
            {"id":"b","@removed":{"reason":"changed"}},{"id":"c","@removed":{}},{"id":"d","@removed":null}]}"##;
        let reasons: Vec<_> = page(body)
            .changes()
            .map(|change| match change {
                Change::Remove { reason, .. } => Some(reason),
                _ => None,
            })
            .collect();
        use RemovedReason::*;
        assert_eq!(reasons, [Some(Deleted), Some(Changed), Some(Other), None]);
    }

    #[test]
    fn a_body_that_is_not_a_page_is_told_apart() {
        assert_eq!(refused("<html>"), PageError::NotJson(0));
        assert_eq!(refused(""), PageError::NotJson(0));
        assert_eq!(refused("[]"), PageError::NotJson(0));
        assert_eq!(refused("{}"), PageError::NoValue);
        assert_eq!(refused(r#"{"value":null}"#), PageError::NoValue);
        assert_eq!(refused(r#"{"value":{}}"#), PageError::ValueNotAnArray);
        assert_eq!(refused(r#"{"value":[],"value":[]}"#), PageError::Duplicate("value"));
        assert_eq!(
            refused(r#"{"value":[],"@odata.nextLink":"a","@odata.nextLink":"a"}"#),
            PageError::Duplicate("@odata.nextLink")
        );
        assert_eq!(refused(r#"{"value":[],"@odata.deltaLink":5}"#), PageError::LinkNotText("@odata.deltaLink"));
        assert_eq!(refused(r#"{"value":[]}x"#), PageError::NotJson(12));
        assert_eq!(refused(r#"{"value":[{"id":"a"}"#), PageError::NotJson(20));
        assert_eq!(refused(r#"{"value":[{"id":"a"},]}"#), PageError::NotJson(21));
        assert_eq!(refused("\u{feff}\u{feff}{}"), PageError::NotJson(3));
        assert_eq!(refused(b"{\"value\":[{\"id\":\"a\",\"x\":\"\xff\"}]}"), PageError::NotUtf8(25));
        let deep = format!(r#"{{"value":[{{"id":"a","x":{}1{}}}]}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(matches!(refused(deep), PageError::TooDeep(_)));
    }

    #[test]
    fn nothing_of_the_body_is_printed() {
        let body = r#"{"value":[{"id":"a","subject":"Rest!"}],"@odata.deltaLink":"https://host/secret"}"#;
        let page = page(body);
        let printed = format!("{page:?} {:?}", page.changes().next());
        assert!(!printed.contains("secret") && !printed.contains("Rest!"), "{printed}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Page::parse(bytes);
        }

        #[test]
        fn no_text_like_a_page_makes_the_parser_panic(
            text in r#"\{("value":\[(\{("id":"[a-z\\ "]{0,3}",?)*\},?|null|[0-9],?)*\],?|"@odata\.(nextLink|deltaLink)":("x"|null|1),?)*\}?"#
        ) {
            let _ = Page::parse(text);
        }
    }
}

//! Reading a page: the envelope by hand, each item by serde, shallowly.

use std::ops::Range;

use serde::Deserialize;

use super::{Change, EventType, Item, Links, Malformation, PageError, RemovedReason};
use crate::json::{self, Text, Walker};

const VALUE: &str = "value";
const NEXT_LINK: &str = "@odata.nextLink";
const DELTA_LINK: &str = "@odata.deltaLink";

/// The items and links of a body.
pub(super) fn parse(body: &[u8]) -> Result<(Vec<Entry>, Links), PageError> {
    // serde_json does not look at the UTF-8 of what it skips.
    let text = std::str::from_utf8(body).map_err(|error| PageError::NotUtf8(error.valid_up_to()))?;
    if let Some(at) = json::too_deep(text) {
        return Err(PageError::TooDeep(at));
    }
    let mut entries = None;
    let (mut next, mut delta) = (None, None);
    let mut walker = Walker::new(text);
    walker.object(|walker, key| match key.0.as_ref() {
        VALUE => once(&mut entries, VALUE, parse_value(walker, text)?),
        NEXT_LINK => once(&mut next, NEXT_LINK, parse_link(walker, NEXT_LINK)?),
        DELTA_LINK => once(&mut delta, DELTA_LINK, parse_link(walker, DELTA_LINK)?),
        _ => Ok(walker.skip().map(drop)?),
    })?;
    walker.end()?;
    let entries = entries.flatten().ok_or(PageError::NoValue)?;
    Ok((entries, Links { next: next.flatten(), delta: delta.flatten() }))
}

/// Takes the first `value` of a key, and refuses a second.
fn once<T>(slot: &mut Option<T>, key: &'static str, value: T) -> Result<(), PageError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(PageError::Duplicate(key)),
    }
}

/// The items, or nothing for `null`.
fn parse_value(walker: &mut Walker<'_>, text: &str) -> Result<Option<Vec<Entry>>, PageError> {
    if walker.peek() != Some(b'[') {
        let range = walker.skip()?;
        return if text.get(range) == Some("null") { Ok(None) } else { Err(PageError::ValueNotAnArray) };
    }
    let mut entries = Vec::new();
    walker.array(|walker| {
        entries.push(Entry::parse(walker, text)?);
        Ok::<_, PageError>(())
    })?;
    Ok(Some(entries))
}

/// The link, or nothing for `null`.
fn parse_link(walker: &mut Walker<'_>, key: &'static str) -> Result<Option<String>, PageError> {
    let start = *walker;
    match walker.value::<Option<String>>() {
        Ok((link, _)) => Ok(link),
        Err(_) => {
            *walker = start;
            walker.skip()?;
            Err(PageError::LinkNotText(key))
        }
    }
}

/// The properties that the protocol reads of an item. Serde refuses those that are there twice.
#[derive(Deserialize)]
struct Shallow<'a> {
    #[serde(borrow, alias = "Id")]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "@odata.etag")]
    etag: Option<Text<'a>>,
    #[serde(borrow, rename = "type", alias = "Type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, rename = "seriesMasterId", alias = "SeriesMasterId")]
    series_master_id: Option<Text<'a>>,
    #[serde(borrow, rename = "@removed")]
    removed: Option<Removed<'a>>,
}

#[derive(Deserialize)]
struct Removed<'a> {
    #[serde(borrow)]
    reason: Option<Text<'a>>,
}

/// The id alone, for an item in which something else is wrong.
#[derive(Deserialize)]
struct IdOnly<'a> {
    #[serde(borrow, alias = "Id")]
    id: Text<'a>,
}

/// An item's place in the body, and what was read of it.
pub(super) struct Entry {
    raw: Range<usize>,
    what: What,
}

enum What {
    Upsert { id: Slice, etag: Option<Slice>, kind: EventType, series_master_id: Option<Slice> },
    Remove { id: Slice, reason: RemovedReason },
    Malformed { id: Option<Slice>, why: Malformation },
}

impl Entry {
    /// Reads the item that comes next. Only broken grammar is an error: it leaves no way to find the next item.
    fn parse(walker: &mut Walker<'_>, text: &str) -> Result<Self, PageError> {
        let is_object = walker.peek() == Some(b'{');
        let start = *walker;
        if is_object && let Ok((shallow, raw)) = walker.value::<Shallow<'_>>() {
            return Ok(Self { raw, what: What::of(shallow, text) });
        }
        *walker = start;
        let raw = walker.skip()?;
        let why = if is_object { Malformation::Property } else { Malformation::NotAnObject };
        let id = text.get(raw.clone()).and_then(|item| serde_json::from_str::<IdOnly<'_>>(item).ok());
        let id = id.and_then(|item| Slice::id(item.id, text));
        Ok(Self { raw, what: What::Malformed { id, why } })
    }

    /// What the item says, read from the body that it was found in.
    pub(super) fn change<'p>(&'p self, body: &'p [u8]) -> Change<'p> {
        let text = |range: &Range<usize>| {
            body.get(range.clone()).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
        };
        let raw = text(&self.raw);
        let read = |slice: &'p Slice| match slice {
            Slice::Borrowed(range) => text(range),
            Slice::Owned(unescaped) => unescaped,
        };
        match &self.what {
            What::Upsert { id, etag, kind, series_master_id } => Change::Upsert(Item {
                id: read(id),
                etag: etag.as_ref().map(read),
                kind: *kind,
                series_master_id: series_master_id.as_ref().map(read),
                raw,
            }),
            What::Remove { id, reason } => Change::Remove { id: read(id), reason: *reason, raw },
            What::Malformed { id, why } => Change::Malformed { id: id.as_ref().map(read), why: *why, raw },
        }
    }
}

impl What {
    fn of(item: Shallow<'_>, text: &str) -> Self {
        let Some(id) = item.id.and_then(|id| Slice::id(id, text)) else {
            return Self::Malformed { id: None, why: Malformation::NoId };
        };
        if let Some(removed) = item.removed {
            let reason = match removed.reason.as_ref().map(|reason| reason.0.as_ref()) {
                Some("deleted") => RemovedReason::Deleted,
                Some("changed") => RemovedReason::Changed,
                _ => RemovedReason::Other,
            };
            return Self::Remove { id, reason };
        }
        Self::Upsert {
            id,
            etag: item.etag.map(|etag| Slice::new(etag, text)),
            kind: item.kind.map(|kind| EventType::from_graph(&kind.0)).unwrap_or_default(),
            series_master_id: item.series_master_id.and_then(|id| Slice::id(id, text)),
        }
    }
}

/// A string of the body: its place where it stands there as it is, or its own copy where it was escaped.
enum Slice {
    Borrowed(Range<usize>),
    Owned(Box<str>),
}

impl Slice {
    fn new(string: Text<'_>, text: &str) -> Self {
        match string.0 {
            std::borrow::Cow::Borrowed(part) => Self::within(part, text),
            std::borrow::Cow::Owned(unescaped) => Self::Owned(unescaped.into()),
        }
    }

    /// An id, unless there is nothing left of it without white space.
    fn id(string: Text<'_>, text: &str) -> Option<Self> {
        match string.0 {
            std::borrow::Cow::Borrowed(part) => {
                let part = part.trim_ascii();
                (!part.is_empty()).then(|| Self::within(part, text))
            }
            std::borrow::Cow::Owned(unescaped) => {
                let part = unescaped.trim_ascii();
                (!part.is_empty()).then(|| Self::Owned(part.into()))
            }
        }
    }

    /// The place of a part of the text, which is known by its address.
    fn within(part: &str, text: &str) -> Self {
        let start = (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
        let range = start..start.wrapping_add(part.len());
        if text.get(range.clone()) == Some(part) { Self::Borrowed(range) } else { Self::Owned(part.into()) }
    }
}

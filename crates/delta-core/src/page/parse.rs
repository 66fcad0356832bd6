//! Reading a page: the envelope by hand, each item by serde, shallowly.
//!
//! What is odd is handled on purpose. A byte order mark is skipped. A lone surrogate (`"\ud800"`) is no text: where the
//! protocol reads it, in an id or in the name of a property, its item is malformed; elsewhere it stays as it is. So do
//! numbers of any size, which nobody reads here. Bytes that are not UTF-8 make the page bad wherever they are.

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;

use super::{Change, EventType, Item, Links, Malformation, PageError, RemovedReason, limit};
use crate::json::{self, Text, Walker};
use crate::link::is_dot_segment;

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
    walker.skip_bom();
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
        if entries.len() >= limit::ITEMS {
            return Err(PageError::TooManyItems);
        }
        entries.push(Entry::parse(walker, text)?);
        Ok(())
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
        let read = if is_object { walker.value::<Shallow<'_>>().ok() } else { None };
        let (raw, what) = match read {
            Some((item, raw)) => (raw, What::of(item, text)),
            None => {
                let raw = walker.skip()?;
                let item = text.get(raw.clone()).unwrap_or_default();
                (raw, if is_object { What::of_odd(item, text) } else { What::malformed(Malformation::NotAnObject) })
            }
        };
        let what = match limit::exceeded(text.get(raw.clone()).unwrap_or_default()) {
            Some(why) => What::Malformed { id: what.into_id(), why },
            None => what,
        };
        Ok(Self { raw, what })
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
        let id = match item.id.ok_or(Malformation::NoId).and_then(|id| Slice::id(id, text)) {
            Ok(id) => id,
            Err(why) => return Self::malformed(why),
        };
        if let Some(removed) = item.removed {
            let reason = match removed.reason.as_ref().map(|reason| reason.0.as_ref()) {
                Some("deleted") => RemovedReason::Deleted,
                Some("changed") => RemovedReason::Changed,
                _ => RemovedReason::Other,
            };
            return Self::Remove { id, reason };
        }
        let kind = item.kind.map(|kind| EventType::from_graph(&kind.0)).unwrap_or_default();
        let etag = item.etag.map(|etag| Slice::new(etag, text)).transpose();
        let series = item.series_master_id.map(|id| Slice::id(id, text)).transpose();
        match (etag, series) {
            (Ok(etag), Ok(series_master_id)) => Self::Upsert { id, etag, kind, series_master_id },
            (Ok(etag), Err(Malformation::NoId)) => Self::Upsert { id, etag, kind, series_master_id: None },
            (Err(why), _) | (_, Err(why)) => Self::Malformed { id: Some(id), why },
        }
    }

    /// Of an item in which a property has the wrong type or is there twice.
    fn of_odd(item: &str, text: &str) -> Self {
        let id = serde_json::from_str::<IdOnly<'_>>(item).ok();
        let id = id.and_then(|item| Slice::id(item.id, text).ok());
        Self::Malformed { id, why: Malformation::Property }
    }

    fn malformed(why: Malformation) -> Self {
        Self::Malformed { id: None, why }
    }

    fn into_id(self) -> Option<Slice> {
        match self {
            Self::Upsert { id, .. } | Self::Remove { id, .. } => Some(id),
            Self::Malformed { id, .. } => id,
        }
    }
}

/// A string of the body: its place where it stands there as it is, or its own copy where it was escaped.
enum Slice {
    Borrowed(Range<usize>),
    Owned(Box<str>),
}

impl Slice {
    fn new(string: Text<'_>, text: &str) -> Result<Self, Malformation> {
        if string.0.len() > limit::TEXT {
            return Err(Malformation::TooLongText);
        }
        Ok(match string.0 {
            Cow::Borrowed(part) => Self::within(part, text),
            Cow::Owned(unescaped) => Self::Owned(unescaped.into()),
        })
    }

    /// An id without the white space around it. Control characters and dot segments are none: ids go into URLs.
    fn id(string: Text<'_>, text: &str) -> Result<Self, Malformation> {
        let id = match string.0 {
            Cow::Borrowed(part) => Cow::Borrowed(part.trim_ascii()),
            Cow::Owned(unescaped) => Cow::Owned(unescaped.trim_ascii().to_owned()),
        };
        if id.is_empty() || id.chars().any(char::is_control) || is_dot_segment(&id) {
            return Err(Malformation::NoId);
        }
        Self::new(Text(id), text)
    }

    /// The place of a part of the text, which is known by its address.
    fn within(part: &str, text: &str) -> Self {
        let start = (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
        let range = start..start.wrapping_add(part.len());
        if text.get(range.clone()) == Some(part) { Self::Borrowed(range) } else { Self::Owned(part.into()) }
    }
}

//! Reading an item: what the protocol needs of it, found on the way over its bytes.

use std::ops::Range;

use super::shape::Shape;
use super::{Change, EventType, Item, Malformation, RemovedReason, limit};
use crate::json::{NotJson, Text, Walker};
use crate::link::is_dot_segment;

/// The items of a page.
#[derive(Default)]
pub(super) struct Entries {
    entries: Vec<Entry>,
    /// The strings that were escaped, one behind the other.
    decoded: String,
}

/// An item's place in the body, and what was read of it.
struct Entry {
    raw: Range<usize>,
    what: What,
}

enum What {
    Upsert { id: Slice, etag: Option<Slice>, kind: EventType, series_master_id: Option<Slice>, shape: Shape },
    Remove { id: Slice, reason: RemovedReason },
    Malformed { id: Option<Slice>, why: Malformation },
}

/// Where a string is: in the body, or among the decoded ones if it was escaped.
enum Slice {
    Body(Range<usize>),
    Decoded(Range<usize>),
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Reads the item that comes next. Only broken grammar is an error: it leaves no way to find the next item.
    pub(super) fn push(&mut self, walker: &mut Walker<'_>) -> Result<(), NotJson> {
        let is_object = walker.peek() == Some(b'{');
        let start = walker.offset();
        let mut item = Shallow::default();
        if is_object {
            walker.object(|walker, key| item.read(walker, key))?;
        } else {
            walker.skip()?;
        }
        let raw = start..walker.offset();
        let exceeded = limit::exceeded(raw.len(), item.properties);
        let what = if is_object { item.judge(&mut self.decoded) } else { What::malformed(Malformation::NotAnObject) };
        let what = match exceeded {
            Some(why) => What::Malformed { id: what.into_id(), why },
            None => what,
        };
        self.entries.push(Entry { raw, what });
        Ok(())
    }

    /// Where the items are in the body.
    pub(super) fn places(&self) -> impl Iterator<Item = Range<usize>> {
        self.entries.iter().map(|entry| entry.raw.clone())
    }

    /// What the items say, read from the body that they were found in.
    pub(super) fn changes<'p>(&'p self, body: &'p str) -> impl ExactSizeIterator<Item = Change<'p>> {
        self.entries.iter().map(move |entry| entry.change(body, &self.decoded))
    }
}

impl Entry {
    fn change<'p>(&'p self, body: &'p str, decoded: &'p str) -> Change<'p> {
        let read = |slice: &Slice| match slice {
            Slice::Body(range) => body.get(range.clone()).unwrap_or_default(),
            Slice::Decoded(range) => decoded.get(range.clone()).unwrap_or_default(),
        };
        let raw = body.get(self.raw.clone()).unwrap_or_default();
        match &self.what {
            What::Upsert { id, etag, kind, series_master_id, shape } => Change::Upsert(Item {
                times: [&shape.start, &shape.end].map(|place| body.get(place.clone()?)),
                is_stub: shape.is_stub(*kind),
                is_sparse: shape.is_sparse(*kind),
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

/// The properties that the protocol reads of an item.
#[derive(Default)]
struct Shallow<'a> {
    id: Property<'a>,
    etag: Property<'a>,
    kind: Property<'a>,
    series_master_id: Property<'a>,
    /// Whether there is an `@removed`, and whether it is an object; its `reason`.
    removed: Option<bool>,
    reason: Property<'a>,
    shape: Shape,
    properties: usize,
    /// A property is not what it should be, or is there twice.
    odd: bool,
}

/// A property that should be a text and be there once.
#[derive(Clone, Copy, Default)]
enum Property<'a> {
    #[default]
    Absent,
    Null,
    Text(Text<'a>),
    Odd,
}

impl<'a> Property<'a> {
    fn text(&self) -> Option<Text<'a>> {
        if let Self::Text(text) = self { Some(*text) } else { None }
    }

    /// Reads the value that comes next. Says whether the property is what it should be.
    fn read(&mut self, walker: &mut Walker<'a>) -> Result<bool, NotJson> {
        let value = match walker.text()? {
            Some(text) if text.is_text() => Self::Text(text),
            Some(_) => Self::Odd,
            None if is_null(walker)? => Self::Null,
            None => Self::Odd,
        };
        *self = if matches!(self, Self::Absent) { value } else { Self::Odd };
        Ok(!matches!(self, Self::Odd))
    }
}

impl<'a> Shallow<'a> {
    fn read(&mut self, walker: &mut Walker<'a>, key: Text<'a>) -> Result<(), NotJson> {
        self.properties += 1;
        let fine = match key.decode().as_deref() {
            Some("id" | "Id") => self.id.read(walker)?,
            Some("@odata.etag") => self.etag.read(walker)?,
            Some("type" | "Type") => self.kind.read(walker)?,
            Some("seriesMasterId" | "SeriesMasterId") => {
                self.shape.series = true;
                self.series_master_id.read(walker)?
            }
            Some("@removed") => self.read_removed(walker)?,
            name => {
                let place = walker.skip()?;
                name.map(|name| self.shape.see(name, place)).is_some()
            }
        };
        self.odd |= !fine;
        Ok(())
    }

    fn read_removed(&mut self, walker: &mut Walker<'a>) -> Result<bool, NotJson> {
        let is_object = walker.peek() == Some(b'{');
        let mut fine = self.removed.replace(is_object).is_none();
        if !is_object {
            return Ok(is_null(walker)? && fine);
        }
        let reason = &mut self.reason;
        walker.object(|walker, key| {
            fine &= match key.decode().as_deref() {
                Some("reason") => reason.read(walker)?,
                name => walker.skip().map(|_| name.is_some())?,
            };
            Ok::<_, NotJson>(())
        })?;
        Ok(fine)
    }

    /// What the item says.
    fn judge(self, decoded: &mut String) -> What {
        let id = self.id.text().ok_or(Malformation::NoId).and_then(|id| Slice::id(id, decoded));
        let id = match id {
            id if self.odd => return What::Malformed { id: id.ok(), why: Malformation::Property },
            Ok(id) => id,
            Err(why) => return What::malformed(why),
        };
        if self.removed == Some(true) {
            return What::Remove { id, reason: self.reason() };
        }
        let etag = self.etag.text().map(|etag| Slice::new(etag, decoded)).transpose();
        let series = self.series_master_id.text().map(|id| Slice::id(id, decoded)).transpose();
        match (etag, series) {
            (Ok(etag), Ok(series_master_id)) => {
                What::Upsert { id, etag, kind: self.kind(), series_master_id, shape: self.shape }
            }
            (Ok(etag), Err(Malformation::NoId)) => {
                What::Upsert { id, etag, kind: self.kind(), series_master_id: None, shape: self.shape }
            }
            (Err(why), _) | (_, Err(why)) => What::Malformed { id: Some(id), why },
        }
    }

    fn kind(&self) -> EventType {
        let kind = self.kind.text().and_then(|kind| kind.decode());
        kind.map(|kind| EventType::from_graph(&kind)).unwrap_or_default()
    }

    fn reason(&self) -> RemovedReason {
        match self.reason.text().and_then(|reason| reason.decode()).as_deref() {
            Some("deleted") => RemovedReason::Deleted,
            Some("changed") => RemovedReason::Changed,
            _ => RemovedReason::Other,
        }
    }
}

fn has_controls(id: &str) -> bool {
    // Without a branch for each byte: ids are long, and all but always ASCII.
    let controls = id.bytes().fold(false, |found, byte| found | byte.is_ascii_control() | !byte.is_ascii());
    controls && id.chars().any(char::is_control)
}

fn is_null(walker: &mut Walker<'_>) -> Result<bool, NotJson> {
    let range = walker.skip()?;
    Ok(walker.slice(range) == "null")
}

impl Slice {
    fn new(text: Text<'_>, decoded: &mut String) -> Result<Self, Malformation> {
        let (string, slice) = Self::find(text, decoded);
        if string.len() > limit::TEXT { Err(Malformation::TooLongText) } else { Ok(slice) }
    }

    /// An id without the white space around it. Control characters and dot segments are none: ids go into URLs.
    fn id(text: Text<'_>, decoded: &mut String) -> Result<Self, Malformation> {
        let (string, slice) = Self::find(text, decoded);
        let id = string.trim_ascii();
        if id.is_empty() || has_controls(id) || is_dot_segment(id) {
            return Err(Malformation::NoId);
        }
        if id.len() > limit::TEXT {
            return Err(Malformation::TooLongText);
        }
        let before = string.len() - string.trim_ascii_start().len();
        Ok(match slice {
            Self::Body(all) => Self::Body(all.start + before..all.start + before + id.len()),
            Self::Decoded(all) => Self::Decoded(all.start + before..all.start + before + id.len()),
        })
    }

    /// A string, and where it is, after decoding if it has to be.
    fn find<'s>(text: Text<'s>, decoded: &'s mut String) -> (&'s str, Self) {
        if let Some(plain) = text.plain() {
            return (plain, Self::Body(text.range()));
        }
        let start = decoded.len();
        // Whether it can be decoded was looked at when it was read.
        let _ = text.decode_into(decoded);
        (decoded.get(start..).unwrap_or_default(), Self::Decoded(start..decoded.len()))
    }
}

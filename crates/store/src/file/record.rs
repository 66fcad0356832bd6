//! Rows and staged items as a line has them, and as they are read by themselves.
//!
//! ```text
//! {"back":812,"meta":{…},"holds":[0],"layers":{…},"crc":3735928559}
//! [812,0,[3521,2774389,0],"full","AAMkAD…","W/\"…\"","singleInstance",null,"2026-03-01T09:00:00Z",…,3735928559]
//! ```
//!
//! An item is: the distance to the start of its frame, the tile that it is for, its payload, what it says, its id; if it says
//! that an event is there, also etag, type, series, start and end; and the checksum of all of that.

use std::fmt;
use std::sync::Arc;

use crc32c::crc32c;
use delta_core::{EventType, Timestamp};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::codec::{At, Known};
use super::frame::HEADER;
use super::segment::{Home, Segments, Span};
use crate::Error;
use crate::batch::{Form, Word};
use crate::heap;
use crate::index::Facts;
use crate::model::{Layers, Loss, Meta, Row, TileId};

/// A payload as a line names it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stored {
    /// Among the payloads of this frame: `[length, checksum, where among them]`.
    Here { len: u32, crc: u32, at: u32 },
    /// In an earlier frame: `[length, checksum, segment, offset]`.
    There(Span),
}

impl Stored {
    /// Where the payload is, if the frame is here.
    pub(super) fn at(self, frame: At) -> Option<Span> {
        match self {
            Self::There(span) => Some(span),
            Self::Here { len, crc, at } => {
                let offset = frame.offset.checked_add(HEADER as u64)?.checked_add(at.into())?;
                let inside = at.checked_add(len)? <= frame.payloads;
                inside.then_some(Span { segment: frame.segment, offset: u32::try_from(offset).ok()?, len, crc })
            }
        }
    }
}

impl Serialize for Stored {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Here { len, crc, at } => [len, crc, at].serialize(serializer),
            Self::There(Span { len, crc, segment, offset }) => [len, crc, segment, offset].serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Stored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Numbers)
    }
}

/// Reads a payload's three or four numbers.
struct Numbers;

impl<'de> Visitor<'de> for Numbers {
    type Value = Stored;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("three or four numbers that name a payload")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Stored, A::Error> {
        let (len, crc, third) = (next(&mut numbers)?, next(&mut numbers)?, next(&mut numbers)?);
        Ok(match numbers.next_element()? {
            None => Stored::Here { len, crc, at: third },
            Some(offset) => Stored::There(Span { segment: third, offset, len, crc }),
        })
    }
}

fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(seq: &mut A) -> Result<T, A::Error> {
    seq.next_element()?.ok_or_else(|| de::Error::custom("there is less than there should be"))
}

/// What an item says.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Said {
    Full,
    Stub,
    Sparse,
    Removed,
    Malformed,
}

/// A staged item, and where it is.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) word: Word,
    pub(super) raw: Span,
    pub(super) home: Home,
}

impl From<Item> for heap::Item<Segments> {
    fn from(Item { word, raw, home }: Item) -> Self {
        let home = matches!(word, Word::Upsert { .. }).then_some(home);
        Self { word, raw, home }
    }
}

/// Adds an item to a frame in the making, whose bytes so far these are.
pub(super) fn write_item(bytes: &mut Vec<u8>, tile: TileId, word: &Word, raw: Stored) -> Result<(), Error> {
    let begins = bytes.len();
    let json = match word {
        Word::Upsert { meta: Meta { id, etag, kind, series, start, end }, form } => {
            let said = match form {
                Form::Full => Said::Full,
                Form::Stub => Said::Stub,
                Form::Sparse => Said::Sparse,
            };
            let kind = kind.as_graph();
            serde_json::to_writer(&mut *bytes, &(begins, tile, raw, said, id, etag, kind, series, start, end))
        }
        Word::Remove { id } => serde_json::to_writer(&mut *bytes, &(begins, tile, raw, Said::Removed, id)),
        Word::Malformed { id } => serde_json::to_writer(&mut *bytes, &(begins, tile, raw, Said::Malformed, id)),
    };
    json.map_err(|error| Error::Backend(error.into()))?;
    seal(bytes, begins, b",", b"]");
    Ok(())
}

#[derive(Serialize)]
struct RowRef<'a> {
    back: usize,
    #[serde(flatten)]
    row: &'a Row<Stored>,
}

/// Adds a row to a frame in the making, whose bytes so far these are.
pub(super) fn write_row(bytes: &mut Vec<u8>, row: &Row<Stored>) -> Result<(), Error> {
    let begins = bytes.len();
    let json = serde_json::to_writer(&mut *bytes, &RowRef { back: begins, row });
    json.map_err(|error| Error::Backend(error.into()))?;
    seal(bytes, begins, b",\"crc\":", b"}");
    Ok(())
}

/// Puts a record's checksum at its end.
fn seal(bytes: &mut Vec<u8>, begins: usize, before: &[u8], after: &[u8]) {
    bytes.pop();
    let crc = crc32c(bytes.get(begins..).unwrap_or_default());
    bytes.extend_from_slice(before);
    bytes.extend_from_slice(crc.to_string().as_bytes());
    bytes.extend_from_slice(after);
}

/// Whether a record is as it was written.
fn is_whole(record: &[u8], crc: u32) -> bool {
    let comma = record.iter().rposition(|byte| *byte == b',');
    comma.and_then(|comma| record.get(..comma)).is_some_and(|sealed| crc32c(sealed) == crc)
}

/// Where a record is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) segment: u32,
    pub(super) offset: u32,
}

impl Place {
    /// The frame that it is in. How long its payloads are only bounds where they can be.
    fn frame(self, back: u32) -> Option<At> {
        let offset = self.offset.checked_sub(back)?;
        let payloads = back.checked_sub(HEADER as u32)?;
        Some(At { segment: self.segment, offset: offset.into(), payloads })
    }

    fn home(self, oldest: u32) -> Home {
        Home { segment: self.segment, offset: self.offset, oldest: oldest.min(self.segment) }
    }

    /// What the tables know of a row.
    pub(super) fn row(self, record: &[u8]) -> Option<Known> {
        let row = self.whole_row(record)?;
        let (mut oldest, mut payloads) = (self.segment, 0_u64);
        let _ = row.layers.as_ref().map(|span| {
            oldest = oldest.min(span.segment);
            payloads = payloads.saturating_add(span.len.into());
        });
        Some((Facts::of(&row, payloads), self.home(oldest)))
    }

    /// What the tables know of the row that an item makes, if it makes one.
    pub(super) fn item(self, record: &[u8]) -> Option<Option<Known>> {
        let (tile, Item { word, raw, home }) = self.read_item(record)?;
        let Word::Upsert { meta, form } = word else { return Some(None) };
        let row = Row { meta, holds: vec![tile], layers: form.layers(raw), unsettled: None };
        Some(Some((Facts::of(&row, raw.len.into()), home)))
    }

    /// A staged item.
    pub(super) fn whole_item(self, record: &[u8]) -> Option<Item> {
        self.read_item(record).map(|(_, item)| item)
    }

    /// A row, whether it has a record of its own or is an item that was taken.
    pub(super) fn any(self, record: &[u8]) -> Option<Row<Span>> {
        if record.first() == Some(&b'{') {
            return self.whole_row(record);
        }
        let (tile, Item { word, raw, .. }) = self.read_item(record)?;
        let Word::Upsert { meta, form } = word else { return None };
        Some(Row { meta, holds: vec![tile], layers: form.layers(raw), unsettled: None })
    }

    fn whole_row(self, record: &[u8]) -> Option<Row<Span>> {
        let RowRecord { back, meta, holds, layers, unsettled, crc } = serde_json::from_slice(record).ok()?;
        let frame = self.frame(back)?;
        let layers = layers.try_map(|stored| stored.at(frame).ok_or(())).ok()?;
        is_whole(record, crc).then_some(Row { meta, holds, layers, unsettled })
    }

    fn read_item(self, record: &[u8]) -> Option<(TileId, Item)> {
        let ItemRecord { back, tile, raw, word, crc } = serde_json::from_slice(record).ok()?;
        let raw = raw.at(self.frame(back)?)?;
        is_whole(record, crc).then(|| (tile, Item { word, raw, home: self.home(raw.segment) }))
    }
}

#[derive(Deserialize)]
struct RowRecord {
    back: u32,
    meta: Meta,
    holds: Vec<TileId>,
    layers: Layers<Stored>,
    #[serde(default)]
    unsettled: Option<Loss>,
    crc: u32,
}

struct ItemRecord {
    back: u32,
    tile: TileId,
    raw: Stored,
    word: Word,
    crc: u32,
}

impl<'de> Deserialize<'de> for ItemRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Parts)
    }
}

/// Reads the parts of an item.
struct Parts;

impl<'de> Visitor<'de> for Parts {
    type Value = ItemRecord;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a staged item")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<ItemRecord, A::Error> {
        let parts = &mut parts;
        let (back, tile, raw) = (next(parts)?, next(parts)?, next(parts)?);
        let word = match next(parts)? {
            Said::Removed => Word::Remove { id: next(parts)? },
            Said::Malformed => Word::Malformed { id: next(parts)? },
            Said::Full => upsert(Form::Full, parts)?,
            Said::Stub => upsert(Form::Stub, parts)?,
            Said::Sparse => upsert(Form::Sparse, parts)?,
        };
        Ok(ItemRecord { back, tile, raw, word, crc: next(parts)? })
    }
}

fn upsert<'de, A: SeqAccess<'de>>(form: Form, parts: &mut A) -> Result<Word, A::Error> {
    let (id, etag): (Arc<str>, Option<String>) = (next(parts)?, next(parts)?);
    let kind: Option<&str> = next(parts)?;
    let kind = kind.map(EventType::from_graph).unwrap_or_default();
    let (series, start, end): (_, Option<Timestamp>, _) = (next(parts)?, next(parts)?, next(parts)?);
    Ok(Word::Upsert { meta: Meta { id, etag, kind, series, start, end }, form })
}

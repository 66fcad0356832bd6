//! Effects as the payloads and the line of a frame, and back.
//!
//! Rows and staged items are *records*: each has the distance to the start of its frame, so that it can be read by itself,
//! and a checksum of its own, because most of the time nobody looks at the frame's.

use std::sync::Arc;

use crc32c::crc32c;
use delta_core::{RoundId, RoundKind};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::frame::HEADER;
use super::record::{self, Stored};
use super::segment::{Home, Leaf, Segments, Span};
use crate::Error;
use crate::batch::{Part, StagedItem};
use crate::effects::{Effects, Notes, Page, Piece, Root, Taken};
use crate::index::{Changes, Facts, Placed};
use crate::key::Key;
use crate::model::{EngineState, Position, Row, Tile};

/// A frame but for its header, for which there is room.
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    /// How many of the bytes are the line.
    pub(super) line: usize,
}

/// Where a frame is, and how long its payloads are.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) segment: u32,
    pub(super) offset: u64,
    pub(super) payloads: u32,
}

impl At {
    /// Where the line begins.
    pub(super) fn line(self) -> u64 {
        self.offset.saturating_add(HEADER as u64).saturating_add(self.payloads.into())
    }
}

/// What a frame says, and where what it says is. This is also what a hint has of it.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub(super) brief: Brief,
    pub(super) rows: Vec<Known>,
    /// The items of each page that make rows; none if nobody asked for them.
    pub(super) items: Vec<Vec<Option<Known>>>,
}

/// A row, and where it is.
pub(super) type Known = (Facts, Home);

/// All that a line says but for rows and items.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Brief {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) root: Option<Root>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) engine_state: Option<EngineState>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) ended: Vec<RoundId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) pages: Vec<Head>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) gone: Vec<Arc<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) taken: Vec<Taken<Leaf>>,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub(super) journal: Vec<Notes<Stored>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<Part>,
}

/// A staged page without its items.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    round: RoundId,
    kind: RoundKind,
    tile: Tile,
    page: u32,
    order: u64,
    position: Position,
}

impl Head {
    pub(super) fn round(&self) -> RoundId {
        self.round
    }
}

/// A line as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line<'a> {
    root: Option<Root>,
    engine_state: Option<EngineState>,
    #[serde(default)]
    ended: Vec<RoundId>,
    #[serde(default, borrow)]
    pages: Vec<FullPage<'a>>,
    #[serde(default)]
    gone: Vec<Arc<str>>,
    #[serde(default)]
    taken: Vec<Taken<Leaf>>,
    #[serde(default, borrow)]
    rows: Vec<&'a RawValue>,
    #[serde(default = "Vec::new")]
    journal: Vec<Notes<Stored>>,
    part: Option<Part>,
}

#[derive(Deserialize)]
struct FullPage<'a> {
    round: RoundId,
    kind: RoundKind,
    tile: Tile,
    page: u32,
    order: u64,
    position: Position,
    #[serde(borrow)]
    items: &'a RawValue,
}

/// Lays effects out as a frame.
pub(super) fn encode(effects: Effects<Piece<Span, String>, Leaf>) -> Result<Encoded, Error> {
    let mut bytes = Vec::with_capacity(room(&effects));
    bytes.resize(HEADER, 0);
    let Effects { root, engine_state, ended, pages, gone, taken, rows, journal, part } = effects;
    let mut payloads = Payloads { bytes, fits: true };
    let pages: Vec<_> = pages.into_iter().map(|page| page.map(&mut |piece| payloads.add(piece))).collect();
    let rows: Vec<_> = rows.into_iter().map(|row| row.map(|piece| payloads.add(piece))).collect();
    let journal: Vec<_> = journal.into_iter().map(|notes| notes.map(|piece| payloads.add(piece))).collect();
    if !payloads.fits {
        return Err(Error::Invalid("a batch is longer than a frame can be"));
    }
    let mut line = Members::new(payloads.bytes);
    line.one("root", root.as_ref())?;
    line.one("engineState", engine_state.as_ref())?;
    line.list("ended", &ended, |list, round| list.json(round))?;
    line.list("pages", &pages, Members::page)?;
    line.list("gone", &gone, |list, id| list.json(id))?;
    line.list("taken", &taken, |list, taken| list.json(taken))?;
    line.list("rows", &rows, Members::row)?;
    line.list("journal", &journal, |list, notes| list.json(notes))?;
    line.one("part", part.as_ref())?;
    line.finish()
}

/// About how long a frame will be. One that grows while it is made is copied again and again.
fn room(effects: &Effects<Piece<Span, String>, Leaf>) -> usize {
    /// What a line has of an item or a row; and of what there is one of.
    const EACH: usize = 400;
    let piece = |piece: &Piece<Span, String>| match piece {
        Piece::Known(_) => 0,
        Piece::New(payload) => payload.len(),
    };
    let items = effects.pages.iter().flat_map(|page| &page.items).map(|item| piece(&item.raw).saturating_add(EACH));
    let rows = effects.rows.iter().map(|row| {
        let mut bytes = EACH;
        let _ = row.layers.as_ref().map(|layer| bytes = bytes.saturating_add(piece(layer)));
        bytes
    });
    let notes = effects.journal.iter().map(|notes| piece(&notes.text).saturating_add(EACH));
    items.chain(rows).chain(notes).fold(HEADER.saturating_add(4 * EACH), usize::saturating_add)
}

/// The payloads of a frame, one after the other.
struct Payloads {
    bytes: Vec<u8>,
    fits: bool,
}

impl Payloads {
    fn add(&mut self, piece: Piece<Span, String>) -> Stored {
        let payload = match piece {
            Piece::Known(span) => return Stored::There(span),
            Piece::New(payload) => payload,
        };
        let (at, len) = (u32::try_from(self.bytes.len() - HEADER), u32::try_from(payload.len()));
        self.bytes.extend_from_slice(payload.as_bytes());
        self.fits &= at.is_ok() && len.is_ok();
        Stored::Here { len: len.unwrap_or(0), crc: crc32c(payload.as_bytes()), at: at.unwrap_or(0) }
    }
}

/// The line in the making.
struct Members {
    bytes: Vec<u8>,
    begins: usize,
}

impl Members {
    fn new(mut bytes: Vec<u8>) -> Self {
        let begins = bytes.len();
        bytes.push(b'{');
        Self { bytes, begins }
    }

    fn json(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        serde_json::to_writer(&mut self.bytes, value).map_err(|error| Error::Backend(error.into()))
    }

    fn name(&mut self, name: &str) {
        self.comma();
        self.bytes.extend_from_slice(format!("\"{name}\":").as_bytes());
    }

    /// What comes between two things.
    fn comma(&mut self) {
        if !matches!(self.bytes.last(), Some(b'{' | b'[')) {
            self.bytes.push(b',');
        }
    }

    fn one(&mut self, name: &str, value: Option<&impl Serialize>) -> Result<(), Error> {
        let Some(value) = value else { return Ok(()) };
        self.name(name);
        self.json(value)
    }

    fn list<T>(
        &mut self,
        name: &str,
        values: &[T],
        mut write: impl FnMut(&mut Self, &T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if values.is_empty() {
            return Ok(());
        }
        self.name(name);
        self.bytes.push(b'[');
        for value in values {
            self.comma();
            write(self, value)?;
        }
        self.bytes.push(b']');
        Ok(())
    }

    fn page(&mut self, page: &Page<Stored>) -> Result<(), Error> {
        let Page { round, kind, tile, page, order, position, items } = page;
        let head = HeadRef { round: *round, kind: *kind, tile, page: *page, order: *order, position };
        self.json(&head)?;
        self.bytes.pop();
        self.bytes.extend_from_slice(b",\"items\":[");
        for StagedItem { word, raw } in items {
            self.comma();
            record::write_item(&mut self.bytes, tile.id, word, *raw)?;
        }
        self.bytes.extend_from_slice(b"]}");
        Ok(())
    }

    fn row(&mut self, row: &Row<Stored>) -> Result<(), Error> {
        record::write_row(&mut self.bytes, row)
    }

    fn finish(mut self) -> Result<Encoded, Error> {
        self.bytes.extend_from_slice(b"}\n");
        let line = self.bytes.len().saturating_sub(self.begins);
        Ok(Encoded { bytes: self.bytes, line })
    }
}

#[derive(Serialize)]
struct HeadRef<'a> {
    round: RoundId,
    kind: RoundKind,
    tile: &'a Tile,
    page: u32,
    order: u64,
    position: &'a Position,
}

/// Reads a line; none if it is none of ours. What the items of its pages are is only looked at if that is asked for.
pub(super) fn decode(line: &[u8], at: At, items_too: bool) -> Option<Decoded> {
    let Line { root, engine_state, ended, pages, gone, taken, rows, journal, part } =
        serde_json::from_slice(line).ok()?;
    let record = |raw: &RawValue| {
        let offset = raw.get().as_ptr().addr().checked_sub(line.as_ptr().addr())?;
        let offset = u32::try_from(at.line().checked_add(offset as u64)?).ok()?;
        Some(record::Place { segment: at.segment, offset })
    };
    let rows: Option<Vec<Known>> = rows.iter().map(|raw| record(raw)?.row(raw.get().as_bytes())).collect();
    let mut items = Vec::new();
    for page in pages.iter().filter(|_| items_too) {
        let raws: Vec<&RawValue> = serde_json::from_str(page.items.get()).ok()?;
        let known = raws.iter().map(|raw| record(raw)?.item(raw.get().as_bytes()));
        items.push(known.collect::<Option<Vec<_>>>()?);
    }
    let head = |FullPage { round, kind, tile, page, order, position, .. }: FullPage<'_>| Head {
        round,
        kind,
        tile,
        page,
        order,
        position,
    };
    let pages = pages.into_iter().map(head).collect();
    let brief = Brief { root, engine_state, ended, pages, gone, taken, journal, part };
    Some(Decoded { brief, rows: rows?, items })
}

/// The items of one of a line's pages.
pub(super) fn page_items(line: &[u8], at: At, number: u32) -> Option<Vec<record::Item>> {
    let parsed: Line<'_> = serde_json::from_slice(line).ok()?;
    let raws: Vec<&RawValue> = serde_json::from_str(parsed.pages.get(number as usize)?.items.get()).ok()?;
    let item = |raw: &&RawValue| {
        let offset = raw.get().as_ptr().addr().checked_sub(line.as_ptr().addr())?;
        let offset = u32::try_from(at.line().checked_add(offset as u64)?).ok()?;
        record::Place { segment: at.segment, offset }.whole_item(raw.get().as_bytes())
    };
    raws.iter().map(item).collect()
}

impl Decoded {
    /// What it does to the tables, but for what is taken.
    pub(super) fn changes(self, at: At, line: u32) -> Option<Changes<Segments>> {
        let Brief { root, engine_state, ended, pages, gone, journal, part, .. } = self.brief;
        let bytes = u64::from(line).saturating_add(at.payloads.into()).checked_div(pages.len() as u64).unwrap_or(0);
        let place = |(number, head): (u32, Head)| {
            let Head { round, kind, tile, page, order, position } = head;
            Placed { round, kind, tile, page, order, position, bytes, leaf: at.leaf(number) }
        };
        let notes = |notes: Notes<Stored>| {
            let span = notes.text.at(at)?;
            Some(notes.map(|_| span))
        };
        Some(Changes {
            root,
            engine_state,
            ended,
            pages: (0..).zip(pages).map(place).collect(),
            gone: gone.iter().map(|id| Key::of(id)).collect(),
            rows: self.rows,
            journal: journal.into_iter().map(notes).collect::<Option<_>>()?,
            part,
        })
    }
}

impl At {
    /// One of its pages.
    pub(super) fn leaf(self, number: u32) -> Leaf {
        Leaf { segment: self.segment, offset: u32::try_from(self.offset).unwrap_or(u32::MAX), page: number }
    }
}

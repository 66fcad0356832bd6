//! From a page of a round to the batch that stages it.

use delta_core::{Change, Event, Item, Page, RoundId, RoundKind};

use crate::batch::{Form, Stage, StagedItem, Word};
use crate::model::{Meta, Position, Tile};

impl Stage {
    /// Stages a page. `number` counts the round's pages from 0.
    pub fn page<B: AsRef<[u8]>>(
        round: RoundId,
        kind: RoundKind,
        tile: Tile,
        number: u32,
        page: &Page<B>,
        position: Position,
    ) -> Self {
        Self { round, kind, tile, page: number, position, items: page.changes().map(StagedItem::from).collect() }
    }
}

impl From<Change<'_>> for StagedItem<String> {
    fn from(change: Change<'_>) -> Self {
        let word = match change {
            Change::Upsert(item) => upsert(item),
            Change::Remove { id, .. } => Word::Remove { id: id.into() },
            Change::Malformed { id, .. } => Word::Malformed { id: id.map(Into::into) },
        };
        Self { word, raw: change.raw().to_owned() }
    }
}

/// The parser has seen all of it already: the item's other properties are not looked at again.
fn upsert(item: Item<'_>) -> Word {
    let meta = Meta {
        id: item.id().into(),
        etag: item.etag().map(str::to_owned),
        kind: item.kind(),
        series: item.series_master_id().map(Into::into),
        start: item.start(),
        end: item.end(),
    };
    Word::Upsert { meta, form: Form::of(&item) }
}

impl Meta {
    /// What the index needs to know of an event.
    pub(crate) fn of(id: &str, event: &Event<'_>) -> Self {
        Self {
            id: id.into(),
            etag: event.etag().map(Into::into),
            kind: event.kind(),
            series: event.series_master_id().map(|series| series.as_ref().into()),
            start: event.start().and_then(|start| start.read_as_utc()),
            end: event.end().and_then(|end| end.read_as_utc()),
        }
    }
}

impl Form {
    fn of(item: &Item<'_>) -> Self {
        if item.is_stub() {
            Self::Stub
        } else if item.is_sparse() {
            Self::Sparse
        } else {
            Self::Full
        }
    }
}

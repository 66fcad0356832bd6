//! From a page of a round to the batch that stages it.

use delta_core::{Change, Event, EventType, Item, Page, RoundId, RoundKind};

use crate::batch::{Form, Stage, StagedItem, Word};
use crate::layers::is_annotation;
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

fn upsert(item: Item<'_>) -> Word {
    let Some(event) = item.event() else { return Word::Malformed { id: Some(item.id().into()) } };
    let mut meta = Meta::of(item.id(), &event);
    // What the protocol has read already, it has checked as well.
    meta.etag = item.etag().map(str::to_owned);
    meta.kind = item.kind();
    meta.series = item.series_master_id().map(Into::into);
    Word::Upsert { meta, form: Form::of(&event) }
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
    /// How much of an event this is.
    ///
    /// Occurrences come as stubs (observed; Graph's documentation promises all properties). Events views give "only a
    /// limited set" of properties, and in Graph's own sample that is id, type, start and end. Its documentation of delta
    /// queries promises of what was updated no more than the updated properties.
    fn of(event: &Event<'_>) -> Self {
        const SPARSE: [&str; 4] = ["id", "type", "start", "end"];
        let sparse = |name: &str| is_annotation(name) || SPARSE.iter().any(|known| name.eq_ignore_ascii_case(known));
        let updated = event.property("createdDateTime").is_none() && event.property("lastModifiedDateTime").is_some();
        let bare = || event.properties().all(|(name, _)| sparse(name));
        if event.is_stub() {
            Self::Stub
        } else if updated || (event.kind() != EventType::Occurrence && bare()) {
            Self::Sparse
        } else {
            Self::Full
        }
    }
}

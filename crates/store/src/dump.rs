//! A replica as lines of JSON, for programs such as `jq` and DuckDB.

use delta_core::{RoundId, RoundKind};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::Error;
use crate::batch::{ItemRef, Word};
use crate::model::{Identity, JournalEntry, Layers, Note, Revision, Row, Tile, TileId};
use crate::store::View;

/// How many rows or notes to read at a time.
const BATCH: usize = 1024;

/// What stands for a cursor.
const CURSOR: &str = "…";

/// One line.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line<'a> {
    Replica {
        revision: Revision,
        identity: Option<&'a Identity>,
        rows: u64,
        first_seq: u64,
        last_seq: u64,
        engine_state_bytes: Option<usize>,
    },
    Tile {
        tile: Tile,
        cursor: Option<&'static str>,
    },
    Round {
        round: RoundId,
        round_kind: RoundKind,
        tile: TileId,
        pages: u32,
        complete: bool,
    },
    StagedItem {
        round: RoundId,
        page: u32,
        item: u32,
        word: Word,
        raw: Option<Box<RawValue>>,
    },
    Row {
        row: Row<Option<Box<RawValue>>>,
    },
    Note {
        seq: u64,
        at: delta_core::Timestamp,
        note: Note,
    },
}

/// Gives each part of a replica as one JSON object on one line: the replica, its tiles, staged rounds with their items, rows
/// with their payloads, and the journal. Cursors are only said to be there, and of what the engine remembers only the
/// length.
///
/// # Errors
/// The backend's, and those of `line`.
pub async fn dump<E: From<Error>>(view: &dyn View, mut line: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    let mut print = |part: Line<'_>| {
        let text = serde_json::to_string(&part).map_err(|error| Error::Backend(error.into()))?;
        line(&text)
    };
    print(Line::Replica {
        revision: view.revision(),
        identity: view.identity(),
        rows: view.row_count(),
        first_seq: view.first_seq(),
        last_seq: view.last_seq(),
        engine_state_bytes: view.engine_state().map(|state| state.text().len()),
    })?;
    for tile in view.tiles() {
        let cursor = tile.link.as_ref().map(|_| CURSOR);
        print(Line::Tile { tile: Tile { link: None, ..tile.clone() }, cursor })?;
    }
    for staged in view.rounds() {
        let (round, round_kind, tile, pages) = (staged.round, staged.kind, staged.tile.id, staged.pages);
        print(Line::Round { round, round_kind, tile, pages, complete: staged.link().is_some() })?;
        for page in 0..pages {
            let items = view.staged_page(round, page).await?.map(|page| page.items).unwrap_or_default();
            for (item, staged) in (0..).zip(items) {
                let raw = view.staged_raw(ItemRef { round, page, item }).await?.and_then(raw);
                print(Line::StagedItem { round, page, item, word: staged.word, raw })?;
            }
        }
    }
    let mut after: Option<String> = None;
    loop {
        let rows = view.rows(after.as_deref(), BATCH).await?;
        let is_last = rows.len() < BATCH;
        for row in rows {
            after = Some(row.meta.id.to_string());
            let payload = view.payload(&row.meta.id).await?;
            let Row { meta, holds, unsettled, .. } = row;
            if let Some(layers) = payload.map(|layers: Layers<String>| layers.map(raw)) {
                print(Line::Row { row: Row { meta, holds, layers, unsettled } })?;
            }
        }
        if is_last {
            break;
        }
    }
    let mut after = view.first_seq().saturating_sub(1);
    loop {
        let entries = view.journal(after, BATCH).await?;
        let is_last = entries.len() < BATCH;
        for JournalEntry { seq, at, note } in entries {
            after = seq;
            print(Line::Note { seq, at, note })?;
        }
        if is_last {
            return Ok(());
        }
    }
}

/// JSON on one line. In valid JSON a line can only end between values.
fn raw(json: String) -> Option<Box<RawValue>> {
    RawValue::from_string(json.replace(['\n', '\r'], " ")).ok()
}

//! How the file store's costs grow with the number of rows. Payloads are short here: what grows is the index.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use delta_core::{DeltaLink, EventType, RoundId, RoundKind, Timestamp};
use store::conformance::block_on;
use store::{Batch, FileStore, Form, Meta, Position, Run, Stage, StagedItem, Store, Tile, TileId, Word};

use crate::Outcome;
use crate::child::Usage;
use crate::figures::{Row, Table, median};
use crate::pages::window;
use crate::staging::{identity, publish};

const PAGE: usize = 1_000;
const CHANGES: usize = 10;

/// What opens an existing store in a process of its own.
pub const OPEN: &str = "--open";

pub fn measure(sizes: &[usize]) -> Outcome<Table> {
    let mut table = Table::new("Rows in the file store (payloads of 0.4 KB)");
    for rows in sizes {
        table.rows.push(at(*rows)?);
    }
    Ok(table)
}

fn at(rows: usize) -> Outcome<Row> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("replica");
    let store = FileStore::open(&path)?;
    let began = Instant::now();
    for first in (0..rows).step_by(PAGE) {
        let items = first..(first + PAGE).min(rows);
        let (number, last) = (first / PAGE, items.end == rows);
        stage(&store, 1, RoundKind::Full, number as u32, items, last)?;
    }
    end(&store, 1)?;
    let built = began.elapsed().as_secs_f64();
    let mut changing = Vec::new();
    for round in 2..53 {
        let began = Instant::now();
        let first = round as usize * (rows / 60);
        stage(&store, round, RoundKind::Incremental, 0, first..first + CHANGES, true)?;
        end(&store, round)?;
        changing.push(began.elapsed().as_secs_f64());
    }
    let view = block_on(store.view())?;
    let began = Instant::now();
    for number in 0..1_000 {
        block_on(view.payload(&id(number * 7_919 % rows)))?.ok_or("a row is missing")?;
    }
    let point = began.elapsed().as_secs_f64() / 1_000.0;
    let began = Instant::now();
    let day = start(rows / 2);
    for _ in 0..100 {
        let found = block_on(view.overlapping(day..day.plus_seconds(86_400), None, 50))?;
        assert_eq!(found.len(), 50);
    }
    let range = began.elapsed().as_secs_f64() / 100.0;
    drop((view, store));
    let mut opening = Vec::new();
    let mut opened = (0.0, 0.0);
    for _ in 0..5 {
        let child = Command::new(std::env::current_exe()?).arg(OPEN).arg(&path).output()?;
        opened = serde_json::from_slice(&child.stdout)?;
        opening.push(opened.0);
    }
    Ok(Row::new(
        format!("{rows} rows"),
        [
            ("stage and publish all, µs/row", built * 1e6 / rows as f64),
            ("stage and publish 10 changes, µs", median(changing) * 1e6),
            ("read a payload, µs", point * 1e6),
            ("first 50 of a day, µs", range * 1e6),
            ("open, ms", median(opening) * 1e3),
            ("memory when open, B/row", opened.1 / rows as f64),
        ],
    ))
}

/// Opens a store, and prints how many seconds that takes and how many bytes of memory it needs.
pub fn open(path: &Path) -> Outcome<()> {
    let before = Usage::now()?.resident;
    let began = Instant::now();
    let store = FileStore::open(path)?;
    let seconds = began.elapsed().as_secs_f64();
    let resident = Usage::now()?.resident.saturating_sub(before) as f64;
    println!("{}", serde_json::to_string(&(seconds, resident))?);
    drop(store);
    Ok(())
}

fn end(store: &FileStore, round: u64) -> Outcome<()> {
    let at = Timestamp::from_seconds(round as i64);
    publish(store, Run::new(at, identity(), vec![RoundId::new(round)], Vec::new()))
}

/// Ids as long as Graph's.
fn id(number: usize) -> String {
    format!("AAMkAGI1{}{:016x}AAA=", "x".repeat(124), (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn start(number: usize) -> Timestamp {
    Timestamp::from_seconds(1_767_225_600).plus_seconds(number as i64 * 60)
}

fn stage(
    store: &FileStore,
    round: u64,
    kind: RoundKind,
    page: u32,
    items: std::ops::Range<usize>,
    last: bool,
) -> Outcome<()> {
    let item = |number: usize| {
        let (start, id, etag) = (start(number), id(number), format!("W/\"EZ9r3czxY0m2jz8c45czkw{round:08}==\""));
        let raw = format!(
            r#"{{"@odata.etag":{etag:?},"id":"{id}","subject":"Event {number}","bodyPreview":"{}"}}"#,
            "x".repeat(150)
        );
        let meta = Meta {
            id: id.into(),
            etag: Some(etag),
            kind: EventType::SingleInstance,
            series: None,
            start: Some(start),
            end: Some(start.plus_seconds(3_600)),
        };
        StagedItem { word: Word::Upsert { meta, form: Form::Full }, raw }
    };
    let position = if last {
        Position::Complete(DeltaLink::new(
            "https://graph.microsoft.com/v1.0/me/calendarView/delta?$deltatoken=x".to_owned(),
        ))
    } else {
        let name = RoundId::new(round);
        let next = "https://graph.microsoft.com/v1.0/me/calendarView/delta?$skiptoken=x";
        let checkpoint = serde_json::json!({
            "version": 2, "round": name, "kind": kind, "page": page + 1, "bytes": 0, "next": next, "target": name,
        });
        Position::Paging(serde_json::from_value(checkpoint)?)
    };
    let tile = Tile::new(TileId(0), Some(window()?), None);
    let items = items.map(item).collect();
    let stage = Stage { round: RoundId::new(round), kind, tile, page, position, items };
    block_on(store.write(Batch::Stage(stage)))?;
    Ok(())
}

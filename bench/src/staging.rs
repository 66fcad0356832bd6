//! The file store's write path, beside plain writes of the same bytes with one sync per page.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use store::conformance::block_on;
use store::{Batch, FileOptions, FileStore, Identity, Run, Stage, Store, Tile, TileId, plan};

use crate::Outcome;
use crate::disk::{Counted, Counts};
use crate::figures::{Row, Table, median};
use crate::pages::{ROOT, Read, bodies, read, window};

pub fn measure(events: usize, rounds: usize) -> Outcome<Vec<Table>> {
    [50, 200, 1000].into_iter().map(|page_size| at(events, page_size, rounds)).collect()
}

fn at(events: usize, page_size: usize, rounds: usize) -> Outcome<Table> {
    let read = read(bodies(events, page_size))?;
    let payload: usize = read.pages.iter().map(|(page, _)| page.body().len()).sum();
    let (mut floor, mut staging, mut publishing) = (Vec::new(), Vec::new(), Vec::new());
    let mut counts = Counts::default();
    for round in 0..=rounds {
        let dir = tempfile::tempdir()?;
        let seconds = write_plainly(&dir.path().join("plain"), &read)?;
        let (staged, published, counted) = stage_and_publish(&dir.path().join("store"), &read)?;
        if round > 0 {
            floor.push(seconds);
            staging.push(staged);
            publishing.push(published);
        }
        counts = counted;
    }
    let (floor, staging, publishing) = (median(floor), median(staging), median(publishing));
    let per_event = |seconds: f64| seconds * 1e6 / events as f64;
    let mut table = Table::new(format!("Staging {events} events, {page_size} a page, durably"));
    let pages = read.pages.len() as f64;
    table.rows.push(Row::new(
        "plain writes, one fdatasync a page",
        [("µs/event", per_event(floor)), ("× floor", 1.0), ("bytes/payload", 1.0), ("syncs/page", 1.0)],
    ));
    table.rows.push(Row::new(
        "stage",
        [
            ("µs/event", per_event(staging)),
            ("× floor", staging / floor),
            ("bytes/payload", counts.bytes as f64 / payload as f64),
            ("syncs/page", counts.syncs as f64 / pages),
        ],
    ));
    table.rows.push(Row::new("publish", [("µs/event", per_event(publishing))]));
    table.rows.push(Row::new(
        "stage and publish",
        [("µs/event", per_event(staging + publishing)), ("× floor", (staging + publishing) / floor)],
    ));
    Ok(table)
}

fn write_plainly(path: &Path, read: &Read) -> Outcome<f64> {
    let began = Instant::now();
    let mut file = File::create(path)?;
    for (page, _) in &read.pages {
        file.write_all(page.body())?;
        file.sync_data()?;
    }
    Ok(began.elapsed().as_secs_f64())
}

/// The seconds that staging and publishing take, and what both ask of the disk.
fn stage_and_publish(path: &Path, read: &Read) -> Outcome<(f64, f64, Counts)> {
    let disk = Counted::default();
    let store = FileStore::open_with(Arc::new(disk.clone()), path, FileOptions::default())?;
    let tile = Tile::new(TileId(0), Some(window()?), None);
    let began = Instant::now();
    for (number, (page, position)) in read.pages.iter().enumerate() {
        let stage = Stage::page(read.round, read.kind, tile.clone(), number as u32, page, position.clone());
        block_on(store.write(Batch::Stage(stage)))?;
    }
    let staged = began.elapsed().as_secs_f64();
    publish(&store, Run::new(delta_core::Timestamp::from_seconds(0), identity(), vec![read.round], Vec::new()))?;
    Ok((staged, began.elapsed().as_secs_f64() - staged, disk.counts()))
}

pub fn publish(store: &FileStore, run: Run) -> Outcome<()> {
    let view = block_on(store.view())?;
    let (publish, _) = block_on(plan(view.as_ref(), run))?;
    drop(view);
    block_on(store.write(Batch::Publish(publish)))?;
    Ok(())
}

pub fn identity() -> Identity {
    Identity {
        origin: ROOT.into(),
        api_version: "v1.0".into(),
        resource: "me".into(),
        calendar: None,
        id_type: "ImmutableId".into(),
        body_type: "html".into(),
    }
}

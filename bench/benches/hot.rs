//! The functions that the time goes into, one by one: `cargo bench --manifest-path bench/Cargo.toml`.

use bench::pages::{ROOT, Read, bodies, target, window};
use bench::staging::{identity, publish};
use delta_core::{Event, Page, Round, Step, Timestamp};
use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher, black_box};
use http::{Response, StatusCode};
use store::conformance::block_on;
use store::{Batch, FileStore, Run, Stage, Store, Tile, TileId};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

const EVENTS: usize = 10_000;
const PAGES: [usize; 4] = [10, 50, 200, 1000];

fn main() {
    divan::main();
}

fn last_page(events: usize) -> Vec<u8> {
    bodies(events, events).remove(0)
}

fn parsed(events: usize) -> Page<Vec<u8>> {
    read(last_page(events)).pages.remove(0).0
}

fn read(body: Vec<u8>) -> Read {
    bench::pages::read(vec![body]).unwrap()
}

#[divan::bench(args = PAGES)]
fn page_parse(bencher: Bencher<'_, '_>, events: usize) {
    let body = last_page(events);
    let round = Round::full(target(ROOT).unwrap());
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| matches!(round.clone().receive(Response::new(body.as_slice())), Ok(Step::Complete { .. })));
}

#[divan::bench]
fn classify_a_refusal(bencher: Bencher<'_, '_>) {
    let round = Round::full(target(ROOT).unwrap());
    let body = r#"{"error":{"code":"TooManyRequests","message":"later","innerError":{"code":"ApplicationThrottled"}}}"#;
    bencher.bench(|| {
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        round.clone().receive(response).is_ok()
    });
}

#[divan::bench]
fn time_parse() -> Option<Timestamp> {
    Timestamp::parse(black_box("2026-11-08T19:00:00.0000000")).ok()
}

#[divan::bench]
fn event_properties(bencher: Bencher<'_, '_>) {
    let page = parsed(50);
    bencher
        .counter(ItemsCount::new(50_usize))
        .bench(|| page.changes().filter_map(|change| Event::parse(change.raw()).ok()?.start()?.read_as_utc()).count());
}

#[divan::bench(args = PAGES)]
fn stage_of_a_page(bencher: Bencher<'_, '_>, events: usize) {
    let read = read(last_page(events));
    let (page, position) = &read.pages[0];
    let tile = Tile::new(TileId(0), Some(window().unwrap()), None);
    bencher
        .counter(ItemsCount::new(events))
        .bench(|| Stage::page(read.round, read.kind, tile.clone(), 0, page, position.clone()));
}

/// A store with a published round.
fn filled(path: &std::path::Path) -> FileStore {
    let store = FileStore::open(path).unwrap();
    write_and_publish(&store);
    store
}

fn write_and_publish(store: &FileStore) {
    let read: Read = bench::pages::read(bodies(EVENTS, 1000)).unwrap();
    stage(store, &read);
    end(store, &read);
}

fn stage(store: &FileStore, read: &Read) {
    let tile = Tile::new(TileId(0), Some(window().unwrap()), None);
    for (number, (page, position)) in read.pages.iter().enumerate() {
        let stage = Stage::page(read.round, read.kind, tile.clone(), number as u32, page, position.clone());
        block_on(store.write(Batch::Stage(stage))).unwrap();
    }
}

fn end(store: &FileStore, read: &Read) {
    publish(store, Run::new(Timestamp::from_seconds(0), identity(), vec![read.round], Vec::new())).unwrap();
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn store_stage(bencher: Bencher<'_, '_>) {
    let read: Read = bench::pages::read(bodies(EVENTS, 200)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut number = 0;
    bencher
        .counter(ItemsCount::new(EVENTS))
        .with_inputs(|| {
            number += 1;
            FileStore::open(dir.path().join(number.to_string())).unwrap()
        })
        .bench_local_values(|store| stage(&store, &read));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn store_publish(bencher: Bencher<'_, '_>) {
    let read: Read = bench::pages::read(bodies(EVENTS, 200)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut number = 0;
    bencher
        .counter(ItemsCount::new(EVENTS))
        .with_inputs(|| {
            number += 1;
            let store = FileStore::open(dir.path().join(number.to_string())).unwrap();
            stage(&store, &read);
            store
        })
        .bench_local_values(|store| end(&store, &read));
}

#[divan::bench]
fn view_payload(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().unwrap();
    let view = block_on(filled(&dir.path().join("store")).view()).unwrap();
    let rows = block_on(view.rows(None, 1_000)).unwrap();
    let mut at = 0;
    bencher.bench_local(|| {
        at = (at + 37) % rows.len();
        block_on(view.payload(&rows[at].meta.id)).unwrap()
    });
}

#[divan::bench]
fn view_of_a_day(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().unwrap();
    let view = block_on(filled(&dir.path().join("store")).view()).unwrap();
    let day = Timestamp::parse("2026-03-10").unwrap();
    bencher.bench_local(|| block_on(view.overlapping(day..day.plus_days(1), None, 50)).unwrap());
}

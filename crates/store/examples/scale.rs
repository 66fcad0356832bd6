//! How long things take, and how much memory they need, with ten thousand rows and with a million.
//!
//! `cargo run --release -p store --example scale [ROWS…]`. Needs about 4 KiB of disk per row in the temporary directory,
//! and Linux for the numbers about memory and CPU time.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use delta_core::{DeltaLink, EventType, RoundId, RoundKind, Timestamp, Window};
use store::conformance::block_on;
use store::{Batch, FileStore, Form, Identity, Meta, Position, Run, Stage, StagedItem, Store, Tile, TileId, Word};

const PAGE: u64 = 1000;

/// Asks for nothing but an existing store to be opened.
const OPEN: &str = "--open";

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(OPEN) {
        return open(&arguments.next().unwrap());
    }
    let given: Vec<u64> = std::env::args().skip(1).map(|rows| rows.parse().expect("a number of rows")).collect();
    let sizes = if given.is_empty() { vec![10_000, 1_000_000] } else { given };
    println!("{:<34}{}", "rows", sizes.iter().map(|rows| format!("{rows:>16}")).collect::<String>());
    let columns: Vec<Vec<(&str, String)>> = sizes.into_iter().map(measure).collect();
    for at in 0..columns[0].len() {
        let values: String = columns.iter().map(|column| format!("{:>16}", column[at].1)).collect();
        println!("{:<34}{values}", columns[0][at].0);
    }
}

/// Opens a store in a process of its own, and prints how long that took, how much CPU time, how much memory it has now, and
/// how much it had at most.
fn open(path: &str) {
    let (before, cpu) = (memory("VmRSS:"), cpu());
    let began = Instant::now();
    let store = FileStore::open(path).unwrap();
    let (took, cpu) = (began.elapsed().as_micros(), self::cpu().saturating_sub(cpu).as_micros());
    let more = |what| memory(what).saturating_sub(before);
    println!("{took} {cpu} {} {}", more("VmRSS:"), more("VmHWM:"));
    drop(store);
}

fn measure(rows: u64) -> Vec<(&'static str, String)> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("replica");
    let mut found = Vec::new();
    let store = FileStore::open(&path).unwrap();
    let pages = rows.div_ceil(PAGE);
    let staging = timed(|| {
        for page in 0..pages {
            let ids = page * PAGE..rows.min((page + 1) * PAGE);
            stage(&store, 1, RoundKind::Full, page as u32, ids, page + 1 == pages, 0);
        }
    });
    found.push(("stage a full round, each row", per(staging, rows)));
    found.push(("publish it, each row", per(timed(|| publish(&store, 1)), rows)));
    found.push(("bytes on disk, each row", format!("{}", bytes(&path) / rows)));
    let view = block_on(store.view()).unwrap();
    let changes = |store: &FileStore, round: u64| {
        timed(|| {
            stage(store, round, RoundKind::Incremental, 0, rows / 2..rows / 2 + 10, true, round);
            publish(store, round);
        })
    };
    found.push(("publish 10 changes beside a view", text(changes(&store, 2))));
    drop(view);
    let mut times: Vec<Duration> = (3..104).map(|round| changes(&store, round)).collect();
    times.sort_unstable();
    found.push(("publish 10 changes, median of 101", text(times[50])));
    drop(store);
    let mut opened: Vec<[u64; 4]> = (0..5).map(|_| opened(&path)).collect();
    opened.sort_unstable();
    let [micros, cpu, memory, most] = opened[2];
    found.push(("open with hints, median of 5", text(Duration::from_micros(micros))));
    found.push(("CPU time of that", text(Duration::from_micros(cpu))));
    found.push(("memory when open, each row", format!("{} B", memory / rows)));
    found.push(("most memory while opening", format!("{} B", most / rows)));
    let store = FileStore::open(&path).unwrap();
    let view = block_on(store.view()).unwrap();
    let read = timed(|| {
        for number in 0..1000_u64 {
            block_on(view.payload(&id(number * 7919 % rows))).unwrap().unwrap();
        }
    });
    found.push(("read a payload", per(read, 1000)));
    let day = start(rows / 2);
    let range =
        timed(|| assert!(!block_on(view.overlapping(day..day.plus_seconds(86_400), None, 50)).unwrap().is_empty()));
    found.push(("find the first 50 of a day", text(range)));
    drop((view, store));
    for entry in std::fs::read_dir(&path).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "hint") {
            std::fs::remove_file(path).unwrap();
        }
    }
    found.push(("open without hints", text(timed(|| drop(FileStore::open(&path).unwrap())))));
    found.push(("verify", text(timed(|| assert_eq!(FileStore::verify(&path).unwrap().rows, rows)))));
    found
}

/// Opens a store elsewhere.
fn opened(path: &Path) -> [u64; 4] {
    let child = Command::new(std::env::current_exe().unwrap()).arg(OPEN).arg(path).output().unwrap();
    let numbers = String::from_utf8(child.stdout).unwrap();
    let numbers: Vec<u64> = numbers.split_whitespace().map(|number| number.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn per(time: Duration, count: u64) -> String {
    format!("{:.2} µs", time.as_secs_f64() * 1e6 / count as f64)
}

fn text(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// Ids as long as Graph's.
fn id(number: u64) -> String {
    format!("AAMkAGI1{}{:016x}AAA=", "x".repeat(124), number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn start(number: u64) -> Timestamp {
    Timestamp::parse("2026-01-01T00:00:00Z").unwrap().plus_seconds(number as i64 * 60)
}

fn tile() -> Tile {
    Tile::new(TileId(0), Some(Window::parse("2026-01-01", "2030-01-01").unwrap()), None)
}

fn stage(
    store: &FileStore,
    round: u64,
    kind: RoundKind,
    page: u32,
    ids: std::ops::Range<u64>,
    last: bool,
    version: u64,
) {
    let items = ids.map(|number| {
        let (start, etag) = (start(number), format!("W/\"EZ9r3czxY0m2jz8c45czkw{version:08}==\""));
        let meta = Meta {
            id: id(number).into(),
            etag: Some(etag.clone()),
            kind: EventType::SingleInstance,
            series: None,
            start: Some(start),
            end: Some(start.plus_seconds(3600)),
        };
        let (body, id) = ("lorem ipsum ".repeat(270), &meta.id);
        let raw = format!(r#"{{"@odata.etag":{etag:?},"id":"{id}","subject":"Event {number}","body":"{body}"}}"#);
        StagedItem { word: Word::Upsert { meta, form: Form::Full }, raw }
    });
    let link = "https://graph.microsoft.com/v1.0/me/calendarView/delta?$deltatoken=x";
    let position =
        if last { Position::Complete(DeltaLink::new(link.to_owned())) } else { checkpoint(round, kind, page) };
    let stage = Stage { round: RoundId::new(round), kind, tile: tile(), page, position, items: items.collect() };
    block_on(store.write(Batch::Stage(stage))).unwrap();
}

/// A checkpoint as a round would give it.
fn checkpoint(round: u64, kind: RoundKind, page: u32) -> Position {
    let kind = if kind == RoundKind::Full { "full" } else { "incremental" };
    let link = "https://graph.microsoft.com/v1.0/me/calendarView/delta?$skiptoken=x";
    let (round, page) = (RoundId::new(round), page + 1);
    let json = format!(
        r#"{{"paging":{{"version":2,"round":"{round}","kind":"{kind}","page":{page},"bytes":0,"next":"{link}","target":"{round}"}}}}"#
    );
    serde_json::from_str(&json).unwrap()
}

fn publish(store: &FileStore, round: u64) {
    let view: Arc<dyn store::View> = block_on(store.view()).unwrap();
    let identity = Identity {
        origin: "https://graph.microsoft.com".into(),
        api_version: "v1.0".into(),
        resource: "me".into(),
        calendar: None,
        id_type: "ImmutableId".into(),
        body_type: "html".into(),
    };
    let rounds = vec![RoundId::new(round)];
    let run = Run::new(start(round), identity, rounds, Vec::new());
    block_on(store::publish(store, view.as_ref(), run)).unwrap();
}

fn bytes(path: &Path) -> u64 {
    std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// How many bytes of memory this process has, or had at most.
fn memory(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// How long this process was on a processor.
fn cpu() -> Duration {
    let times = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    Duration::from_nanos(times.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

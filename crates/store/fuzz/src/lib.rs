//! What fuzzing asserts of a store's files: a function for each target, which panics when a guarantee is broken.
//!
//! `tests/it/fuzz_corpus.rs` includes this file and calls each function with the fixtures and the inputs in `regressions/`.
//! To fuzz:
//!
//! ```sh
//! cd crates/store
//! cargo test --test it fuzz_corpus -- --ignored              # write the corpora into fuzz/corpus, once
//! cargo +nightly fuzz run directory -- -max_total_time=600   # or migration
//! ```
//!
//! What it finds goes into `regressions/TARGET/`, with the fix.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
// A crate for `cargo fuzz`, a module for the test.
#![allow(unreachable_pub)]

mod mend;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use delta_core::RoundKind;
use store::conformance::{Fixture, block_on, event, instant, removed, stub, tile};
use store::disk::{Disk, SimDisk};
use store::{Batch, Error, FileOptions, FileStore, Migrated, Run, Store, View, dump, plan};

pub use mend::{mend, unmended};

const PATH: &str = "/replica";
const COPY: &str = "/copy";

/// What stands between the files of an input. Each begins with its name and a line feed.
pub const NEXT: &[u8] = b"\n~~~\n";

/// What an input begins with whose files are taken as they are. Others are mended: their checksums, lengths and chains are
/// made to be right, so that what the lines say is looked at.
pub const AS_IT_IS: &[u8] = b"=\n";

/// The files of a directory, by their names.
pub type Files = BTreeMap<String, Vec<u8>>;

fn disk(files: &Files) -> SimDisk {
    let disk = SimDisk::new(1);
    disk.create_dir(Path::new(PATH)).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    files.iter().for_each(|(name, bytes)| disk.put(&Path::new(PATH).join(name), bytes));
    disk
}

fn files(disk: &SimDisk) -> Files {
    let names = disk.list(Path::new(PATH)).unwrap().into_iter().map(|entry| entry.name);
    names.map(|name| (name.clone(), disk.contents(&Path::new(PATH).join(name)).unwrap())).collect()
}

fn logs(files: &Files) -> Files {
    files.iter().filter(|(name, _)| name.ends_with(".log")).map(|(name, bytes)| (name.clone(), bytes.clone())).collect()
}

fn without_hints(files: &Files) -> Files {
    let is_hint = |name: &str| {
        let number = name.strip_suffix(".hint").filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
        number.is_some_and(|number| number.len() == 6 && number != "000000")
    };
    let others = files.iter().filter(|(name, _)| !is_hint(name));
    others.map(|(name, bytes)| (name.clone(), bytes.clone())).collect()
}

/// The files of an input.
fn split(data: &[u8]) -> Files {
    let file = |part: &[u8]| {
        let end = part.iter().position(|byte| *byte == b'\n').unwrap_or(part.len());
        let name =
            std::str::from_utf8(&part[..end]).ok().filter(|name| !name.is_empty() && !name.contains(['/', '\0']));
        let name = name.filter(|name| !["lock", ".", ".."].contains(name))?;
        Some((name.to_owned(), part.get(end + 1..).unwrap_or_default().to_vec()))
    };
    let mut parts = vec![];
    let mut rest = data;
    while let Some(at) = rest.windows(NEXT.len()).position(|window| window == NEXT) {
        parts.push(&rest[..at]);
        rest = &rest[at + NEXT.len()..];
    }
    parts.push(rest);
    parts.into_iter().take(20).filter_map(file).collect()
}

/// Everything that a view shows.
fn shown(view: &dyn View) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    let push = |line: &str| {
        lines.push(line.to_owned());
        Ok::<_, Error>(())
    };
    block_on(dump(view, push))?;
    let rows = block_on(view.rows(None, 50))?;
    for row in &rows {
        assert_eq!(block_on(view.row(&row.meta.id))?.as_ref(), Some(row), "a row is found by its id");
        lines.push(format!("{:?}", block_on(view.members(&row.meta.id, None, 50))?));
        lines.push(format!("{:?}", block_on(store::reader::event(view, &row.meta.id))?));
    }
    lines.push(format!("{:?}", block_on(view.overlapping(instant(0)..instant(1_000_000), None, 50))?));
    lines.push(format!("{:?}", block_on(view.unsettled(None, 50))?));
    lines.push(format!("{:?}", view.engine_state().map(|state| state.text().to_owned())));
    Ok(lines)
}

fn shown_by(store: Result<FileStore, Error>) -> Result<Vec<String>, Error> {
    shown(block_on(store?.view())?.as_ref())
}

fn read(disk: &SimDisk) -> Result<Vec<String>, Error> {
    shown_by(FileStore::read_only_with(Arc::new(disk.clone()), PATH))
}

/// What a store of these files shows, if it shows something.
pub fn shown_of(files: &Files) -> Option<Vec<String>> {
    read(&disk(files)).ok()
}

fn open(disk: &SimDisk) -> Result<FileStore, Error> {
    let options = FileOptions { segment_bytes: 2500, ..FileOptions::default() };
    FileStore::open_with(Arc::new(disk.clone()), PATH, options)
}

/// Any files, as a store.
pub fn directory(data: &[u8]) {
    let (files, is_sound) = match data.strip_prefix(AS_IT_IS) {
        Some(data) => (split(data), true),
        None => mend(&split(data)),
    };
    let disk = disk(&files);
    let found = read(&disk);
    if let Err(error) = &found {
        let _ = (error.to_string(), format!("{error:?}"));
    }
    assert_eq!(self::files(&disk), files, "a reader changes nothing");
    let verified = FileStore::verify_with(&disk, PATH);
    assert_eq!(self::files(&disk), files, "verifying changes nothing");
    if is_sound {
        hints_are_a_cache(&files, &found);
        assert!(is_sound_or_no_json(&found) || verified.is_err(), "what is whole can be read: {found:?}");
    }
    write_on(&disk.fork(), is_sound.then_some(&found));
    salvage(&disk, &files);
}

/// Whether it can be read, but for payloads: they have a checksum, and what they are is the business of whoever wrote them.
fn is_sound_or_no_json<T>(found: &Result<T, Error>) -> bool {
    matches!(found, Ok(_) | Err(Error::Backend(_)))
}

/// Without hints the same is found. With them, damage in what nobody needs may go unnoticed.
fn hints_are_a_cache(files: &Files, found: &Result<Vec<String>, Error>) {
    if let Ok(without) = read(&disk(&without_hints(files))) {
        assert_eq!(found.as_ref().unwrap(), &without, "a hint changes what is found");
    }
}

/// A writer finds what a reader finds. What it writes shows, now and when the store is opened again.
fn write_on(disk: &SimDisk, found: Option<&Result<Vec<String>, Error>>) {
    let before = logs(&files(disk));
    let Ok(store) = open(disk) else {
        assert_eq!(logs(&files(disk)), before, "what is refused is left alone");
        let is_damaged = read(&self::disk(&without_hints(&files(disk)))).is_err();
        return assert!(is_damaged || !matches!(found, Some(Ok(_))), "what can be read can be written to");
    };
    let Ok(live) = block_on(store.view()).and_then(|view| shown(view.as_ref())) else {
        return assert!(!matches!(found, Some(Ok(_))));
    };
    if let Some(Ok(found)) = found {
        assert_eq!(&live, found, "a writer finds what a reader finds");
    }
    let written = (0..3).try_for_each(|number| run(&store, number));
    if found.is_none() {
        return;
    }
    let live = block_on(store.view()).and_then(|view| shown(view.as_ref())).unwrap();
    drop(store);
    for again in [read(disk), shown_by(open(disk))] {
        assert_eq!(again.unwrap(), live, "what was there when it was closed is there when it is opened: {written:?}");
    }
}

/// Stages a round and publishes it.
fn run(store: &FileStore, number: u32) -> Result<(), Error> {
    let kind = if number == 0 { RoundKind::Full } else { RoundKind::Incremental };
    let fixture = Fixture::new(store);
    let tile = tile(number / 2, 0, 10);
    (0..=number).for_each(|_| drop(fixture.pages(&tile, kind, &[Vec::new()])));
    let items = [event("a", number, 1), stub("o", "m", number, 2), removed("d")].to_vec();
    let pages = fixture.pages(&tile, kind, &[items, vec![event("z", number, 3)]]);
    let round = pages[0].round;
    pages.into_iter().try_for_each(|page| block_on(store.write(Batch::Stage(page))).map(drop))?;
    let view = block_on(store.view())?;
    let run = Run::new(instant(0), Fixture::<FileStore>::identity(), vec![round], Vec::new());
    let (publish, _) = block_on(plan(view.as_ref(), run))?;
    block_on(store.write(Batch::Publish(publish))).map(drop)
}

/// What is salvaged is a sound store, and what it was salvaged from is as it was.
fn salvage(disk: &SimDisk, files: &Files) {
    let Ok(salvaged) = FileStore::salvage_with(Arc::new(disk.clone()), PATH, COPY, FileOptions::default()) else {
        return;
    };
    assert_eq!(logs(&self::files(disk)), logs(files), "what is damaged is left alone");
    let verified = FileStore::verify_with(disk, COPY).unwrap();
    assert_eq!((verified.rows, verified.notes), (salvaged.rows, salvaged.notes));
    let copy = FileStore::open_with(Arc::new(disk.clone()), COPY, FileOptions::default());
    assert!(is_sound_or_no_json(&shown_by(copy)));
}

/// Any files, as a store of format 0.
pub fn migration(data: &[u8]) {
    let files = split(data);
    let disk = disk(&files);
    let before = read(&disk);
    match FileStore::migrate_with(Arc::new(disk.clone()), PATH, FileOptions::default()) {
        Ok(Migrated::Already) => assert!(!matches!(before, Err(Error::Older { .. }))),
        Ok(Migrated::From { .. }) => {
            let migrated = read(&disk).unwrap();
            assert_eq!(shown_by(open(&disk)).unwrap(), migrated);
        }
        Err(error) => {
            let _ = error.to_string();
            let left = self::files(&disk);
            assert!(logs(&files).iter().all(|(name, bytes)| left.get(name) == Some(bytes)), "{error}");
        }
    }
}

//! The fuzz targets, on the fixtures, on the history and on what fuzzing has found: without a nightly toolchain.

#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use fuzz::{AS_IT_IS, Files, NEXT, unmended};
use store::disk::{Disk, SimDisk};

use crate::history::{History, PATH, open, open_uncompacted};

type Inputs = BTreeSet<Vec<u8>>;
type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 2] = [("directory", fuzz::directory), ("migration", fuzz::migration)];

/// The corpus of each target.
fn corpora() -> BTreeMap<&'static str, Inputs> {
    let stores = [stored(&folder("../../fixtures/store/format-1"))].into_iter().chain(histories());
    let directories = stores.flat_map(|files| {
        let logs: Files = files.clone().into_iter().filter(|(name, _)| name.ends_with(".log")).collect();
        let bad_end = |(name, bytes): (&String, &Vec<u8>)| (name.clone(), bytes[..bytes.len() - 1].to_vec());
        let torn: Files = files.iter().map(bad_end).collect();
        let missing: Files = files.clone().into_iter().skip(1).collect();
        let as_it_is = [&files, &torn, &missing].map(|files| [AS_IT_IS, &input(files)].concat());
        as_it_is.into_iter().chain([input(&unmended(&files)), input(&unmended(&logs))]).collect::<Vec<_>>()
    });
    let old = stored(&folder("../../fixtures/store/format-0"));
    let parts = (0..old.len()).map(|at| old.clone().into_iter().skip(at).collect::<Files>());
    let migrations: Inputs = parts.map(|files| input(&files)).chain([Vec::new()]).collect();
    BTreeMap::from([("directory", directories.collect()), ("migration", migrations)])
}

/// The history in one segment, in short ones, and in short ones of which some are gone; after some of its batches, and after
/// all of them.
fn histories() -> impl Iterator<Item = Files> {
    let history = History::new();
    let all = history.batches.len();
    [(u64::MAX, 4), (u64::MAX, 12), (1500, 9), (2500, all), (2501, all), (1, all)].into_iter().map(move |kind| {
        let (segment_bytes, written) = kind;
        let disk = SimDisk::new(1);
        let store =
            if segment_bytes == 2500 { open(&disk, 2500) } else { open_uncompacted(&disk, segment_bytes) }.unwrap();
        for batch in &history.batches[..written] {
            store::conformance::block_on(store::Store::write(&store, batch.clone())).unwrap();
        }
        let names = disk.list(Path::new(PATH)).unwrap().into_iter().map(|entry| entry.name);
        let names = names.filter(|name| name != "lock");
        names.map(|name| (name.clone(), disk.contents(&Path::new(PATH).join(name)).unwrap())).collect()
    })
}

fn input(files: &Files) -> Vec<u8> {
    let files: Vec<Vec<u8>> = files.iter().map(|(name, bytes)| [name.as_bytes(), b"\n", bytes].concat()).collect();
    files.join(NEXT)
}

fn stored(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let file = |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
    entries.map(file).filter(|(name, _)| name != "lock").collect()
}

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The inputs in a folder, if there is one.
fn inputs(folder: &Path) -> Inputs {
    let Ok(entries) = fs::read_dir(folder) else { return Inputs::new() };
    entries.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

#[test]
fn the_corpora_break_no_guarantee() {
    let corpora = corpora();
    for (name, target) in TARGETS {
        assert!(corpora[name].len() > 10, "{name} has {} inputs", corpora[name].len());
        corpora[name].iter().for_each(|input| target(input));
        let found = ["regressions", "corpus"].map(|kind| inputs(&folder("fuzz").join(kind).join(name)));
        found.iter().flatten().for_each(|input| target(input));
    }
}

/// What is mended is what it was, where nothing was wrong with it: otherwise nothing of a log would be looked at.
#[test]
fn mending_what_is_whole_changes_nothing_that_shows() {
    for files in histories().filter(|files| files.contains_key("000001.log")) {
        let logs: Files = files.into_iter().filter(|(name, _)| name.ends_with(".log")).collect();
        assert_eq!(fuzz::shown_of(&logs), fuzz::shown_of(&fuzz::mend(&unmended(&logs)).0));
        assert!(fuzz::shown_of(&logs).is_some_and(|lines| lines.len() > 10));
    }
}

/// Writes the corpora to where `cargo fuzz` looks for them.
#[test]
#[ignore = "writes files, for those who want to fuzz"]
fn write_the_corpora() {
    for (name, inputs) in corpora() {
        let folder = folder("fuzz/corpus").join(name);
        fs::create_dir_all(&folder).unwrap();
        for (number, input) in inputs.iter().enumerate() {
            fs::write(folder.join(format!("fixture-{number:04}")), input).unwrap();
        }
    }
}

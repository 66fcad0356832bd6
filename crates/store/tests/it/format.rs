//! The format as it is, so that a change of it is noticed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use store::conformance::block_on;
use store::disk::RealDisk;
use store::{FileOptions, FileStore, Layers, Store};

use crate::history::{History, segment};

/// A log as text: text as it is, each line and each item on a line of its own, everything else in hexadecimal.
fn dump(bytes: &[u8]) -> String {
    let mut dump = String::new();
    for part in bytes.utf8_chunks() {
        for letter in part.valid().chars() {
            match letter {
                '\n' => dump.push_str("\\n\n"),
                '\\' => dump.push_str("\\\\"),
                ' '..='~' => dump.push(letter),
                other => write!(dump, "\\{:02x}", u32::from(other)).unwrap(),
            }
        }
        for byte in part.invalid() {
            write!(dump, "{}\\{byte:02x}", if *byte == 0xff { "\n" } else { "" }).unwrap();
        }
    }
    dump.push('\n');
    dump
}

/// If this fails, the format has changed: logs that are out there can't be read any more. Then raise the number, and
/// run the test with `CALDELTA_BLESS=1` to accept what is new.
#[test]
fn the_format_has_not_changed() {
    let (disk, _) = History::new().on_disk();
    let found = dump(&disk.contents(&segment(1)).unwrap());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/format-0.log");
    if std::env::var_os("CALDELTA_BLESS").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(found, expected, "the format of the log has changed");
}

/// `docs/store-format.md` is enough to write a reader: here is one that uses none of this code.
#[test]
fn a_stranger_reads_the_store() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/read_store.py");
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3");
        return;
    }
    let history = History::new();
    for segment_bytes in [2500, u64::MAX] {
        let dir = tempfile::tempdir().unwrap();
        let options = FileOptions { segment_bytes, ..FileOptions::default() };
        let store = FileStore::open_with(Arc::new(RealDisk), dir.path(), options).unwrap();
        for batch in &history.batches {
            block_on(store.write(batch.clone())).unwrap();
            assert_eq!(run_script(&script, dir.path()), expected(&store));
        }
        std::fs::write(dir.path().join("000001.hint"), "hints are nobody else's business").unwrap();
        assert_eq!(run_script(&script, dir.path()), expected(&store));
    }
}

fn run_script(script: &Path, dir: &Path) -> Vec<Value> {
    let done = Command::new("python3").arg(script).arg(dir).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let lines = String::from_utf8(done.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn expected(store: &FileStore) -> Vec<Value> {
    let view = block_on(store.view()).unwrap();
    let rows = block_on(view.rows(None, 1000)).unwrap();
    let layers = rows.iter().map(|row| (row.meta.id.clone(), block_on(view.payload(&row.meta.id)).unwrap().unwrap()));
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let shown = layers.map(|(id, layers)| match layers {
        Layers::Whole { whole, patch: None } => json!({"id": *id, "whole": value(&whole)}),
        Layers::Whole { whole, patch: Some(patch) } => {
            json!({"id": *id, "whole": value(&whole), "patch": value(&patch)})
        }
        Layers::Partial { patch } => json!({"id": *id, "patch": value(&patch)}),
        Layers::Stub { stub } => json!({"id": *id, "stub": value(&stub)}),
    });
    let by_id: BTreeMap<String, Value> = shown.map(|row| (row["id"].as_str().unwrap().to_owned(), row)).collect();
    by_id.into_values().collect()
}

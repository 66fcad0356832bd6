//! The format as it is, so that a change of it is noticed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use store::conformance::block_on;
use store::disk::RealDisk;
use store::{Error, FileOptions, FileStore, Layers, Store};

use crate::history::{History, open, segment};

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

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/store").join(name)
}

/// Everything that a replica shows but its cursors, in some order.
fn dumped(store: &FileStore) -> Vec<String> {
    let mut lines = Vec::new();
    let view = block_on(store.view()).unwrap();
    let push = |line: &str| {
        lines.push(line.to_owned());
        Ok::<_, Error>(())
    };
    block_on(store::dump(view.as_ref(), push)).unwrap();
    lines.sort_unstable();
    lines
}

fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

/// If this fails, stores that are out there can't be read any more, or would be written in another way. Format 1 is closed:
/// what is new needs another number, a step of `migrate`, and a fixture of its own. `CALDELTA_BLESS=1` writes the log anew.
#[test]
fn format_1_has_not_changed() {
    let (disk, _) = History::new().on_disk();
    let log = disk.contents(&segment(1)).unwrap();
    let path = fixture("format-1/000001.log");
    if std::env::var_os("CALDELTA_BLESS").is_some() {
        std::fs::create_dir_all(fixture("format-1")).unwrap();
        std::fs::write(&path, &log).unwrap();
        std::fs::write(fixture("format-1.jsonl"), dumped(&open(&disk, u64::MAX).unwrap()).join("\n") + "\n").unwrap();
    }
    let frozen = std::fs::read(&path).unwrap();
    assert_eq!(dump(&log), dump(&frozen), "the format of the log has changed");
    let store = FileStore::read_only(fixture("format-1")).unwrap();
    assert_eq!(dumped(&store), lines(&fixture("format-1.jsonl")));
    assert_eq!(History::new().written(&store), History::new().batches.len());
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

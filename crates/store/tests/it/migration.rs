//! From the format before.

use std::path::Path;
use std::sync::Arc;

use store::conformance::block_on;
use store::disk::{Disk, Fault, RealDisk, SimDisk, Survival};
use store::{Error, FileOptions, FileStore, Migrated, dump};

use crate::history::{PATH, open, read};

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/store").join(name)
}

/// A disk with the frozen store of format 0.
fn old() -> SimDisk {
    let disk = SimDisk::new(1);
    disk.create_dir(Path::new(PATH)).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    for entry in RealDisk.list(&fixture("format-0")).unwrap() {
        let bytes = std::fs::read(fixture("format-0").join(&entry.name)).unwrap();
        disk.put(&Path::new(PATH).join(entry.name), &bytes);
    }
    disk
}

fn migrate(disk: &SimDisk) -> Result<Migrated, Error> {
    let options = FileOptions { segment_bytes: 2500, ..FileOptions::default() };
    FileStore::migrate_with(Arc::new(disk.clone()), PATH, options)
}

fn expected() -> Vec<String> {
    std::fs::read_to_string(fixture("format-0.jsonl")).unwrap().lines().map(str::to_owned).collect()
}

fn shown(store: &FileStore) -> Vec<String> {
    let mut lines = Vec::new();
    let view = block_on(store::Store::view(store)).unwrap();
    let push = |line: &str| {
        lines.push(line.to_owned());
        Ok::<_, Error>(())
    };
    block_on(dump(view.as_ref(), push)).unwrap();
    lines.sort_unstable();
    lines
}

#[test]
fn an_older_format_is_refused_and_left_alone() {
    let disk = old();
    for result in [read(&disk), open(&disk, 2500)] {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Older { format: 0, .. }), "{error}");
        assert!(error.to_string().contains("caldelta store migrate"), "{error}");
    }
    assert!(matches!(FileStore::verify_with(&disk, PATH), Err(Error::Older { .. })));
}

#[test]
fn migrating_keeps_everything() {
    let disk = old();
    assert!(matches!(migrate(&disk), Ok(Migrated::From { format: 0, frames: 12.. })));
    assert_eq!(shown(&read(&disk).unwrap()), expected());
    let verified = FileStore::verify_with(&disk, PATH).unwrap();
    assert_eq!(verified.rows, 4);
    let names: Vec<String> = disk.list(Path::new(PATH)).unwrap().into_iter().map(|entry| entry.name).collect();
    assert!(names.iter().all(|name| name == "lock" || name[..6] > *"000012"), "{names:?}");
    assert!(matches!(migrate(&disk), Ok(Migrated::Already)));
    assert_eq!(shown(&open(&disk, 2500).unwrap()), expected());
}

/// At every operation, whatever is left of what was not synced: it is of the old format, and migrating it again does it; or
/// it is of the new one, and has everything.
#[test]
fn a_crash_while_migrating_loses_nothing() {
    let operations = {
        let disk = old();
        let before = disk.operations();
        migrate(&disk).unwrap();
        disk.operations() - before
    };
    let mut crashes = 0;
    for operation in 0..operations {
        for fault in [Fault::PowerOff, Fault::Io, Fault::Short] {
            for survival in Survival::ALL {
                let disk = old();
                disk.fail_at(disk.operations() + operation, fault);
                let done = migrate(&disk).is_ok();
                disk.crash(survival);
                let case = format!("operation {operation}, {fault:?}, {survival:?}");
                match read(&disk) {
                    Ok(store) => assert_eq!(shown(&store), expected(), "{case}"),
                    Err(Error::Older { .. }) => assert!(!done || fault != Fault::PowerOff, "{case}"),
                    Err(error) => panic!("{case}: {error}"),
                }
                migrate(&disk).unwrap_or_else(|error| panic!("{case}: {error}"));
                assert_eq!(shown(&open(&disk, 2500).unwrap()), expected(), "{case}");
                crashes += 1;
            }
        }
    }
    println!("a_crash_while_migrating_loses_nothing: {crashes} crashes");
}

/// A store that is damaged is not migrated: what could still be read would be lost.
#[test]
fn damage_is_not_migrated() {
    for number in [8, 12] {
        let path = Path::new(PATH).join(format!("{number:06}.log"));
        let bytes = old().contents(&path).unwrap();
        for at in (0..bytes.len() - 900).step_by(11) {
            let disk = old();
            let mut bad = bytes.clone();
            bad[at] ^= 0x20;
            disk.put(&path, &bad);
            let refused = migrate(&disk);
            assert!(matches!(refused, Err(Error::Damaged { .. } | Error::Newer { .. })), "{number} {at}: {refused:?}");
            assert_eq!(disk.contents(&path).unwrap(), bad, "{number} {at}");
        }
    }
}

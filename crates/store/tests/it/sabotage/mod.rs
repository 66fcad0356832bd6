//! Tests of the tests: bugs that are planted must be noticed.
//!
//! Each check is the essence of a test elsewhere in this crate. Without a bug it passes; with the bugs of its table it must
//! not.

mod disk;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use store::conformance::block_on;
use store::disk::{Fault, SimDisk, Survival};
use store::{Error, FileOptions, FileStore, Store};

use crate::history::{History, PATH};
use disk::{Bug, Saboteur};

/// Segments in which there is everything: hints, open rounds that are carried over, and segments that go.
const SEGMENT: u64 = 2500;

fn open(disk: &SimDisk, bug: Option<Bug>) -> Result<FileStore, Error> {
    let options = FileOptions { segment_bytes: SEGMENT, ..FileOptions::default() };
    FileStore::open_with(Saboteur::new(disk, bug), PATH, options)
}

fn live(history: &History, disk: &SimDisk, bug: Option<Bug>) -> usize {
    let Ok(store) = open(disk, bug) else { return 0 };
    history.batches.iter().take_while(|batch| block_on(store.write((*batch).clone())).is_ok()).count()
}

fn operations(history: &History, bug: Option<Bug>) -> u64 {
    let disk = SimDisk::new(0);
    live(history, &disk, bug);
    disk.operations()
}

/// `a_reader_follows_its_writer`, `a_compacted_log_says_what_the_whole_one_said`, `the_format_has_not_changed`.
fn reopening_shows_the_same(bug: Option<Bug>) {
    let history = History::new();
    let disk = SimDisk::new(0);
    for written in 0..history.batches.len() {
        let store = open(&disk, bug).unwrap();
        assert_eq!(history.written(&store), history.shown(written));
        block_on(store.write(history.batches[written].clone())).unwrap();
        drop(store);
        let reader = FileStore::read_only_with(Arc::new(disk.clone()), PATH).unwrap();
        assert_eq!(history.written(&reader), history.shown(written + 1));
    }
    let disk = SimDisk::new(0);
    assert_eq!(live(&history, &disk, bug), history.batches.len());
    assert_eq!(history.written(&open(&disk, bug).unwrap()), history.batches.len());
}

/// `crash_anywhere_converges`.
fn crashing_anywhere_converges(bug: Option<Bug>) {
    let history = History::new();
    for operation in 0..operations(&history, bug) {
        for survival in [Survival::None, Survival::All, Survival::Bytes] {
            let disk = SimDisk::new(operation);
            disk.fail_at(operation, Fault::PowerOff);
            let acknowledged = live(&history, &disk, bug);
            disk.crash(survival);
            let store = open(&disk, bug).unwrap();
            let found = history.written(&store);
            assert!([acknowledged, acknowledged + 1].map(|written| history.shown(written)).contains(&found));
            history.replay(&store, found).unwrap();
            drop(store);
            assert_eq!(history.written(&open(&disk, bug).unwrap()), history.batches.len());
        }
    }
}

/// `a_killed_process_leaves_nothing_unsynced_behind`.
fn a_killed_process_leaves_nothing_unsynced_behind(bug: Option<Bug>) {
    let history = History::new();
    for operation in 0..operations(&history, bug) {
        let disk = SimDisk::new(operation);
        disk.fail_at(operation, Fault::Io);
        live(&history, &disk, bug);
        let store = open(&disk, bug).unwrap();
        let shown = history.written(&store);
        drop(store);
        disk.crash(Survival::None);
        assert_eq!(history.written(&open(&disk, bug).unwrap()), shown);
    }
}

/// `a_failing_disk_loses_nothing_that_was_acknowledged`.
fn failing_disks_lose_nothing(bug: Option<Bug>) {
    let history = History::new();
    for operation in 0..operations(&history, bug) {
        for fault in [Fault::Io, Fault::Short] {
            let disk = SimDisk::new(operation);
            disk.fail_at(operation, fault);
            let mut acknowledged = 0;
            for _ in 0..4 {
                let Ok(store) = open(&disk, bug) else { continue };
                let found = history.written(&store);
                assert!(found >= history.shown(acknowledged), "{found} of {acknowledged} are left");
                acknowledged = found;
                for batch in history.batches.iter().skip(found) {
                    if block_on(store.write(batch.clone())).is_err() && block_on(store.write(batch.clone())).is_err() {
                        break;
                    }
                    acknowledged += 1;
                    assert_eq!(history.written(&store), history.shown(acknowledged));
                }
            }
            disk.crash(Survival::None);
            assert_eq!(history.written(&open(&disk, bug).unwrap()), history.shown(acknowledged));
        }
    }
}

/// `the_second_writer_is_told_who_the_first_is`.
fn a_second_writer_is_refused(bug: Option<Bug>) {
    let disk = SimDisk::new(0);
    let _first = open(&disk, bug).unwrap();
    assert!(matches!(open(&disk, bug), Err(Error::Locked { .. })));
}

type Check = fn(Option<Bug>);

/// Which check finds which bug, and which tests it is the essence of.
const TABLE: [(&str, Check, &[Bug]); 5] = [
    (
        "a_reader_follows_its_writer_and_writes_nothing",
        reopening_shows_the_same,
        &[
            Bug::SequenceNumbersRepeat,
            Bug::ChecksumsAreNotChained,
            Bug::PayloadsAreNotWhatTheChecksumsSay,
            Bug::RemovalsAreForgotten,
            Bug::TakenRowsAreForgotten,
            Bug::PartsShowTooEarly,
            Bug::PartsAreForgotten,
            Bug::CursorsAreStoredWithoutRows,
            Bug::EndedRoundsStay,
            Bug::TheRevisionStays,
            Bug::TheLogBeginsTooLate,
            Bug::SegmentsThatAreNeededGo,
            Bug::CarryingForgetsTheEngine,
            Bug::CarryingForgetsRows,
            Bug::CarryingForgetsNotes,
            Bug::CarryingForgetsStagedPages,
            Bug::HintsForgetRows,
        ],
    ),
    (
        "crash_anywhere_converges",
        crashing_anywhere_converges,
        &[
            Bug::FramesAreNotSynced,
            Bug::NamesAreNotSynced,
            Bug::FramesAreAcknowledgedBeforeTheyAreWritten,
            Bug::TornEndsAreNotCut,
            Bug::TornSegmentsStay,
            Bug::SegmentsGoTooEarly,
        ],
    ),
    (
        "a_killed_process_leaves_nothing_unsynced_behind",
        a_killed_process_leaves_nothing_unsynced_behind,
        &[Bug::RecoveryDoesNotSync],
    ),
    (
        "a_failing_disk_loses_nothing_that_was_acknowledged",
        failing_disks_lose_nothing,
        &[
            Bug::SyncErrorsAreSwallowed,
            Bug::FailedSyncsAreTriedAgain,
            Bug::WriteErrorsAreSwallowed,
            Bug::TheEndIsNotRewritten,
        ],
    ),
    ("the_second_writer_is_told_who_the_first_is", a_second_writer_is_refused, &[Bug::TheLockIsNotExclusive]),
];

#[test]
fn every_planted_bug_is_noticed() {
    let mut missed = Vec::new();
    let mut noticed = 0;
    for (test, check, bugs) in TABLE {
        for bug in bugs {
            match catch_unwind(AssertUnwindSafe(|| check(Some(*bug)))) {
                Ok(()) => missed.push(*bug),
                Err(_) => {
                    println!("{bug:?} is noticed as by {test}");
                    noticed += 1;
                }
            }
        }
    }
    assert!(missed.is_empty(), "nobody notices {missed:?}");
    println!("every_planted_bug_is_noticed: {noticed} bugs");
}

#[test]
fn without_a_bug_nothing_is_noticed() {
    for (_, check, _) in TABLE {
        check(None);
    }
}

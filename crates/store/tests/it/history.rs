//! A fixed history, and stores that have lived through it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use delta_core::RoundId;
use delta_core::RoundKind::{self, Full, Incremental};
use store::conformance::{Fixture, block_on, event, master, picture, removed, stub, tile};
use store::disk::SimDisk;
use store::{
    Batch, Discard, EngineState, Error, FileOptions, FileStore, MemoryStore, Part, Publish, Store, Tile, TileId,
};

/// Where replicas are on simulated disks.
pub(crate) const PATH: &str = "/replica";

/// Batches, and what a store shows before the first and after each of them.
pub(crate) struct History {
    pub(crate) batches: Vec<Batch>,
    pub(crate) pictures: Vec<String>,
}

impl History {
    /// Every kind of batch and every kind of layer: staged pages, a run, a round that is discarded, a run with a patch, a
    /// removal and a fetched master, a window that moves, a resync, and changes enough to free space in short segments.
    pub(crate) fn new() -> Self {
        let store = MemoryStore::new();
        let mut recorder = Recorder { fixture: Fixture::new(&store), store: &store, history: Self::empty(&store) };
        let (old, new) = (tile(0, 0, 10), tile(1, 2, 12));
        let pages =
            [vec![event("a", 1, 1), stub("o", "m", 1, 2)], vec![event("b", 1, 7), removed("x"), "{}".to_owned()]];
        let round = recorder.stage(&old, Full, &pages);
        recorder.publish(&[round], &[], &[]);
        let discarded = recorder.stage(&old, Incremental, &[vec![event("c", 1, 3)]]);
        let patch = r#"{"@odata.etag":"W/\"2\"","id":"a","subject":"new"}"#.to_owned();
        let round = recorder.stage(&old, Incremental, &[vec![patch, removed("b")]]);
        // Only now, so that no two states look the same.
        recorder.write(Batch::Discard(Discard { round: discarded }));
        recorder.publish(&[round], &[], &[master("m", 1)]);
        recorder.write(Batch::EngineState(EngineState::new(r#"{"until":1}"#)));
        let round = recorder.stage(&new, Full, &[vec![stub("o", "m", 1, 2), event("d", 1, 4)]]);
        recorder.publish(&[round], &[TileId(0)], &[]);
        // The token is refused, and a full round takes its place. A round for another tile stays open meanwhile.
        recorder.stage(&tile(2, 12, 20), Full, &[vec![event("w", 1, 13)], Vec::new()]);
        let round = recorder.stage(&new, Full, &[vec![event("d", 1, 4), event("e", 1, 5)], vec![stub("o", "m", 2, 2)]]);
        recorder.publish(&[round], &[], &[]);
        for version in 2..5 {
            let round = recorder.stage(&new, Incremental, &[vec![event("e", version, 5)]]);
            recorder.publish(&[round], &[], &[]);
        }
        // One that is begun and given up, and one that is brought to its end.
        let items = [event("e", 5, 5), event("f", 1, 6), stub("o", "m", 3, 2), removed("d"), event("g", 1, 7)];
        let round = recorder.stage(&new, Incremental, &[items.to_vec()]);
        recorder.publish_in_parts(round, false);
        recorder.publish_in_parts(round, true);
        recorder.history
    }

    fn empty(store: &dyn Store) -> Self {
        Self { batches: Vec::new(), pictures: vec![look(store)] }
    }

    /// Writes everything from this batch on.
    pub(crate) fn replay(&self, store: &dyn Store, from: usize) -> Result<(), Error> {
        self.batches[from..].iter().try_for_each(|batch| block_on(store.write(batch.clone())).map(drop))
    }

    /// How many batches a store seems to have that has so many: not the parts of a publish that has no last one yet.
    pub(crate) fn shown(&self, written: usize) -> usize {
        let pictures = &self.pictures;
        pictures.get(written).map_or(written, |shown| pictures.iter().position(|picture| picture == shown).unwrap())
    }

    /// How many batches a store has, going by what it shows.
    pub(crate) fn written(&self, store: &dyn Store) -> usize {
        let found = look(store);
        self.pictures.iter().position(|picture| *picture == found).expect("the store shows a state that never was")
    }

    /// A disk on which all of it was written, and how long its one segment was before the first batch and after each.
    pub(crate) fn on_disk(&self) -> (SimDisk, Vec<usize>) {
        let disk = SimDisk::new(1);
        let store = open(&disk, u64::MAX).unwrap();
        let mut lengths = vec![disk.contents(&segment(1)).unwrap().len()];
        for batch in &self.batches {
            block_on(store.write(batch.clone())).unwrap();
            lengths.push(disk.contents(&segment(1)).unwrap().len());
        }
        (disk, lengths)
    }
}

struct Recorder<'s> {
    fixture: Fixture<'s, MemoryStore>,
    store: &'s MemoryStore,
    history: History,
}

impl Recorder<'_> {
    fn write(&mut self, batch: Batch) {
        block_on(self.store.write(batch.clone())).unwrap();
        self.history.batches.push(batch);
        self.history.pictures.push(look(self.store));
    }

    fn stage(&mut self, tile: &Tile, kind: RoundKind, pages: &[Vec<String>]) -> RoundId {
        let stages = self.fixture.pages(tile, kind, pages);
        let round = stages[0].round;
        stages.into_iter().for_each(|stage| self.write(Batch::Stage(stage)));
        round
    }

    /// Publishes row by row, and the journal with the first of them.
    fn publish_in_parts(&mut self, round: RoundId, to_the_end: bool) {
        let (publish, _) = block_on(self.fixture.plan(&[round], &[], &[]));
        let last = publish.rows.len() as u32 - 1;
        for (number, change) in (0..).zip(publish.rows.clone()) {
            let part = if number < last { Part::Of(number) } else { Part::Last(last) };
            let journal = if number == 0 { publish.journal.clone() } else { Vec::new() };
            if to_the_end || number < 2 {
                self.write(Batch::Publish(Publish {
                    rows: vec![change],
                    journal,
                    part: Some(part),
                    ..publish.clone()
                }));
            }
        }
    }

    fn publish(&mut self, rounds: &[RoundId], retire: &[TileId], fetched: &[String]) {
        let (publish, _) = block_on(self.fixture.plan(rounds, retire, fetched));
        self.write(Batch::Publish(publish));
    }
}

/// How many seeds to go through where everything is gone through: `CALDELTA_CRASH_SEEDS`, or one. With more, nothing is
/// left out.
pub(crate) fn seeds() -> u64 {
    std::env::var("CALDELTA_CRASH_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(1)
}

pub(crate) fn is_thorough() -> bool {
    seeds() > 1
}

/// Everything that a store shows.
pub(crate) fn look(store: &dyn Store) -> String {
    block_on(async { picture(store.view().await.unwrap().as_ref()).await })
}

/// The path of a segment on a simulated disk.
pub(crate) fn segment(number: u32) -> PathBuf {
    Path::new(PATH).join(format!("{number:06}.log"))
}

/// Opens the replica of a simulated disk for writing. With one frame per segment, nothing is freed: that would be most of
/// the work.
pub(crate) fn open(disk: &SimDisk, segment_bytes: u64) -> Result<FileStore, Error> {
    let options = FileOptions { segment_bytes, compact: segment_bytes > 1, ..FileOptions::default() };
    FileStore::open_with(Arc::new(disk.clone()), PATH, options)
}

/// The same, for a log that keeps everything: every batch is one frame.
pub(crate) fn open_uncompacted(disk: &SimDisk, segment_bytes: u64) -> Result<FileStore, Error> {
    let options = FileOptions { segment_bytes, compact: false, ..FileOptions::default() };
    FileStore::open_with(Arc::new(disk.clone()), PATH, options)
}

/// Opens it for reading.
pub(crate) fn read(disk: &SimDisk) -> Result<FileStore, Error> {
    FileStore::read_only_with(Arc::new(disk.clone()), PATH)
}

/// A disk with a replica of one segment with these bytes.
pub(crate) fn disk_with(bytes: &[u8]) -> SimDisk {
    let disk = SimDisk::new(1);
    drop(open(&disk, u64::MAX).unwrap());
    disk.put(&segment(1), bytes);
    disk
}

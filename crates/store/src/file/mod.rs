//! The file backend: an append-only log in a directory, and an index of it in memory.
//!
//! ```text
//! lock          who is writing; never renamed
//! 000007.log    segments of frames, one frame per batch; all but the last are sealed
//! 000007.hint   what the tables need of a sealed segment: a cache
//! 000008.log
//! ```
//!
//! - **A batch is one frame, one write, one sync.** Publishing names the payloads that are staged; none is written twice.
//! - **No id, etag or payload is held in memory.** The index holds where each row is, and views read it when they are asked.
//! - **Only a torn end is ever cut off**, when the store is opened for writing, and what is left is synced before
//!   anything is built on it. Anything else that is not whole is [`Error::Damaged`] and left alone.
//! - **A failed sync is never repeated**: it poisons the store until it is opened again.
//! - **Readers take no lock and write nothing.** They see each frame that is whole when they ask for a view, so after a
//!   power failure they may have seen a batch whose writer was never told that it was written.
//! - **The log loses its beginning, never its middle.** What lives in the oldest segment is written once more at the end,
//!   and then the segment goes: see `compact.rs`. Views that are open keep reading what they have.

mod codec;
mod compact;
mod frame;
mod hint;
mod log;
mod migrate;
mod pages;
mod record;
mod recover;
mod replay;
mod salvage;
mod scan;
mod segment;
mod verify;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use async_trait::async_trait;

use crate::Error;
use crate::batch::{Batch, Part};
use crate::disk::{Disk, Guard, Lock, RealDisk, create_dirs, parent_of};
use crate::index::{Index, Retention, Written};
use crate::model::Revision;
use crate::pinned::Pinned;
use crate::store::{Store, View};
pub(crate) use frame::FORMAT;
pub use migrate::Migrated;
pub use salvage::Salvaged;
pub use verify::Verified;

use log::Log;
use recover::{Ending, Purpose};
use replay::Replay;
use scan::Place;
use segment::Segments;

/// The name of the lock file.
const LOCK: &str = "lock";

/// How a file store is laid out, and how long it keeps what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileOptions {
    /// How many bytes a segment may have before the next one is started. A batch is never split, so a segment with one
    /// frame may be longer. 64 MiB by default.
    pub segment_bytes: u64,
    /// How long the journal's notes are kept.
    pub retention: Retention,
    /// Whether to free space. After a publish, if a segment was sealed since the last look and less than half of the log
    /// is still needed, what is needed of the oldest segments is copied, and they go, until more than half is needed. Over
    /// time this writes each byte about twice. On by default.
    pub compact: bool,
}

impl Default for FileOptions {
    fn default() -> Self {
        Self { segment_bytes: 64 * 1024 * 1024, retention: Retention::default(), compact: true }
    }
}

/// A replica in a directory. Dropping it releases the lock; there is nothing to flush.
#[derive(Debug)]
pub struct FileStore {
    state: RwLock<State>,
    access: AccessTo,
}

/// What views are made of.
#[derive(Debug, Clone)]
struct State {
    index: Index<Segments>,
    segments: Segments,
}

/// How the store goes on from what it has read.
#[derive(Debug)]
enum AccessTo {
    /// By adding to the log.
    Write { log: Mutex<Log>, options: FileOptions, _lock: Box<dyn Guard> },
    /// By reading what a writer has added.
    Read { disk: Arc<dyn Disk>, place: Mutex<Place> },
}

impl FileStore {
    /// Opens a replica for writing, and creates its directory if there is nothing.
    ///
    /// # Errors
    /// [`Error::Locked`] if somebody else is writing to it, [`Error::NotAStore`], [`Error::Newer`], [`Error::Damaged`]
    /// or [`Error::Io`]. Nothing was changed then, unless it was the repair itself that failed: it is done again next
    /// time.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with(Arc::new(RealDisk), path, FileOptions::default())
    }

    /// Opens a replica for writing on a disk of one's own.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn open_with(disk: Arc<dyn Disk>, path: impl AsRef<Path>, options: FileOptions) -> Result<Self, Error> {
        let path = path.as_ref();
        make_dir(disk.as_ref(), path)?;
        // What is no store gets no lock file either.
        if segment::list(disk.as_ref(), path)?.numbers.is_empty() {
            // Before there is anything to lose, the directory itself must be there to stay.
            let parent = parent_of(path);
            disk.sync_dir(parent).map_err(Error::io("sync", parent))?;
        }
        let lock = take_lock(disk.as_ref(), path)?;
        let mut state = State::new(path);
        let mut place = Place::START;
        let ending = state.read(disk.as_ref(), Purpose::Write, &mut place)?;
        let log = Log::resume(disk, state.segments, place, ending, options.segment_bytes)?;
        state.segments = log.segments().clone();
        let access = AccessTo::Write { log: Mutex::new(log), options, _lock: lock };
        Ok(Self { state: RwLock::new(state), access })
    }

    /// Opens a replica for reading, also while another process writes to it: each view shows what is there by then.
    /// Takes no lock, repairs nothing and writes nothing.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), [`Error::Locked`] aside; [`Error::Io`] if there is nothing.
    pub fn read_only(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::read_only_with(Arc::new(RealDisk), path)
    }

    /// Opens a replica for reading on a disk of one's own.
    ///
    /// # Errors
    /// Those of [`read_only`](Self::read_only).
    pub fn read_only_with(disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<Self, Error> {
        let mut state = State::new(path.as_ref());
        let mut place = Place::START;
        state.read(disk.as_ref(), Purpose::Read, &mut place)?;
        Ok(Self { state: RwLock::new(state), access: AccessTo::Read { disk, place: Mutex::new(place) } })
    }

    fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change_state<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes effects and loads them. From there on nothing is needed that comes before the segment `first`.
    fn append(&self, log: &mut Log, written: Written<Segments, String>, first: Option<u32>) -> Result<(), Error> {
        let (effects, taken) = written;
        let ends = !effects.ended.is_empty();
        let mut encoded = codec::encode(effects)?;
        let at = log.append(&mut encoded, first)?;
        let segments = log.segments().clone();
        let mut index = self.look(|state| state.index.clone());
        // What was written is read like anything else.
        let line = encoded.bytes.get(encoded.bytes.len().saturating_sub(encoded.line)..).unwrap_or_default();
        let decoded = codec::decode(line, at, false);
        let changes = decoded.and_then(|decoded| decoded.changes(at, u32::try_from(encoded.line).ok()?));
        let loaded = match changes {
            Some(mut changes) => {
                changes.rows.extend(taken);
                index.load(changes, &segments)
            }
            None => Err(Error::Invalid("a batch can't be read back")),
        };
        match loaded {
            Ok(()) => {
                if ends {
                    segments.forget_pages();
                }
                self.change_state(|state| *state = State { index, segments });
            }
            // The batch is there, and does not show.
            Err(_) => log.poison(),
        }
        loaded
    }

    /// Takes up what a writer has added since the last look.
    fn catch_up(&self, disk: &dyn Disk, place: &Mutex<Place>) -> Result<(), Error> {
        let mut place = locked(place);
        // Apart from the state, which others may be reading; and not half of it, should something be damaged.
        let mut state = self.state();
        let before = *place;
        let read = state.read(disk, Purpose::Read, &mut place);
        if let Err(error) = read {
            *place = before;
            return Err(error);
        }
        if *place != before {
            state.segments.forget_pages();
            self.change_state(|current| *current = state);
        }
        Ok(())
    }
}

#[async_trait]
impl Store for FileStore {
    async fn write(&self, batch: Batch) -> Result<Revision, Error> {
        let AccessTo::Write { log, options, .. } = &self.access else { return Err(Error::ReadOnly) };
        let mut log = locked(log);
        // Between the parts of a publish nothing may come that would make them void.
        let publishes = matches!(&batch, Batch::Publish(publish) if !matches!(publish.part, Some(Part::Of(_))));
        let State { index, segments } = self.state();
        if let Some(written) = index.effects(&segments, batch, options.retention)? {
            drop((index, segments));
            self.append(&mut log, written, None)?;
        }
        if publishes && options.compact {
            // What was published is published. Space that can't be freed now is freed after another run, and a log that
            // can't be written to any more says so then.
            let _ = self.tend(&mut log);
        }
        Ok(self.look(|state| state.index.published().revision))
    }

    fn retention(&self) -> Retention {
        match &self.access {
            AccessTo::Write { options, .. } => options.retention,
            AccessTo::Read { .. } => Retention::default(),
        }
    }

    async fn view(&self) -> Result<Arc<dyn View>, Error> {
        if let AccessTo::Read { disk, place } = &self.access {
            self.catch_up(disk.as_ref(), place)?;
        }
        let State { index, segments } = self.state();
        Ok(Arc::new(Pinned::new(index, segments)))
    }
}

impl State {
    fn new(path: &Path) -> Self {
        Self { index: Index::default(), segments: Segments::new(path) }
    }

    /// Goes on reading from a place.
    fn read(&mut self, disk: &dyn Disk, purpose: Purpose, place: &mut Place) -> Result<Ending, Error> {
        /// How often to start anew when segments go while they are read. Each time the writer has freed one more.
        const TRIES: usize = 100;
        for _ in 0..TRIES {
            let Self { index, segments } = self;
            let mut replay = Replay::new(index);
            let ending =
                recover::read(disk, purpose, segments, place, &mut |segments, frame| replay.visit(frame, segments));
            match ending.and_then(|ending| replay.finish(segments).map(|()| ending)) {
                Ok(Ending::Gone) => {}
                Err(Error::Io { source, .. })
                    if purpose != Purpose::Write && source.kind() == io::ErrorKind::NotFound =>
                {
                    // There was a segment in the list, or nothing is there at all.
                    disk.list(segments.dir()).map_err(Error::io("list", segments.dir()))?;
                }
                Ok(_) if !index.is_whole() => {
                    let (path, offset) = (segments.path(place.segment), place.last);
                    return Err(Error::Damaged { path, offset, what: "pages of a staged round are missing" });
                }
                ending => {
                    segments.begin_at(place.first);
                    return ending;
                }
            }
            (*self, *place) = (Self::new(self.segments.dir()), Place::START);
        }
        let dir = self.segments.dir();
        Err(Error::io("follow the changes of", dir)(io::ErrorKind::ResourceBusy.into()))
    }
}

fn make_dir(disk: &dyn Disk, path: &Path) -> Result<(), Error> {
    match disk.list(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_dirs(disk, path).map_err(Error::io("create the directory", path))
        }
        // Whatever else is wrong with it is found out where it is used.
        _ => Ok(()),
    }
}

fn take_lock(disk: &dyn Disk, path: &Path) -> Result<Box<dyn Guard>, Error> {
    let path = path.join(LOCK);
    let holder = format!("process {}", std::process::id());
    match disk.lock(&path, &holder) {
        Ok(Lock::Held(guard)) => Ok(guard),
        Ok(Lock::Taken(holder)) => Err(Error::Locked { path, holder }),
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            Err(Error::NotAStore { path, why: "a directory has the lock file's name" })
        }
        Err(error) => Err(Error::io("lock", &path)(error)),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

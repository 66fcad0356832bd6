//! What a watch is about to do, for `status` to show: `watch.json` beside the replicas, good as long as `watch.lock` is held.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use delta_core::{Resource, Timestamp};
use serde::{Deserialize, Serialize};
use sync::Trouble;

use crate::exit::{Code, Failure};
use crate::notes::{self, Lock};

const SCHEMA: &str = "watch-note/1";

/// A watch, as it is written down.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WatchNote {
    schema: String,
    /// How often each target is looked at, in seconds.
    pub(crate) every_seconds: u64,
    pub(crate) targets: BTreeMap<Resource, Watched>,
}

/// A target that is watched.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Watched {
    /// When it is looked at next.
    pub(crate) next: Option<Timestamp>,
    /// What is wrong with it, if something is.
    pub(crate) trouble: Option<Trouble>,
    /// The same in words.
    pub(crate) error: Option<String>,
}

/// The right to watch a store, and the note about it. Both end with this.
pub(crate) struct Watching {
    path: PathBuf,
    note: WatchNote,
    _lock: Lock,
}

impl Watching {
    pub(crate) fn begin(store: &Path, every_seconds: u64) -> Result<Self, Failure> {
        let taken = || Failure::new(Code::TryLater, format!("another watch looks after {}", store.display()));
        let lock = Lock::take(&store.join("watch.lock"))?.ok_or_else(taken)?;
        let note = WatchNote { schema: SCHEMA.to_owned(), every_seconds, targets: BTreeMap::new() };
        let watching = Self { path: store.join("watch.json"), note, _lock: lock };
        watching.write()?;
        Ok(watching)
    }

    pub(crate) fn set(&mut self, target: &Resource, watched: Option<Watched>) -> Result<(), Failure> {
        match watched {
            Some(watched) => drop(self.note.targets.insert(target.clone(), watched)),
            None => drop(self.note.targets.remove(target)),
        }
        self.write()
    }

    /// How many targets there are, and how many of them are in trouble.
    pub(crate) fn count(&self) -> (usize, usize) {
        let troubled = self.note.targets.values().filter(|watched| watched.trouble.is_some()).count();
        (self.note.targets.len(), troubled)
    }

    fn write(&self) -> Result<(), Failure> {
        notes::write(&self.path, &self.note)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // Without the lock it says nothing any more.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The watch over a store, if there is one.
pub(crate) fn current(store: &Path) -> Option<WatchNote> {
    let note = notes::read(&store.join("watch.json")).filter(|note: &WatchNote| note.schema == SCHEMA);
    note.filter(|_| Lock::is_held(&store.join("watch.lock")))
}

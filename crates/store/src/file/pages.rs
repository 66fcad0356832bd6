//! What staged pages say, kept in memory for a while: a run looks at each of its pages several times.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::segment::{Leaf, Segments};
use crate::heap::Item;

/// How many items are kept: some megabytes. Of what does not fit all is read again each time, so the first ones stay.
const MOST: usize = 16 * 1024;

/// The pages that were read since the last round ended. They never change where they are.
#[derive(Default)]
pub(super) struct Pages(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    pages: BTreeMap<Leaf, Arc<[Item<Segments>]>>,
    items: usize,
}

impl Pages {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, leaf: &Leaf) -> Option<Arc<[Item<Segments>]>> {
        self.kept().pages.get(leaf).cloned()
    }

    /// Keeps a page, if there is room.
    pub(super) fn keep(&self, leaf: Leaf, items: &Arc<[Item<Segments>]>) {
        let mut kept = self.kept();
        let all = kept.items.saturating_add(items.len());
        if all <= MOST && kept.pages.insert(leaf, Arc::clone(items)).is_none() {
            kept.items = all;
        }
    }

    /// Makes room: of what was read last, something is no longer staged.
    pub(super) fn clear(&self) {
        *self.kept() = Kept::default();
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("items", &self.kept().items).finish()
    }
}

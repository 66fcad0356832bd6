//! How what a backend has written changes the tables.

use std::sync::Arc;

use super::{Facts, Index, Placed, Published, Staging};
use crate::Error;
use crate::batch::Part;
use crate::effects::{Notes, Root};
use crate::heap::Heap;
use crate::key::Key;
use crate::model::{EngineState, Row};

/// What was written, and where it is now.
#[derive(Debug)]
pub(crate) struct Changes<H: Heap> {
    pub(crate) root: Option<Root>,
    pub(crate) engine_state: Option<EngineState>,
    pub(crate) ended: Vec<delta_core::RoundId>,
    pub(crate) pages: Vec<Placed<H::Leaf>>,
    pub(crate) gone: Vec<Key>,
    /// Rows, whether they were staged just so or are new.
    pub(crate) rows: Vec<(Facts, H::Home)>,
    pub(crate) journal: Vec<Notes<H::Text>>,
    pub(crate) part: Option<Part>,
}

impl<H: Heap> Index<H> {
    /// Puts what is put, and removes what goes. Loading the same again changes nothing.
    ///
    /// # Errors
    /// Those of reading the rows that there were. The tables are then of no use any more.
    pub(crate) fn load(&mut self, changes: Changes<H>, heap: &H) -> Result<(), Error> {
        let Changes { root, engine_state, ended, pages, gone, rows, journal, part } = changes;
        if engine_state.is_some() {
            self.engine_state = engine_state;
        }
        let nothing = gone.is_empty() && rows.is_empty() && journal.is_empty();
        if root.is_some() || part.is_some() || !nothing {
            let mut published = match part {
                None | Some(Part::Of(0)) => self.published.clone(),
                Some(_) => self.next.take().map_or_else(|| self.published.clone(), |(_, next)| next),
            };
            let changed = Arc::make_mut(&mut published);
            changed.change(gone, rows, heap)?;
            for notes in journal {
                changed.journal.put(notes);
            }
            if let Some(Root { revision, identity, tiles, retired, first_seq, last_seq }) = root {
                (changed.revision, changed.identity) = (revision, Some(identity));
                (changed.tiles, changed.retired) = (tiles, retired);
                changed.journal.keep(first_seq, last_seq);
            }
            match part {
                Some(Part::Of(number)) => self.next = Some((number.saturating_add(1), published)),
                _ => (self.published, self.next) = (published, None),
            }
        }
        for round in ended {
            self.rounds.remove(&round);
        }
        for page in pages {
            self.stage(page);
        }
        Ok(())
    }

    fn stage(&mut self, page: Placed<H::Leaf>) {
        self.order = self.order.max(page.order.saturating_add(1));
        match self.rounds.get_mut(&page.round) {
            Some(staging) => Arc::make_mut(staging).put(page),
            None => drop(self.rounds.insert(page.round, Arc::new(Staging::new(page)))),
        }
    }

    /// Whether every staged round has all its pages.
    pub(crate) fn is_whole(&self) -> bool {
        self.rounds.values().all(|staging| staging.is_whole())
    }
}

impl<H: Heap> Published<H> {
    pub(super) fn change(&mut self, gone: Vec<Key>, rows: Vec<(Facts, H::Home)>, heap: &H) -> Result<(), Error> {
        for key in gone {
            if let Some(was) = self.was(key, heap)? {
                self.rows.remove(&was);
            }
        }
        for (now, home) in rows {
            let was = self.was(now.key, heap)?;
            self.rows.put(was.as_ref(), &now, home);
        }
        Ok(())
    }

    /// What there is to know of a row that is there.
    fn was(&self, key: Key, heap: &H) -> Result<Option<Facts>, Error> {
        self.rows.get(key).map(|home| heap.row(home).map(|row| facts(&row, heap))).transpose()
    }
}

/// What there is to know of a row.
pub(crate) fn facts<H: Heap>(row: &Row<H::Text>, heap: &H) -> Facts {
    let mut payloads = 0_u64;
    let _ = row.layers.as_ref().map(|text| payloads = payloads.saturating_add(heap.len(text)));
    Facts::of(row, payloads)
}

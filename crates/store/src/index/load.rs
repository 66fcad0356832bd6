//! How effects change the tables.

use std::sync::Arc;

use super::{Index, Staging};
use crate::effects::{Effects, Page, Root};

impl<P: Clone> Index<P> {
    /// Puts what is put, and removes what goes. Loading the same again changes nothing.
    pub(crate) fn load(&mut self, effects: Effects<P>) {
        let Effects { root, engine_state, ended, pages, gone, rows, journal } = effects;
        for round in ended {
            self.rounds.remove(&round);
        }
        for page in pages {
            self.stage(page);
        }
        if engine_state.is_some() {
            self.engine_state = engine_state;
        }
        if root.is_none() && gone.is_empty() && rows.is_empty() && journal.is_empty() {
            // The tables would be copied if somebody else had them.
            return;
        }
        let published = Arc::make_mut(&mut self.published);
        for id in gone {
            published.rows.remove(&id);
        }
        for row in rows {
            published.rows.put(row);
        }
        for notes in journal {
            published.journal.put(notes);
        }
        if let Some(Root { revision, identity, tiles, retired, first_seq, last_seq }) = root {
            published.revision = revision;
            published.identity = Some(identity);
            published.tiles = tiles;
            published.retired = retired;
            published.journal.keep(first_seq, last_seq);
        }
    }

    fn stage(&mut self, page: Page<P>) {
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

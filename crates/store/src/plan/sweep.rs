//! What goes because it was not mentioned, and what goes with its tile.

use std::sync::Arc;

use super::questions::{covers, touches};
use super::row::Fate;
use super::{Plan, ROWS, Reading, Round};
use crate::Error;
use crate::model::{Row, TileId, What};

impl Plan<'_> {
    /// Takes the holds off the rows that a full round of their tile did not mention, and those of the tiles that go.
    pub(super) async fn sweep(&mut self, retire: &[TileId]) -> Result<(), Error> {
        if retire.is_empty() && !self.rounds.iter().any(Round::sweeps) {
            return Ok(());
        }
        let mut after: Option<Arc<str>> = None;
        loop {
            let rows = self.view.rows(after.as_deref(), ROWS).await?;
            for row in &rows {
                self.sweep_row(row, retire).await?;
            }
            match rows.last() {
                Some(last) if rows.len() == ROWS => after = Some(last.meta.id.clone()),
                _ => return Ok(()),
            }
        }
    }

    async fn sweep_row(&mut self, row: &Row, retire: &[TileId]) -> Result<(), Error> {
        let id = &row.meta.id;
        for tile in &row.holds {
            let silent =
                self.rounds.iter().find(|round| round.sweeps() && round.tile() == *tile && !round.seen.contains(id));
            if let Some(reason) = silent.map(|round| round.reason) {
                self.work(id).await?.drop_hold(*tile, reason);
            } else if retire.contains(tile) {
                let fate = self.fate(row, *tile);
                self.work(id).await?.leave(*tile, fate);
            }
        }
        Ok(())
    }

    /// What becomes of a row whose tile goes. If a round of this run that reads everything has mentioned it, even in an
    /// item that could not be understood, it is there, and that round's tile takes it over. If one has read the dates that
    /// the row is at without mentioning it, it is not the window that it left; unless that round can't tell what is not
    /// there: then the row stays until a round can. A tile without a window goes when its start moves: a row that is
    /// silent then may be before the new one, so nothing shows that it is deleted.
    fn fate(&self, row: &Row, tile: TileId) -> Fate {
        let mut readers = self.rounds.iter().filter(|round| round.reads_everything());
        if let Some(heir) = readers.clone().find(|round| round.seen.contains(&row.meta.id)) {
            return Fate::Heir(heir.tile());
        }
        match readers.clone().find(|round| !round.sweeps() && touches(&round.staged, row)) {
            Some(blind) => Fate::Heir(blind.tile()),
            None if self.has_window(tile) && readers.any(|round| covers(&round.staged, row)) => {
                Fate::Lost(What::Deleted)
            }
            None => Fate::Lost(What::LeftWindow),
        }
    }

    fn has_window(&self, tile: TileId) -> bool {
        self.view.tiles().iter().any(|known| known.id == tile && known.window.is_some())
    }

    /// Looks at the rows that earlier runs could not decide, if this one can.
    pub(super) async fn settle(&mut self) -> Result<(), Error> {
        let mut after: Option<Arc<str>> = None;
        while self.reading != Reading::Partial {
            let rows = self.view.unsettled(after.as_deref(), ROWS).await?;
            for row in &rows {
                self.work(&row.meta.id).await?;
            }
            match rows.last() {
                Some(last) if rows.len() == ROWS => after = Some(last.meta.id.clone()),
                _ => break,
            }
        }
        Ok(())
    }
}

impl Round {
    /// Whether what it did not mention is gone.
    fn sweeps(&self) -> bool {
        self.is_full() && !self.blind
    }

    pub(super) fn reads_everything(&self) -> bool {
        self.is_full() || self.staged.is_listing()
    }
}

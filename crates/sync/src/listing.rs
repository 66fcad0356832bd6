//! Snapshot mode: a plain listing of the tile's window, where delta queries don't get through.

use delta_core::{RoundId, RoundKind, Snapshot};
use store::{Batch, Position, Stage};

use crate::error::Error;
use crate::observer::Notice;
use crate::run::Run;

impl Run<'_> {
    /// The listing that can stand in for a round, if there is one.
    pub(crate) fn listing(&self) -> Option<Snapshot> {
        Snapshot::new(self.target.clone(), self.engine.options(self.preferences()))
    }

    /// Lists the window and stages what there is. A listing takes the place of whatever is staged, once there is one, and of
    /// the delta link: what the listing has seen and was deleted before that link is followed would never be told of
    /// (observed: what came and went between two rounds leaves no `@removed`).
    pub(crate) async fn list(&mut self, mut listing: Snapshot) -> Result<(), Error> {
        let round = RoundId::new(self.engine.options(self.preferences()).seed);
        self.report.resumed_pages = 0;
        self.report.listing = true;
        self.report.round = RoundKind::Incremental;
        self.engine.observer.notice(&Notice::Listing { window: self.tile.window });
        while let Some(listed) = self.ask(&mut listing).await? {
            let position = if listed.last { Position::Listed } else { Position::Listing };
            let number = listing.page();
            if number == 1 {
                for staged in self.store.view().await?.rounds() {
                    self.discard(staged.round).await?;
                }
            }
            let tile = self.tile.clone();
            let kind = RoundKind::Incremental;
            let stage = Stage::page(round, kind, tile, number.saturating_sub(1), &listed.page, position);
            self.store.write(Batch::Stage(stage)).await?;
            self.count(number, &listed.page, listed.last);
        }
        Ok(())
    }
}

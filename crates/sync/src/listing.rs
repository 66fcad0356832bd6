//! Snapshot mode: a plain listing of the tile's window, where delta queries don't get through.

use delta_core::{RoundId, RoundKind, Snapshot};
use store::{Batch, Position, Stage};

use crate::error::Error;
use crate::observer::Notice;
use crate::part::Part;

impl Part<'_> {
    /// The listing that can stand in for a round, if there is one.
    pub(crate) fn listing(&self) -> Option<Snapshot> {
        Snapshot::new(self.target.clone(), self.run.engine.options(self.preferences()))
    }

    /// Lists the window and stages what there is. A listing takes the place of whatever is staged, once there is one, and of
    /// the delta link: what the listing has seen and was deleted before that link is followed would never be told of
    /// (observed: what came and went between two rounds leaves no `@removed`).
    pub(crate) async fn list(&mut self, mut listing: Snapshot) -> Result<(), Error> {
        let round = RoundId::new(self.run.engine.options(self.preferences()).seed);
        (self.report.resumed_pages, self.report.listing) = (0, true);
        self.report.round = RoundKind::Incremental;
        self.run.engine.observer.notice(&Notice::Listing { window: self.tile.window });
        while let Some(listed) = self.run.ask(&mut listing).await? {
            let position = if listed.last { Position::Listed } else { Position::Listing };
            let number = listing.page();
            if number == 1 {
                let staged = self.run.store.view().await?.rounds();
                for staged in staged.into_iter().filter(|staged| staged.tile.id == self.tile.id) {
                    self.run.discard(staged.round).await?;
                }
            }
            let tile = self.tile.clone();
            let kind = RoundKind::Incremental;
            let stage = Stage::page(round, kind, tile, number.saturating_sub(1), &listed.page, position);
            self.run.store.write(Batch::Stage(stage)).await?;
            self.count(number, &listed.page, listed.last);
        }
        Ok(())
    }
}

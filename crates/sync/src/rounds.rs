//! Delta rounds: taking one up, driving it to its end, staging its pages.

use bytes::Bytes;
use delta_core::{FailureKind, Page, Refusal, Round, RoundKind, RoundOptions, Step, Target};
use store::{Batch, Position, Stage, StagedRound, View};

use crate::error::Error;
use crate::health::Restarted;
use crate::observer::Notice;
use crate::run::Run;
use crate::token::Want;

/// How often one round may begin anew as a full one.
const FULL_RESTARTS: usize = 3;

impl Run<'_> {
    /// Reads what changed, or everything, and stages it.
    pub(crate) async fn read(&mut self, view: &dyn View) -> Result<(), Error> {
        let round = match self.take_up(view).await? {
            Left::Nothing => self.fresh()?,
            Left::Unfinished(round) => *round,
            Left::Complete => return Ok(()),
        };
        let begins = round.kind() == RoundKind::Full && self.report.resumed_pages == 0;
        let left = self.health.full_rounds_left(self.engine.limits.full_rounds);
        if begins && left == 0 {
            return Err(Error::TooManyFullRounds { begun: self.health.full_rounds.len() });
        }
        let restarts = left.saturating_sub(usize::from(begins)).min(FULL_RESTARTS);
        let options = RoundOptions { full_restarts: restarts as u32, ..self.engine.options(self.preferences()) };
        self.drive(round.with_options(options)).await
    }

    /// What an earlier run has left of this tile's round. Rounds that nobody will finish are discarded.
    pub(crate) async fn take_up(&mut self, view: &dyn View) -> Result<Left, Error> {
        let mut left = Left::Nothing;
        for staged in view.rounds() {
            let wanted = matches!(left, Left::Nothing) && staged.tile.id == self.tile.id;
            match if wanted { self.resume(&staged) } else { Left::Nothing } {
                Left::Nothing => self.discard(staged.round).await?,
                taken => {
                    self.report.resumed_pages = staged.pages;
                    self.report.round = staged.kind;
                    self.announce(staged.kind, staged.pages);
                    left = taken;
                }
            }
        }
        Ok(left)
    }

    /// A round that goes on where its staged pages end.
    fn resume(&self, staged: &StagedRound) -> Left {
        match &staged.position {
            Position::Paging(checkpoint) => {
                let round = Round::resume(self.target.clone(), checkpoint).and_then(|round| match &self.tile.link {
                    Some(link) => round.with_origin(link),
                    None => Ok(round),
                });
                round.map_or(Left::Nothing, |round| Left::Unfinished(Box::new(round)))
            }
            // Before the first publish nothing else says whose pages these are.
            Position::Complete(link) if self.target.owns(link) => Left::Complete,
            Position::Complete(_) | Position::Listing | Position::Listed => Left::Nothing,
        }
    }

    /// A new round: from the tile's delta link, or a full one.
    fn fresh(&self) -> Result<Round, Error> {
        let target: Target = self.target.clone();
        let round = match &self.tile.link {
            Some(link) if !self.is_full_round_due() => Round::incremental(target, link)?,
            _ => Round::full(target),
        };
        self.announce(round.kind(), 0);
        Ok(round)
    }

    /// After an item that could not be understood a full round is due, once a day: full rounds cost the mailbox storage.
    fn is_full_round_due(&self) -> bool {
        self.tile.unswept && self.health.full_rounds.is_empty()
    }

    fn announce(&self, kind: RoundKind, staged: u32) {
        self.engine.observer.notice(&Notice::Round { kind, window: self.tile.window, staged });
    }

    /// Drives a round to its end, and stages its pages. What is staged of a round that can't go on is discarded: taken
    /// up again, it would end in the same way for ever.
    async fn drive(&mut self, mut round: Round) -> Result<(), Error> {
        let driven = self.drive_on(&mut round).await;
        // A size that only failed is not one that works.
        if matches!(driven, Ok(()) | Err(Error::Throttled { .. } | Error::OutOfTime { .. })) {
            self.health.learn(self.replica.page_size, round.page_size(), self.engine.timer.now());
        }
        let stuck = self.report.resumed_pages > 0 && self.report.pages == 0;
        if let Err(Error::Round(error)) = &driven
            && (is_dead_end(error) || (stuck && is_no_page(error)))
        {
            self.discard(round.id()).await?;
        }
        driven
    }

    async fn drive_on(&mut self, round: &mut Round) -> Result<(), Error> {
        let mut want = Want::Good;
        while let Some(request) = round.request() {
            let size = round.page_size();
            let step = match self.send(request, &want).await? {
                Ok(response) => round.receive(response)?,
                Err(failure) => round.fail(failure)?,
            };
            if let (true, Some(now)) = (round.page_size() != size, round.page_size()) {
                let before = size.map_or_else(|| "the server's own size".to_owned(), |size| size.to_string());
                self.degrade(format!("pages of {now} instead of {before}"));
            }
            want = Want::Good;
            match step {
                Step::Page { page, checkpoint } => self.stage(round, &page, Position::Paging(checkpoint)).await?,
                Step::Complete { page, link } => self.stage(round, &page, Position::Complete(link)).await?,
                Step::Wait(wait) => self.wait(&wait).await?,
                Step::Authenticate(challenge) => want = self.challenged(challenge),
                Step::Restart(restart) => {
                    self.engine.observer.notice(&Notice::Restart(&restart));
                    self.discard(restart.void).await?;
                    let (reason, request_id) = (restart.reason, restart.ids.request_id);
                    self.report.run.restarts.push(Restarted { round: restart.kind, reason, request_id });
                    self.report.resumed_pages = 0;
                    self.announce(round.kind(), 0);
                }
            }
        }
        self.report.round = round.kind();
        Ok(())
    }

    async fn stage(&mut self, round: &Round, page: &Page<Bytes>, position: Position) -> Result<(), Error> {
        let last = position.is_last();
        let number = round.page();
        if number == 1 && round.kind() == RoundKind::Full {
            // Now the server has begun to keep its state, which is what it costs.
            self.health.full_rounds.push(self.engine.timer.now());
            self.remember().await?;
        }
        let tile = self.tile.clone();
        let stage = Stage::page(round.id(), round.kind(), tile, number.saturating_sub(1), page, position);
        self.store.write(Batch::Stage(stage)).await?;
        self.count(number, page, last);
        Ok(())
    }

    /// Counts a page that was staged.
    pub(crate) fn count(&mut self, number: u32, page: &Page<Bytes>, last: bool) {
        self.report.pages = self.report.pages.saturating_add(1);
        self.report.items = self.report.items.saturating_add(page.len() as u64);
        self.engine.observer.notice(&Notice::Page { number, page, last });
    }
}

/// Whether what should have been a page is none.
fn is_no_page(error: &delta_core::Error) -> bool {
    match error {
        delta_core::Error::NoResponse { failure, .. } => failure.kind == FailureKind::BodyTooLarge,
        delta_core::Error::NotAPage { .. }
        | delta_core::Error::NoLink { .. }
        | delta_core::Error::Redirected { .. } => true,
        _ => false,
    }
}

/// What an earlier run has left of a round.
pub(crate) enum Left {
    /// Nothing that could be taken up.
    Nothing,
    /// Some of its pages.
    Unfinished(Box<Round>),
    /// All of its pages: it only has to be published.
    Complete,
}

/// Whether the round itself is what can't go on: its link is dead or points elsewhere, or its pages never end.
fn is_dead_end(error: &delta_core::Error) -> bool {
    match error {
        delta_core::Error::Refused { refusal, .. } => matches!(
            refusal,
            Refusal::BadRequest
                | Refusal::NotFound
                | Refusal::Forgotten
                | Refusal::ForbiddenLink
                | Refusal::QuotaExceeded
        ),
        delta_core::Error::Stalled { .. } | delta_core::Error::Link(_) => true,
        _ => false,
    }
}

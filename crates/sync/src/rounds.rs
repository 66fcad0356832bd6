//! Delta rounds: taking one up, driving it to its end, staging its pages.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use delta_core::{
    FailureKind, Page, Phase, Refusal, RequestIds, Restart, Round, RoundKind, RoundOptions, Stall, Step, Target,
};
use store::{Batch, Position, Stage, StagedRound};

use crate::error::Error;
use crate::health::Restarted;
use crate::observer::Notice;
use crate::part::{Part, State};
use crate::token::Want;

/// How often one round may begin anew as a full one.
const FULL_RESTARTS: usize = 3;
/// How many empty pages a part of a window may begin with that was split just now.
const MOST_EMPTY: u32 = 10;
/// For how long a delta link is surely remembered where nothing pushes it out, in days. Nobody has measured it: those that
/// guess say a week, and more.
const RECENT_DAYS: i64 = 2;

impl Part<'_> {
    /// Reads what changed, or everything, and stages it.
    pub(crate) async fn read_round(&mut self) -> Result<State, Error> {
        let round = match std::mem::replace(&mut self.left, Left::Nothing) {
            Left::Nothing => self.fresh()?,
            Left::Unfinished(round) => *round,
            Left::Complete => return Ok(State::Read),
        };
        self.report.round = round.kind();
        let begins = round.kind() == RoundKind::Full && self.report.resumed_pages == 0;
        let left = self.full_rounds_left();
        if begins && left == 0 {
            return Err(Error::TooManyFullRounds { begun: self.run.health().full_rounds.len() });
        }
        let restarts = left.saturating_sub(usize::from(begins)).min(FULL_RESTARTS);
        let options = RoundOptions { full_restarts: restarts as u32, ..self.run.engine.options(self.preferences()) };
        self.drive(round.with_options(options)).await
    }

    /// How many full rounds may still be begun today, of all tiles together.
    fn full_rounds_left(&self) -> usize {
        let allowed = self.run.engine.limits.full_rounds.saturating_mul(self.siblings);
        self.run.health().full_rounds_left(allowed)
    }

    /// A round that goes on where its staged pages end.
    pub(crate) fn resume(&self, staged: &StagedRound) -> Left {
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
        self.tile.unswept && self.run.may_read_again
    }

    pub(crate) fn announce(&self, kind: RoundKind, staged: u32) {
        self.run.engine.observer.notice(&Notice::Round { kind, window: self.tile.window, staged });
    }

    /// Drives a round to its end, and stages its pages. What is staged of a round that can't go on is discarded: taken
    /// up again, it would end in the same way for ever.
    async fn drive(&mut self, mut round: Round) -> Result<State, Error> {
        let driven = self.drive_on(&mut round).await;
        // A size that only failed is not one that works.
        if matches!(driven, Ok(State::Read) | Err(Error::Throttled { .. } | Error::OutOfTime { .. })) {
            let (asked, worked) = (self.run.replica.page_size, round.page_size());
            self.run.health().learn(self.tile.id, asked, worked, self.now());
        }
        let stuck = self.report.resumed_pages > 0 && self.report.pages == 0;
        if let Err(Error::Round(error)) = &driven
            && (is_dead_end(error) || (stuck && is_no_page(error)))
        {
            self.run.discard(round.id()).await?;
        }
        driven
    }

    async fn drive_on(&mut self, round: &mut Round) -> Result<State, Error> {
        let mut want = Want::Good;
        while let Some(request) = round.request() {
            if self.is_superseded() {
                return Ok(State::Abandoned);
            }
            let (size, recent) = (round.page_size(), self.is_recent(round));
            let step = match self.run.send(request, &want).await? {
                Ok(response) => round.receive(response)?,
                Err(failure) => round.fail(failure)?,
            };
            if let (true, Some(now)) = (round.page_size() != size, round.page_size()) {
                let before = size.map_or_else(|| "the server's own size".to_owned(), |size| size.to_string());
                self.run.degrade(format!("pages of {now} instead of {before}"));
            }
            want = Want::Good;
            self.doubt_empty_pages(&step)?;
            match step {
                Step::Page { page, checkpoint } => self.stage(round, &page, Position::Paging(checkpoint)).await?,
                Step::Complete { page, link } => self.stage(round, &page, Position::Complete(link)).await?,
                Step::Wait(wait) => self.run.wait(&wait).await?,
                Step::Authenticate(challenge) => want = self.run.challenged(challenge),
                Step::Restart(restart) => {
                    // Larger pages are no reason to think that the link is dead.
                    let clashes = recent && round.page_size() == size && self.run.clash(self.siblings);
                    self.begin_anew(restart, round.kind()).await?;
                    if clashes {
                        return Ok(State::Abandoned);
                    }
                }
            }
        }
        Ok(State::Read)
    }

    /// Pages of a window that never end don't end in its parts either, and a part may well be empty: what is normal elsewhere
    /// is given up here.
    fn doubt_empty_pages<B: AsRef<[u8]>>(&self, step: &Step<B>) -> Result<(), Error> {
        let empty = matches!(step, Step::Page { page, .. } if page.is_empty());
        if empty && self.report.items == 0 && self.report.pages >= MOST_EMPTY && self.run.is_part(self.tile.window) {
            let (pages, ids) = (self.report.pages, RequestIds::default());
            return Err(Error::Round(delta_core::Error::Stalled { stall: Stall::Empty, pages, ids }));
        }
        Ok(())
    }

    async fn begin_anew(&mut self, restart: Restart, kind: RoundKind) -> Result<(), Error> {
        self.run.engine.observer.notice(&Notice::Restart(&restart));
        self.run.discard(restart.void).await?;
        let (reason, request_id) = (restart.reason, restart.ids.request_id);
        self.run.report().run.restarts.push(Restarted { round: restart.kind, reason, request_id });
        (self.report.resumed_pages, self.report.round) = (0, kind);
        self.announce(kind, 0);
        Ok(())
    }

    /// Whether there is to be one tile instead of this one and its siblings.
    fn is_superseded(&self) -> bool {
        self.siblings > 1 && self.run.collapsed.load(Ordering::Relaxed)
    }

    /// Whether a round's link is so recent that only the rounds of siblings explain it if it is forgotten.
    fn is_recent(&self, round: &Round) -> bool {
        let recent = match (round.phase(), round.kind()) {
            (Phase::Paging, _) => self.report.pages > 0,
            (_, RoundKind::Incremental) => {
                self.tile.synced_at.is_some_and(|at| self.run.started < at.plus_days(RECENT_DAYS))
            }
            (_, RoundKind::Full) => false,
        };
        recent && self.siblings > 1
    }

    async fn stage(&mut self, round: &Round, page: &Page<Bytes>, position: Position) -> Result<(), Error> {
        let last = position.is_last();
        let number = round.page();
        if number == 1 && round.kind() == RoundKind::Full {
            // Now the server has begun to keep its state, which is what it costs.
            let now = self.now();
            self.run.health().full_rounds.push(now);
            self.run.remember().await?;
        }
        let (id, kind, tile) = (round.id(), round.kind(), self.tile.clone());
        if number == 1 && kind == RoundKind::Incremental && last && page.is_empty() {
            // Most rounds are so. Publishing where it ended is the one write that they take.
            self.silent = Some(StagedRound { round: id, kind, tile, pages: 0, position });
        } else {
            let stage = Stage::page(id, kind, tile, number.saturating_sub(1), page, position);
            self.run.store.write(Batch::Stage(stage)).await?;
        }
        self.count(number, page, last);
        Ok(())
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

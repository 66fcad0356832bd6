//! A run: the rounds of a replica's tiles, staged page by page, then published at once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use delta_core::{Page, RequestLine, Round, RoundId, RoundKind, RoundOptions, Step, Target, Timestamp, Wait};
use http::Request;
use http::header::AUTHORIZATION;
use store::{Batch, Discard, Identity, Position, Stage, StagedRound, Store, Tile, View};

use crate::body::{BodyLimits, exchange};
use crate::error::Error;
use crate::observer::{Notice, Observer};
use crate::replica::Replica;
use crate::report::SyncReport;
use crate::timer::Timer;
use crate::token::{TokenProvider, Want};
use crate::transport::Transport;

/// Keeps replicas up to date: joins a transport, a token provider, a timer and a store.
///
/// A run is safe to drop at any moment, and safe to repeat: pages are staged durably as they come, a later run goes on
/// where an earlier one stopped, and readers see nothing of it until all of it is published.
#[derive(Clone)]
pub struct Synchronizer {
    transport: Arc<dyn Transport>,
    tokens: Arc<dyn TokenProvider>,
    timer: Arc<dyn Timer>,
    observer: Arc<dyn Observer>,
    seed: u64,
    /// How many rounds were begun: each gets a seed of its own.
    rounds: Arc<AtomicU64>,
    limits: BodyLimits,
    max_wait: Duration,
}

/// How long a run may wait in one go, unless told otherwise.
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);

impl Synchronizer {
    /// A synchroniser. `seed` is what rounds and requests get their ids and jitter from: give each process its own.
    pub fn new(
        transport: impl Transport + 'static,
        tokens: impl TokenProvider + 'static,
        timer: impl Timer + 'static,
        seed: u64,
    ) -> Self {
        Self {
            transport: Arc::new(transport),
            tokens: Arc::new(tokens),
            timer: Arc::new(timer),
            observer: Arc::new(()),
            seed,
            rounds: Arc::default(),
            limits: BodyLimits::default(),
            max_wait: MAX_WAIT,
        }
    }

    /// The same, watched.
    #[must_use]
    pub fn with_observer(self, observer: impl Observer + 'static) -> Self {
        Self { observer: Arc::new(observer), ..self }
    }

    /// The same, with other limits for bodies.
    #[must_use]
    pub fn with_body_limits(self, limits: BodyLimits) -> Self {
        Self { limits, ..self }
    }

    /// The same, with another longest pause than 15 minutes. A run that is asked for a longer one ends with
    /// [`Error::Throttled`], and the next run goes on from there.
    #[must_use]
    pub fn with_max_wait(self, max_wait: Duration) -> Self {
        Self { max_wait, ..self }
    }

    /// Brings a replica up to date.
    ///
    /// A run that takes up what an earlier one has left publishes it, which may be as old as the earlier run, and then
    /// reads on from there: when this returns, the replica is as the server was after the call, not before it.
    ///
    /// # Errors
    /// Whatever ended the run. What was published before is not lost.
    pub async fn run(&self, replica: &Replica, store: &dyn Store) -> Result<SyncReport, Error> {
        let report = self.run_once(replica, store).await?;
        if report.resumed_pages == 0 {
            return Ok(report);
        }
        Ok(report.followed_by(self.run_once(replica, store).await?))
    }

    /// One round, staged and published.
    async fn run_once(&self, replica: &Replica, store: &dyn Store) -> Result<SyncReport, Error> {
        let view = store.view().await?;
        let now = self.timer.now();
        let tile = replica.tile(view.as_ref(), now)?;
        let target = replica.target(&tile)?;
        let run = Run { engine: self, store, tile: &tile };
        let mut report = SyncReport::new(replica, &tile, now);

        let identity = replica.identity(&target);
        if let Some(stored) = view.identity() {
            stored.check(&identity)?;
        }
        let options = || self.round_options(replica);
        let fresh = |target| Ok::<_, Error>(run.fresh(target, now)?.with_options(options()));
        match run.take_up(&target, view.as_ref(), &mut report).await? {
            Left::Nothing => run.drive(fresh(target)?, &mut report).await?,
            Left::Unfinished(round) => match run.drive(round.with_options(options()), &mut report).await {
                Err(error) if is_dead_link(&error, &report) => {
                    report.resumed_pages = 0;
                    run.drive(fresh(target)?, &mut report).await?;
                }
                outcome => outcome?,
            },
            Left::Complete => {}
        }
        run.publish(identity, &mut report).await?;
        report.finished = self.timer.now();
        Ok(report)
    }

    /// Options for a new round, with a seed that no other round of this synchroniser has.
    fn round_options(&self, replica: &Replica) -> RoundOptions {
        let number = self.rounds.fetch_add(1, Ordering::Relaxed);
        // An odd factor: different numbers give different seeds.
        let seed = self.seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        RoundOptions { preferences: replica.preferences(), seed, ..RoundOptions::default() }
    }

    /// Sends one request with a token, and tells the round what came of it.
    async fn ask(&self, round: &mut Round, mut request: Request<Vec<u8>>, want: &Want) -> Result<Asked, Error> {
        self.observer.notice(&Notice::Request(&RequestLine::of(&request)));
        let token = self.tokens.token(want).await?;
        request.headers_mut().insert(AUTHORIZATION, token.header());
        match exchange(&self.transport, request, &self.limits).await {
            Ok(response) => {
                let (status, bytes) = (response.status(), response.body().len());
                self.observer.notice(&Notice::Response { status, bytes });
                Ok(Asked { step: round.receive(response)?, bytes })
            }
            Err(failure) => Ok(Asked { step: round.fail(failure)?, bytes: 0 }),
        }
    }
}

impl fmt::Debug for Synchronizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Synchronizer").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What came of a request.
struct Asked {
    step: Step<Bytes>,
    bytes: usize,
}

/// One run over one tile.
struct Run<'a> {
    engine: &'a Synchronizer,
    store: &'a dyn Store,
    tile: &'a Tile,
}

impl Run<'_> {
    /// What an earlier run has left of this tile's round. Rounds that nobody will finish are discarded.
    async fn take_up(&self, target: &Target, view: &dyn View, report: &mut SyncReport) -> Result<Left, Error> {
        let mut left = Left::Nothing;
        for staged in view.rounds() {
            let wanted = matches!(left, Left::Nothing) && staged.tile.id == self.tile.id;
            match if wanted { resume(target, &staged) } else { Left::Nothing } {
                Left::Nothing => self.discard(staged.round).await?,
                taken => {
                    report.resumed_pages = staged.pages;
                    report.round = staged.kind;
                    self.announce(staged.kind, staged.pages);
                    left = taken;
                }
            }
        }
        Ok(left)
    }

    /// A new round: from the tile's delta link, or a full one.
    fn fresh(&self, target: Target, now: Timestamp) -> Result<Round, Error> {
        let round = match &self.tile.link {
            Some(link) if !self.is_full_round_due(now) => Round::incremental(target, link)?,
            _ => Round::full(target),
        };
        self.announce(round.kind(), 0);
        Ok(round)
    }

    /// After an item that could not be understood a full round is due, once a day: full rounds cost the mailbox storage.
    fn is_full_round_due(&self, now: Timestamp) -> bool {
        self.tile.unswept && self.tile.full_at.is_none_or(|full_at| full_at.plus_days(1) <= now)
    }

    fn announce(&self, kind: RoundKind, staged: u32) {
        self.engine.observer.notice(&Notice::Round { kind, window: self.tile.window, staged });
    }

    /// Drives a round to its end, and stages its pages. What is staged of a round that can't go on is discarded: taken
    /// up again, it would end in the same way for ever.
    async fn drive(&self, mut round: Round, report: &mut SyncReport) -> Result<(), Error> {
        let driven = self.drive_on(&mut round, report).await;
        if let Err(Error::Round(error)) = &driven
            && is_dead_end(error)
        {
            self.discard(round.id()).await?;
        }
        driven
    }

    async fn drive_on(&self, round: &mut Round, report: &mut SyncReport) -> Result<(), Error> {
        let mut want = Want::Good;
        while let Some(request) = round.request() {
            report.requests += 1;
            let Asked { step, bytes } = self.engine.ask(round, request, &want).await?;
            report.bytes += bytes as u64;
            want = Want::Good;
            match step {
                Step::Page { page, checkpoint } => {
                    self.stage(round, &page, Position::Paging(checkpoint), report).await?;
                }
                Step::Complete { page, link } => self.stage(round, &page, Position::Complete(link), report).await?,
                Step::Wait(wait) => self.wait(wait, report).await?,
                Step::Authenticate(challenge) => {
                    self.engine.observer.notice(&Notice::Authenticate);
                    want = challenge.claims.map_or(Want::Fresh, Want::WithClaims);
                }
                Step::Restart(restart) => {
                    self.engine.observer.notice(&Notice::Restart(&restart));
                    self.discard(restart.void).await?;
                    report.restarts.push(restart.reason);
                    report.resumed_pages = 0;
                    self.announce(round.kind(), 0);
                }
            }
        }
        report.round = round.kind();
        Ok(())
    }

    async fn stage(
        &self,
        round: &Round,
        page: &Page<Bytes>,
        position: Position,
        report: &mut SyncReport,
    ) -> Result<(), Error> {
        let last = matches!(position, Position::Complete(_));
        let number = round.page();
        let tile = self.tile.clone();
        let stage = Stage::page(round.id(), round.kind(), tile, number.saturating_sub(1), page, position);
        self.store.write(Batch::Stage(stage)).await?;
        report.pages += 1;
        report.items += page.len() as u64;
        self.engine.observer.notice(&Notice::Page { number, page, last });
        Ok(())
    }

    async fn wait(&self, wait: Wait, report: &mut SyncReport) -> Result<(), Error> {
        if wait.duration > self.engine.max_wait {
            return Err(Error::Throttled(wait));
        }
        self.engine.observer.notice(&Notice::Wait(&wait));
        report.waits += 1;
        report.waited_seconds += wait.duration.as_secs_f64();
        self.engine.timer.sleep(wait.duration).await;
        Ok(())
    }

    async fn discard(&self, round: RoundId) -> Result<(), Error> {
        self.store.write(Batch::Discard(Discard { round })).await?;
        Ok(())
    }

    /// Publishes the staged round. The tile that was there before, if it is another one, is retired in the same step.
    async fn publish(&self, identity: Identity, report: &mut SyncReport) -> Result<(), Error> {
        let view = self.store.view().await?;
        let rounds = view.rounds().iter().filter(|staged| staged.tile.id == self.tile.id).map(|s| s.round).collect();
        let retire = view.tiles().iter().map(|tile| tile.id).filter(|id| *id != self.tile.id).collect();
        let run = store::Run { at: self.engine.timer.now(), identity, rounds, retire, fetched: Vec::new() };
        let (publish, changes) = store::plan(view.as_ref(), run).await?;
        report.changes = changes;
        report.revision = self.store.write(Batch::Publish(publish)).await?.0;
        Ok(())
    }
}

/// What an earlier run has left of a round.
enum Left {
    /// Nothing that could be taken up.
    Nothing,
    /// Some of its pages.
    Unfinished(Box<Round>),
    /// All of its pages: it only has to be published.
    Complete,
}

/// A round that goes on where its staged pages end.
fn resume(target: &Target, staged: &StagedRound) -> Left {
    match &staged.position {
        Position::Paging(checkpoint) => {
            Round::resume(target.clone(), checkpoint).map_or(Left::Nothing, |round| Left::Unfinished(Box::new(round)))
        }
        // Before the first publish nothing else says whose pages these are.
        Position::Complete(link) if target.owns(link) => Left::Complete,
        Position::Complete(_) => Left::Nothing,
    }
}

/// Whether the round itself is what can't go on: its next link is refused or points elsewhere, or its pages never end.
/// Old next links die without a resync code too.
fn is_dead_end(error: &delta_core::Error) -> bool {
    match error {
        delta_core::Error::Refused { status, .. } => matches!(status.as_u16(), 400 | 404),
        delta_core::Error::Stalled { .. } | delta_core::Error::Link(_) => true,
        _ => false,
    }
}

/// Whether the next link of an earlier run was refused, so that a fresh round may do better at once.
fn is_dead_link(error: &Error, report: &SyncReport) -> bool {
    let refused = |error: &delta_core::Error| matches!(error, delta_core::Error::Refused { .. }) && is_dead_end(error);
    report.pages == 0 && matches!(error, Error::Round(error) if refused(error))
}

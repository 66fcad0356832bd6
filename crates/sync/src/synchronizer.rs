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
        if let Some(round) = run.begin(replica, target, view.as_ref(), &mut report).await? {
            run.drive(round, &mut report).await?;
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
    /// The round to drive: the one that an earlier run left unfinished, or a new one. `None` if an earlier run has
    /// staged all of it. Rounds that nobody will finish are discarded.
    async fn begin(
        &self,
        replica: &Replica,
        target: Target,
        view: &dyn View,
        report: &mut SyncReport,
    ) -> Result<Option<Round>, Error> {
        let options = self.engine.round_options(replica);
        let mut begun = None;
        for staged in view.rounds() {
            let wanted = begun.is_none() && staged.tile.id == self.tile.id;
            let round = if wanted { resume(&target, &staged) } else { None };
            match round {
                Some(round) => begun = Some((staged, round)),
                None => self.discard(staged.round).await?,
            }
        }
        let round = match begun {
            Some((staged, round)) => {
                report.resumed_pages = staged.pages;
                report.round = staged.kind;
                self.announce(staged.kind, staged.pages);
                return Ok(round.map(|round| round.with_options(options)));
            }
            None => match &self.tile.link {
                Some(link) if !self.is_full_round_due(report.started) => Round::incremental(target, link)?,
                _ => Round::full(target),
            },
        };
        self.announce(round.kind(), 0);
        Ok(Some(round.with_options(options)))
    }

    /// After a full round that could not sweep, another one is due, once a day: full rounds cost the mailbox storage.
    fn is_full_round_due(&self, now: Timestamp) -> bool {
        self.tile.unswept && self.tile.full_at.is_none_or(|full_at| full_at.plus_days(1) <= now)
    }

    fn announce(&self, kind: RoundKind, staged: u32) {
        self.engine.observer.notice(&Notice::Round { kind, window: self.tile.window, staged });
    }

    /// Drives a round to its end, and stages its pages.
    async fn drive(&self, mut round: Round, report: &mut SyncReport) -> Result<(), Error> {
        let mut want = Want::Good;
        while let Some(request) = round.request() {
            report.requests += 1;
            let Asked { step, bytes } = self.engine.ask(&mut round, request, &want).await?;
            report.bytes += bytes as u64;
            want = Want::Good;
            match step {
                Step::Page { page, checkpoint } => {
                    self.stage(&round, &page, Position::Paging(checkpoint), report).await?;
                }
                Step::Complete { page, link } => self.stage(&round, &page, Position::Complete(link), report).await?,
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

/// A round that goes on where its staged pages end; `Some(None)` if they are all there, `None` if it can't be taken up.
fn resume(target: &Target, staged: &StagedRound) -> Option<Option<Round>> {
    match &staged.position {
        Position::Paging(checkpoint) => Round::resume(target.clone(), checkpoint).ok().map(Some),
        Position::Complete(_) => Some(None),
    }
}

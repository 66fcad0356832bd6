//! The engine as its users hold it: the four seams, the limits, and one call that brings a replica up to date.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use delta_core::{Preferences, RoundOptions};
use store::Store;

use crate::body::BodyLimits;
use crate::error::Error;
use crate::guard::Guard;
use crate::limits::Limits;
use crate::mailbox::Mailboxes;
use crate::observer::Observer;
use crate::replica::Replica;
use crate::report::SyncReport;
use crate::run::{Published, Run};
use crate::settling::Settling;
use crate::timer::Timer;
use crate::token::TokenProvider;
use crate::transport::Transport;

/// The longest pause for which nobody gives way.
const MOMENT: Duration = Duration::from_secs(3);

/// How many runs may follow one at once: one because it took up old pages, and one because of what left a tile in that.
const MOST_FOLLOWING: usize = 2;

/// Keeps replicas up to date: joins a transport, a token provider, a timer and a store.
///
/// A run is safe to drop at any moment, and safe to repeat: pages are staged durably as they come, a later run goes on
/// where an earlier one stopped, and readers see nothing of it until all of it is published.
#[derive(Clone)]
pub struct Synchronizer {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) tokens: Arc<dyn TokenProvider>,
    pub(crate) timer: Arc<dyn Timer>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) bodies: BodyLimits,
    pub(crate) limits: Limits,
    pub(crate) settling: Settling,
    pub(crate) guard: Guard,
    pub(crate) mailboxes: Arc<Mailboxes>,
    gives_way: bool,
    seed: u64,
    /// How many conversations were begun: each gets a seed of its own.
    conversations: Arc<AtomicU64>,
}

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
            bodies: BodyLimits::default(),
            limits: Limits::default(),
            settling: Settling::default(),
            guard: Guard::default(),
            mailboxes: Arc::default(),
            gives_way: false,
            seed,
            conversations: Arc::default(),
        }
    }

    /// The same, watched.
    #[must_use]
    pub fn with_observer(self, observer: impl Observer + 'static) -> Self {
        Self { observer: Arc::new(observer), ..self }
    }

    /// The same, with other limits for bodies.
    #[must_use]
    pub fn with_body_limits(self, bodies: BodyLimits) -> Self {
        Self { bodies, ..self }
    }

    /// The same, with other limits for requests and time. It forgets what it knows of mailboxes: set them first.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, mailboxes: Arc::default(), ..self }
    }

    /// The same, asking more or less before it publishes.
    #[must_use]
    pub fn with_settling(self, settling: Settling) -> Self {
        Self { settling, ..self }
    }

    /// The same, with a say in what is published.
    #[must_use]
    pub fn with_guard(self, guard: Guard) -> Self {
        Self { guard, ..self }
    }

    /// The same, giving way: where the server wants a mailbox left alone for more than a moment, a run ends with
    /// [`Error::Throttled`] instead of waiting, so that others can use its place. What it has read so far is stored, and
    /// the next run goes on from there.
    #[must_use]
    pub fn giving_way(self) -> Self {
        Self { gives_way: true, ..self }
    }

    /// The longest pause that is made because a mailbox is to be left alone.
    pub(crate) fn mailbox_patience(&self) -> Duration {
        if self.gives_way { MOMENT.min(self.limits.max_wait) } else { self.limits.max_wait }
    }

    /// Brings a replica up to date.
    ///
    /// A run that takes up what an earlier one has left publishes it, which may be as old as the earlier run, and then
    /// reads on from there: when this returns, the replica is as the server was after the call, not before it. In a replica of
    /// several tiles the same holds for what one of them no longer has, which may have moved to another one meanwhile. Each run
    /// is published by itself, if the [`Guard`] lets it.
    ///
    /// # Errors
    /// Whatever ended the run. What was published before is not lost. After [`Error::Partial`] more is published.
    pub async fn run(&self, replica: &Replica, store: &dyn Store) -> Result<SyncReport, Error> {
        let mut last = Run::once(self, replica, store).await?;
        for _ in 0..MOST_FOLLOWING {
            if last.error.is_some() || !last.again {
                break;
            }
            let next = Run::once(self, replica, store).await?;
            last = Published { report: last.report.followed_by(next.report), ..next };
        }
        match last.error {
            None => Ok(last.report),
            Some(error) => Err(Error::Partial { report: Box::new(last.report), error: Box::new(error) }),
        }
    }

    /// Options for a new conversation, with a seed that no other conversation of this synchroniser has.
    pub(crate) fn options(&self, preferences: Preferences) -> RoundOptions {
        let number = self.conversations.fetch_add(1, Ordering::Relaxed);
        // An odd factor: different numbers give different seeds.
        let seed = self.seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        RoundOptions { preferences, seed, ..RoundOptions::default() }
    }
}

impl fmt::Debug for Synchronizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bodies, limits, settling, guard, .. } = self;
        let mut shown = f.debug_struct("Synchronizer");
        shown.field("bodies", bodies).field("limits", limits).field("settling", settling).field("guard", guard);
        shown.finish_non_exhaustive()
    }
}

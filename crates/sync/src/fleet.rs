//! Many jobs, such as the replicas of many mailboxes, done side by side, each when it is due.
//!
//! What is due is the [`Schedule`]'s to say; this is the loop around it. The jobs themselves are the caller's: a run over a
//! replica, a look at a mailbox's list of calendars. One that fails stops no other, and since each replica is a store of its
//! own, the order in which jobs are done does not show in what they bring about.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use delta_core::Timestamp;
use futures_util::future::{self, Either};
use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::task::AtomicWaker;
use store::Store;

use crate::error::Error;
use crate::observer::{Notice, Observer};
use crate::replica::Replica;
use crate::report::SyncReport;
use crate::schedule::{Next, Pace, Schedule, Verdict};
use crate::synchronizer::Synchronizer;
use crate::timer::Timer;

/// Jobs that are driven. All methods take `&self`: while [`drive`](Self::drive) is under way, others may add jobs, take
/// them away, hint at changes, and hurry it.
#[derive(Debug)]
pub struct Fleet<K> {
    schedule: Mutex<Schedule<K>>,
    bell: Bell,
}

impl<K: Ord + Clone> Fleet<K> {
    /// Nothing to do yet. The seed spreads the jobs over their intervals.
    pub fn new(pace: Pace, seed: u64) -> Self {
        Self { schedule: Mutex::new(Schedule::new(pace, seed)), bell: Bell::default() }
    }

    /// Adds a job that is due now, and then each `every`, or once. One that is known stays as it is.
    pub fn add(&self, key: K, lane: &str, every: Option<Duration>, now: Timestamp) {
        self.schedule().add(key, lane, every, now);
        self.bell.ring();
    }

    /// Takes a job away. If it is under way, that is its last time.
    pub fn remove(&self, key: &K) {
        self.schedule().remove(key);
        self.bell.ring();
    }

    /// Something may have changed, as a change notification says: the job is looked at soon, and again after that, since
    /// notifications run ahead of delta queries. Says whether there is such a job.
    pub fn hint(&self, key: &K, now: Timestamp) -> bool {
        let known = self.schedule().hint(key, now);
        self.bell.ring();
        known
    }

    /// Everything is due now, but for mailboxes that the server wants left alone.
    pub fn hurry(&self, now: Timestamp) {
        self.schedule().hurry(now);
        self.bell.ring();
    }

    /// The jobs that there are.
    pub fn keys(&self) -> Vec<K> {
        self.schedule().keys().cloned().collect()
    }

    /// When a job is next due; none if it is under way or unknown.
    pub fn due(&self, key: &K) -> Option<Timestamp> {
        self.schedule().due(key)
    }

    /// Does what is due when it is due, until nothing is left to do. `work` does one job; `told` is told what came of it and
    /// when it is due again, if ever.
    ///
    /// Dropped at any moment, it stops at once what is under way.
    pub async fn drive<R>(
        &self,
        timer: &dyn Timer,
        work: impl AsyncFn(&K) -> (Verdict, R),
        mut told: impl FnMut(&K, R, Option<Timestamp>),
    ) {
        let work = &work;
        let mut under_way = FuturesUnordered::new();
        loop {
            let next = loop {
                let next = self.schedule().next(timer.now());
                let Next::Start(key) = next else { break next };
                under_way.push(async move {
                    let (verdict, result) = work(&key).await;
                    (key, verdict, result)
                });
            };
            let alarm = match next {
                Next::At(at) => Some(at),
                Next::Nothing if under_way.is_empty() => return,
                Next::Start(_) | Next::Nothing => None,
            };
            let finished = async {
                match under_way.next().await {
                    Some(finished) => finished,
                    None => future::pending().await,
                }
            };
            match future::select(pin!(finished), pin!(self.bell.or_at(timer, alarm))).await {
                Either::Left(((key, verdict, result), _)) => {
                    let due = self.schedule().finished(&key, timer.now(), verdict);
                    told(&key, result, due);
                }
                Either::Right(((), _)) => {}
            }
        }
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule<K>> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Synchronizer {
    /// A run as a job of a fleet: what came of it, and what that means for when it is due again.
    pub async fn turn(&self, replica: &Replica, store: &dyn Store) -> (Verdict, Result<SyncReport, Error>) {
        let pages = Arc::new(Pages { told: self.observer.clone(), seen: AtomicBool::default() });
        let counting = pages.clone();
        let engine = self.clone().with_observer(move |notice: &Notice<'_>| counting.notice(notice));
        match engine.run(replica, store).await {
            Ok(report) => {
                let changes = &report.changes;
                let news = changes.created + changes.updated + changes.deleted + changes.left_window > 0;
                (Verdict::Done { news }, Ok(report))
            }
            Err(error) => (Verdict::of_error(&error, pages.seen.load(Ordering::Relaxed)), Err(error)),
        }
    }
}

/// Sees whether a page came.
struct Pages {
    told: Arc<dyn Observer>,
    seen: AtomicBool,
}

impl Observer for Pages {
    fn notice(&self, notice: &Notice<'_>) {
        if let Notice::Page { .. } = notice {
            self.seen.store(true, Ordering::Relaxed);
        }
        self.told.notice(notice);
    }
}

/// Wakes the loop when the schedule has changed.
#[derive(Debug, Default)]
struct Bell {
    rung: AtomicBool,
    sleeper: AtomicWaker,
}

impl Bell {
    fn ring(&self) {
        self.rung.store(true, Ordering::Release);
        self.sleeper.wake();
    }

    /// Waits until it is rung, or until a time.
    async fn or_at(&self, timer: &dyn Timer, alarm: Option<Timestamp>) {
        let rung = future::poll_fn(|context| {
            self.sleeper.register(context.waker());
            if self.rung.swap(false, Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
        });
        let alarm = async {
            let Some(alarm) = alarm else { return future::pending().await };
            let ticks = u64::try_from(alarm.ticks().saturating_sub(timer.now().ticks())).unwrap_or_default();
            timer.sleep(Duration::from_nanos(ticks.saturating_mul(100))).await;
        };
        future::select(pin!(rung), pin!(alarm)).await;
    }
}

//! A clock for many who wait at once: time passes when nobody has anything else to do.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use delta_core::Timestamp;
use sync::Timer;

/// The clock. Clones are the same clock.
#[derive(Clone)]
pub(crate) struct Clock(Arc<Mutex<State>>);

struct State {
    now: Timestamp,
    /// Who waits, by the time that they wait for.
    sleepers: BTreeMap<(i64, u64), Waker>,
    sleeps: u64,
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Clock {
    pub(crate) fn at(now: &str) -> Self {
        let now = Timestamp::parse(now).unwrap();
        Self(Arc::new(Mutex::new(State { now, sleepers: BTreeMap::new(), sleeps: 0 })))
    }

    pub(crate) fn system_time(&self) -> SystemTime {
        let ticks = u64::try_from(self.now().ticks()).unwrap();
        SystemTime::UNIX_EPOCH + Duration::from_nanos(ticks * 100)
    }

    /// Runs something to its end. Whenever it waits, and for nothing but time, time goes on to where the first wait is over.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(flag.clone());
        let mut context = Context::from_waker(&waker);
        loop {
            while flag.0.swap(false, Ordering::SeqCst) {
                if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
                    return done;
                }
            }
            let mut state = self.0.lock().unwrap();
            let first = state.sleepers.pop_first();
            let ((until, _), sleeper) = first.unwrap_or_else(|| panic!("nobody waits for anything that could happen"));
            state.now = state.now.max(Timestamp::from_ticks(until));
            drop(state);
            sleeper.wake();
        }
    }
}

#[async_trait]
impl Timer for Clock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().now
    }

    async fn sleep(&self, duration: Duration) {
        let until = {
            let mut state = self.0.lock().unwrap();
            state.sleeps += 1;
            (state.now.ticks() + i64::try_from(duration.as_nanos().div_ceil(100)).unwrap(), state.sleeps)
        };
        std::future::poll_fn(|context| {
            let mut state = self.0.lock().unwrap();
            if state.now.ticks() >= until.0 {
                state.sleepers.remove(&until);
                return Poll::Ready(());
            }
            state.sleepers.insert(until, context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

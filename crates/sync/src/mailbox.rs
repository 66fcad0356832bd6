//! What all targets of a mailbox share: how many requests are under way, how many there were lately, and until when none
//! may be sent. Graph throttles by mailbox (Graph's documentation).

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_lock::{Mutex as AsyncMutex, Semaphore, SemaphoreGuardArc};
use delta_core::{Resource, ServiceRoot, Timestamp};

use crate::limits::Limits;

/// How far back requests are counted, in seconds.
const SPAN: i64 = 600;

/// The mailboxes that a synchroniser has talked to.
#[derive(Default)]
pub(crate) struct Mailboxes(Mutex<BTreeMap<String, Arc<Mailbox>>>);

impl Mailboxes {
    /// The mailbox of a resource.
    pub(crate) fn of(&self, root: &ServiceRoot, resource: &Resource, limits: &Limits) -> Arc<Mailbox> {
        let name = format!("{root} {}", lane(resource));
        lock(&self.0).entry(name).or_insert_with(|| Arc::new(Mailbox::new(limits))).clone()
    }
}

/// The mailbox of a resource, in words that are the same for all of its resources.
pub fn lane(resource: &Resource) -> String {
    // User principal names have no case.
    format!("{:?}", resource.mailbox()).to_lowercase()
}

/// One mailbox at one service root.
pub(crate) struct Mailbox {
    permits: Arc<Semaphore>,
    /// Held while all permits are being gathered, so that two who want all of them don't wait for each other.
    alone: AsyncMutex<()>,
    in_flight: usize,
    requests: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    fence: Option<Fence>,
    /// When the requests of the last ten minutes were sent.
    sent: VecDeque<Timestamp>,
}

/// A time before which nothing may be sent.
#[derive(Clone, Copy)]
struct Fence {
    /// When it was learnt. A clock that was put back since then moves the fence with it.
    from: Timestamp,
    until: Timestamp,
}

/// The right to send a request. It ends when this is dropped.
pub(crate) struct Permit {
    _held: Vec<SemaphoreGuardArc>,
}

impl Mailbox {
    fn new(limits: &Limits) -> Self {
        let in_flight = limits.in_flight.max(1);
        Self {
            permits: Arc::new(Semaphore::new(in_flight)),
            alone: AsyncMutex::new(()),
            in_flight,
            requests: limits.requests.max(1),
            state: Mutex::default(),
        }
    }

    /// Waits until fewer requests are under way than may be: for a request that is a batch, until there are none.
    pub(crate) async fn enter(&self, batch: bool) -> Permit {
        let wanted = if batch { self.in_flight } else { 1 };
        let mut held = Vec::with_capacity(wanted);
        let _gathering = self.alone.lock().await;
        for _ in 0..wanted {
            held.push(self.permits.acquire_arc().await);
        }
        Permit { _held: held }
    }

    /// Lets nothing through for a while.
    pub(crate) fn close(&self, now: Timestamp, until: Timestamp) {
        let mut state = lock(&self.state);
        if state.fence.is_none_or(|fence| fence.until < until) {
            state.fence = Some(Fence { from: now, until });
        }
    }

    /// Counts so many requests as sent now, or says from when on they may be.
    pub(crate) fn send(&self, now: Timestamp, requests: usize) -> Result<(), Timestamp> {
        let mut state = lock(&self.state);
        if let Some(until) = state.fenced(now) {
            return Err(until);
        }
        state.forget(now);
        let room = self.requests.saturating_sub(requests.min(self.requests));
        // The request that has to grow old before there is room.
        if let Some(oldest) = state.sent.len().checked_sub(room + 1).and_then(|index| state.sent.get(index)) {
            return Err(oldest.plus_seconds(SPAN));
        }
        state.sent.extend(std::iter::repeat_n(now, requests));
        Ok(())
    }
}

impl State {
    fn fenced(&mut self, now: Timestamp) -> Option<Timestamp> {
        let fence = self.fence.as_mut()?;
        if now < fence.from {
            let length = fence.until.ticks().saturating_sub(fence.from.ticks());
            *fence = Fence { from: now, until: Timestamp::from_ticks(now.ticks().saturating_add(length)) };
        }
        let until = fence.until;
        if until <= now {
            self.fence = None;
        }
        Some(until).filter(|until| *until > now)
    }

    /// Forgets what is too old to count, or was sent after now: the clock was put back.
    fn forget(&mut self, now: Timestamp) {
        while self.sent.front().is_some_and(|sent| sent.plus_seconds(SPAN) <= now || *sent > now) {
            self.sent.pop_front();
        }
    }
}

/// A panic elsewhere leaves nothing half done in here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    fn mailbox(in_flight: usize, requests: usize) -> Mailbox {
        Mailbox::new(&Limits { in_flight, requests, ..Limits::default() })
    }

    #[test]
    fn no_request_is_sent_before_the_fence_is_over() {
        let mailbox = mailbox(3, 100);
        mailbox.close(at(0), at(30));
        mailbox.close(at(0), at(10));
        assert_eq!(mailbox.send(at(29), 1), Err(at(30)));
        assert_eq!(mailbox.send(at(30), 1), Ok(()));
        assert_eq!(mailbox.send(at(5), 1), Ok(()), "a fence that is over is forgotten");
        mailbox.close(at(1000), at(1030));
        assert_eq!(mailbox.send(at(-500), 1), Err(at(-470)), "a clock that is put back takes the fence along");
    }

    #[test]
    fn no_ten_minutes_have_more_requests_than_allowed() {
        let mailbox = mailbox(3, 5);
        for second in 0..5 {
            assert_eq!(mailbox.send(at(second), 1), Ok(()));
        }
        assert_eq!(mailbox.send(at(10), 1), Err(at(SPAN)));
        assert_eq!(mailbox.send(at(10), 3), Err(at(SPAN + 2)));
        assert_eq!(mailbox.send(at(SPAN), 1), Ok(()));
        assert_eq!(mailbox.send(at(SPAN), 99), Err(at(2 * SPAN)), "what can never fit goes alone");
        assert_eq!(mailbox.send(at(3 * SPAN), 99), Ok(()));
        assert_eq!(mailbox.send(at(0), 1), Ok(()), "a clock that is put back");
    }

    #[test]
    fn a_batch_is_alone_and_others_are_few() {
        let mailbox = mailbox(2, 100);
        let ready = |batch| {
            let mut entering = Box::pin(mailbox.enter(batch));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            match Future::poll(entering.as_mut(), &mut context) {
                std::task::Poll::Ready(permit) => Some(permit),
                std::task::Poll::Pending => None,
            }
        };
        let first = ready(false).unwrap();
        let second = ready(false).unwrap();
        assert!(ready(false).is_none());
        drop(first);
        assert!(ready(true).is_none(), "one is under way");
        drop(second);
        let batch = ready(true).unwrap();
        assert!(ready(false).is_none() && ready(true).is_none());
        drop(batch);
        assert!(ready(false).is_some());
    }

    #[test]
    fn targets_of_one_mailbox_share_it() {
        let mailboxes = Mailboxes::default();
        let root = ServiceRoot::cloud(delta_core::Cloud::Global);
        let of = |resource: &str| mailboxes.of(&root, &resource.parse().unwrap(), &Limits::default());
        assert!(Arc::ptr_eq(&of("me"), &of("me/calendars/C")));
        assert!(!Arc::ptr_eq(&of("me"), &of("users/samanthab@contoso.com")));
    }
}

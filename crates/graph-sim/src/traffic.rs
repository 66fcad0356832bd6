//! How much a mailbox is asked: how many requests are under way at a time, how many came lately, and what is too much.
//!
//! Graph allows an application four requests at a time and 10,000 within ten minutes in each mailbox (Graph's
//! documentation, «Outlook service limits»).

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

/// What an application may ask of one mailbox. What is more is answered with 429 and a `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailboxLimits {
    /// The most requests at a time, as far as the simulator is told of them by [`arrive`](crate::Simulator::arrive).
    pub in_flight: usize,
    /// The most requests within [`span`](Self::span). Each part of a batch is one.
    pub requests: usize,
    /// How long a request counts.
    pub span: Duration,
}

impl Default for MailboxLimits {
    /// Graph's own: 4 at a time, 10,000 within ten minutes.
    fn default() -> Self {
        Self { in_flight: 4, requests: 10_000, span: Duration::from_secs(600) }
    }
}

/// A request that is under way. It has to be given back to [`leave`](crate::Simulator::leave).
#[derive(Debug)]
#[must_use = "a request that never leaves is under way for ever"]
pub struct InFlight {
    pub(crate) mailbox: String,
    pub(crate) weight: usize,
}

/// Marks a request that the simulator was told of when it arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrived;

/// What all mailboxes are asked.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    mailboxes: BTreeMap<String, Lane>,
    most: usize,
}

#[derive(Debug, Default)]
struct Lane {
    under_way: usize,
    /// When the requests came that still count.
    lately: VecDeque<SystemTime>,
}

/// Why a request is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooMuch {
    /// Too many at a time.
    AtATime,
    /// Too many lately; there is room again after this time.
    Lately(Duration),
}

impl Traffic {
    /// The most requests that were ever under way at one mailbox.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    pub(crate) fn arrive(&mut self, mailbox: String, weight: usize) -> InFlight {
        let lane = self.mailboxes.entry(mailbox.clone()).or_default();
        lane.under_way = lane.under_way.saturating_add(weight);
        self.most = self.most.max(lane.under_way);
        InFlight { mailbox, weight }
    }

    pub(crate) fn leave(&mut self, request: &InFlight) {
        if let Some(lane) = self.mailboxes.get_mut(&request.mailbox) {
            lane.under_way = lane.under_way.saturating_sub(request.weight);
        }
    }

    /// Counts a request, unless it is too much.
    pub(crate) fn admit(&mut self, mailbox: &str, now: SystemTime, limits: &MailboxLimits) -> Result<(), TooMuch> {
        let lane = self.mailboxes.entry(mailbox.to_owned()).or_default();
        if lane.under_way > limits.in_flight {
            return Err(TooMuch::AtATime);
        }
        let age = |came: &SystemTime| now.duration_since(*came).unwrap_or_default();
        while lane.lately.front().is_some_and(|came| age(came) >= limits.span) {
            lane.lately.pop_front();
        }
        if let (true, Some(oldest)) = (lane.lately.len() >= limits.requests, lane.lately.front()) {
            return Err(TooMuch::Lately(limits.span.saturating_sub(age(oldest))));
        }
        lane.lately.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn each_mailbox_has_limits_of_its_own() {
        let limits = MailboxLimits { in_flight: 2, requests: 2, span: Duration::from_secs(10) };
        let mut traffic = Traffic::default();
        assert_eq!([at(0), at(3)].map(|now| traffic.admit("a", now, &limits)), [Ok(()), Ok(())]);
        assert_eq!(traffic.admit("a", at(4), &limits), Err(TooMuch::Lately(Duration::from_secs(6))));
        assert_eq!(traffic.admit("b", at(4), &limits), Ok(()));
        assert_eq!(traffic.admit("a", at(10), &limits), Ok(()));

        let first = traffic.arrive("b".to_owned(), 2);
        assert_eq!(traffic.admit("b", at(20), &limits), Ok(()));
        let second = traffic.arrive("b".to_owned(), 1);
        assert_eq!(traffic.admit("b", at(21), &limits), Err(TooMuch::AtATime));
        traffic.leave(&first);
        assert_eq!(traffic.admit("b", at(21), &limits), Ok(()));
        traffic.leave(&second);
        assert_eq!(traffic.most(), 3);
    }
}

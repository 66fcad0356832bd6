//! How much a synchroniser may ask of a mailbox, and for how long.

use std::time::Duration;

/// What a synchroniser keeps to. The defaults stay below what Graph allows each application in each mailbox: 10,000
/// requests in ten minutes, and four at a time (Graph's documentation, «Outlook service limits»).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most requests to one mailbox at a time. At least 1.
    pub in_flight: usize,
    /// The most requests to one mailbox within any ten minutes. At least 1.
    pub requests: usize,
    /// The longest pause in one go. A run that is asked for a longer one ends with
    /// [`Error::Throttled`](crate::Error::Throttled), and a later run goes on from there.
    pub max_wait: Duration,
    /// How long a run may take. One that takes longer ends with [`Error::OutOfTime`](crate::Error::OutOfTime), and the
    /// next run goes on from there.
    pub max_run: Duration,
    /// The most full rounds of one replica within a day. They cost the mailbox storage: too many were observed to fill it
    /// until Graph refuses delta queries. Beyond that the replica is kept up to date by plain listings.
    pub full_rounds: usize,
}

impl Default for Limits {
    /// 3 at a time, 9,600 in ten minutes, pauses of 15 minutes, runs of 6 hours, 10 full rounds a day.
    fn default() -> Self {
        Self {
            in_flight: 3,
            requests: 9_600,
            max_wait: Duration::from_secs(15 * 60),
            max_run: Duration::from_secs(6 * 60 * 60),
            full_rounds: 10,
        }
    }
}

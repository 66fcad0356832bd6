//! How often one request may be tried, and how long to wait in between.

use std::time::Duration;

use crate::seed::mix;

/// How often a request is sent before its round gives up.
const MAX_ATTEMPTS: u32 = 8;
const BASE: Duration = Duration::from_secs(1);
const CAP: Duration = Duration::from_secs(180);

/// The attempts at the request that is due now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attempts {
    failed: u32,
    authenticated: bool,
}

impl Attempts {
    /// How often the request was sent, counting the attempt that has just failed.
    pub(crate) fn sent(&self) -> u32 {
        self.failed + 1 + u32::from(self.authenticated)
    }

    /// Counts a failed attempt. Gives the number of failed attempts and the time to wait before the next one: the
    /// server's, or our own if that is longer. `None` means that the budget is spent.
    pub(crate) fn wait(&mut self, asked: Option<Duration>, seed: u64) -> Option<(u32, Duration)> {
        if self.failed + 1 >= MAX_ATTEMPTS {
            return None;
        }
        let own = back_off(self.failed, seed);
        self.failed += 1;
        Some((self.failed, asked.map_or(own, |asked| asked.max(own))))
    }

    /// Counts a refused token. Only the first one is worth another try.
    pub(crate) fn authenticate(&mut self) -> bool {
        !std::mem::replace(&mut self.authenticated, true)
    }
}

/// A time between nothing and the doubled base («full jitter»), so that clients that failed together don't come back
/// together.
fn back_off(failed: u32, seed: u64) -> Duration {
    let ceiling = BASE.saturating_mul(2_u32.saturating_pow(failed)).min(CAP);
    let millis = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(mix(seed, u64::from(failed)) % millis.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_kept_and_attempts_are_bounded() {
        for seed in 0..200 {
            let mut attempts = Attempts::default();
            let asked = Duration::from_secs(7);
            let mut waits = Vec::new();
            while let Some((failed, wait)) = attempts.wait(Some(asked), seed) {
                assert!(wait >= asked && wait <= CAP);
                waits.push(failed);
            }
            assert_eq!(waits, (1..MAX_ATTEMPTS).collect::<Vec<_>>());
            assert_eq!(attempts.sent(), MAX_ATTEMPTS);
        }
    }

    #[test]
    fn clients_that_failed_together_do_not_come_back_together() {
        let waits: std::collections::BTreeSet<_> = (0..100).map(|seed| back_off(4, seed)).collect();
        assert!(waits.len() > 90 && waits.iter().all(|wait| *wait <= Duration::from_secs(16)));
    }

    #[test]
    fn a_token_is_refreshed_once() {
        let mut attempts = Attempts::default();
        assert!(attempts.authenticate());
        assert!(!attempts.authenticate());
    }
}

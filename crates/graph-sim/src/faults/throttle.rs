//! Whether clients wait as long as they were told to.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;
use jiff::fmt::rfc2822::DateTimeParser;

/// Until when each mailbox is to be left alone, and who did not.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    until: BTreeMap<String, SystemTime>,
    early: u64,
}

impl Throttle {
    pub(crate) fn early(&self) -> u64 {
        self.early
    }

    /// A request for this mailbox has come.
    pub(crate) fn arrived(&mut self, mailbox: &str, now: SystemTime) {
        if self.until.get(mailbox).is_some_and(|until| now < *until) {
            self.early = self.early.saturating_add(1);
        }
    }

    /// An answer with these headers went out. Of all values in it, the longest counts.
    pub(crate) fn answered(&mut self, mailbox: &str, now: SystemTime, headers: &HeaderMap) {
        let lines = headers.get_all(RETRY_AFTER).into_iter().filter_map(|line| line.to_str().ok());
        lines.for_each(|line| self.told(mailbox, now, line));
    }

    /// An answer, or a part of one, had this `Retry-After`.
    pub(crate) fn told(&mut self, mailbox: &str, now: SystemTime, line: &str) {
        if let Some(until) = times(line, now).into_iter().max() {
            let known = self.until.entry(mailbox.to_owned()).or_insert(until);
            *known = until.max(*known);
        }
    }
}

/// The instants that a `Retry-After` line names: a date, or a list of seconds, perhaps fractional. What is neither, or
/// beyond all time, names none.
fn times(line: &str, now: SystemTime) -> Vec<SystemTime> {
    if let Ok(date) = DateTimeParser::new().parse_timestamp(line.trim()) {
        return vec![date.into()];
    }
    let seconds = line.split(',').filter_map(|part| part.trim().parse::<f64>().ok());
    let spans = seconds.filter_map(|seconds| Duration::try_from_secs_f64(seconds).ok());
    spans.filter_map(|span| now.checked_add(span)).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn at(seconds: f64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs_f64(1_480_000_000.0 + seconds)
    }

    fn told(lines: &[&str]) -> Throttle {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(RETRY_AFTER, HeaderValue::from_str(line).unwrap());
        }
        let mut throttle = Throttle::default();
        throttle.answered("a", at(0.0), &headers);
        throttle
    }

    #[test]
    fn the_longest_of_all_values_counts() {
        for (lines, seconds) in [
            (&["120"][..], 120.0),
            (&["2.125"], 2.125),
            (&["0,120"], 120.0),
            (&["60, 30"], 60.0),
            (&["5", "7", "6"], 7.0),
            (&["Thu, 24 Nov 2016 15:08:40 GMT"], 120.0),
            (&["Thu, 24 Nov 2016 15:08:40 GMT", "130"], 130.0),
        ] {
            let mut throttle = told(lines);
            throttle.arrived("a", at(seconds));
            throttle.arrived("b", at(0.0));
            assert_eq!(throttle.early(), 0, "{lines:?}");
            throttle.arrived("a", at(seconds - 0.01));
            assert_eq!(throttle.early(), 1, "{lines:?}");
        }
    }

    #[test]
    fn what_names_no_time_holds_nobody_back() {
        for line in ["soon", "-5", "", "Thu, 24 Nov 2015 15:08:40 GMT", "NaN", "1e300"] {
            let mut throttle = told(&[line]);
            throttle.arrived("a", at(0.0));
            assert_eq!(throttle.early(), 0, "{line}");
        }
    }

    #[test]
    fn a_shorter_wait_does_not_end_a_longer_one() {
        let mut throttle = told(&["120"]);
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("1"))]);
        throttle.answered("a", at(0.0), &headers);
        throttle.arrived("a", at(100.0));
        assert_eq!(throttle.early(), 1);
    }
}

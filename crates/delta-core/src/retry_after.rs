//! `Retry-After`, in every form that was seen in the wild.
//!
//! Whole seconds and fractions of them (both in Graph's documentation), comma lists made of repeated headers that
//! something in between folded (msgraph-sdk-java-core#732, msgraph-sdk-python#1159), several header lines, and HTTP
//! dates, which are read against the response's own `Date`: nothing here knows what time it is. The longest of all
//! counts. What says nothing (garbage, negative, a date that is past or that has no `Date` to compare with) is no wait.

use std::time::Duration;

use http::{HeaderMap, header};

use crate::timestamp::Timestamp;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// How long a response asks to wait, if it does: its `Retry-After`, in any of the forms that were seen.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let now = headers.get(header::DATE).and_then(|date| http_date(date.to_str().ok()?));
    let lines = headers.get_all(header::RETRY_AFTER).iter().filter_map(|line| line.to_str().ok());
    // The comma inside of a date parts its weekday from the rest, which is a date without it.
    lines.flat_map(|line| line.split(',')).filter_map(|item| seconds(item).or_else(|| until(item, now))).max()
}

fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    let number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds: f64 = text.parse().ok().filter(|_| number)?;
    // What does not fit is a very long time, and not none.
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

fn until(text: &str, now: Option<Timestamp>) -> Option<Duration> {
    let ticks = http_date(text)?.ticks().checked_sub(now?.ticks())?;
    let ticks = u64::try_from(ticks).ok().filter(|ticks| *ticks > 0)?;
    // A date has whole seconds, and `Date` was rounded down.
    Some(Duration::from_secs(ticks.div_ceil(10_000_000)))
}

/// Reads the three forms of RFC 9110, section 5.6.7: in each the day comes before the year.
fn http_date(text: &str) -> Option<Timestamp> {
    let (mut numbers, mut month, mut time) = (Vec::new(), None, None);
    for word in text.split([' ', ',', '-', '\t']).filter(|word| !word.is_empty()) {
        if word.contains(':') {
            time = Some(word);
        } else if word.bytes().all(|byte| byte.is_ascii_digit()) {
            numbers.push(word);
        } else if let Some(index) = MONTHS.iter().position(|month| word.eq_ignore_ascii_case(month)) {
            month = Some(index + 1);
        } else if !is_weekday(word) && !["gmt", "utc"].contains(&word.to_ascii_lowercase().as_str()) {
            return None;
        }
    }
    let [day, year] = numbers.as_slice() else { return None };
    let (day, year): (u8, u16) = (day.parse().ok()?, full_year(year)?);
    Timestamp::parse(&format!("{year:04}-{:02}-{day:02}T{}Z", month?, time?)).ok()
}

fn is_weekday(word: &str) -> bool {
    let start = word.get(..3).unwrap_or_default().to_ascii_lowercase();
    ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].contains(&start.as_str())
}

/// A year of two digits is of this century until 2069, as everywhere.
fn full_year(text: &str) -> Option<u16> {
    let year: u16 = text.parse().ok()?;
    Some(match (text.len(), year) {
        (2, 0..=69) => year.saturating_add(2000),
        (2, _) => year.saturating_add(1900),
        _ => year,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What `Retry-After` lines mean in a response of Sunday, 6 November 1994, 08:49:37.
    fn wait(lines: &[&str]) -> Option<f64> {
        let mut headers = HeaderMap::new();
        headers.insert(header::DATE, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        for line in lines {
            headers.append(header::RETRY_AFTER, line.parse().unwrap());
        }
        retry_after(&headers).map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn every_form_is_understood() {
        for (lines, seconds) in [
            (&["120"][..], 120.0),
            (&[" 2.128 "], 2.128),
            (&["0"], 0.0),
            (&["0,120"], 120.0),
            (&["60,120"], 120.0),
            (&["120, 30"], 120.0),
            (&["10", "30", "20"], 30.0),
            (&["soon, 5"], 5.0),
            (&["Sun, 06 Nov 1994 08:50:37 GMT"], 60.0),
            (&["Sunday, 06-Nov-94 08:50:37 GMT"], 60.0),
            (&["Sun Nov  6 08:50:37 1994"], 60.0),
            (&["Sun, 06 Nov 1994 08:50:37 GMT, 90"], 90.0),
            (&["Sun, 06 Nov 1994 08:50:37 GMT,Sun, 06 Nov 1994 08:51:37 GMT"], 120.0),
            (&["Sun, 06 Nov 1994 08:00:00 GMT", "7"], 7.0),
        ] {
            assert_eq!(wait(lines), Some(seconds), "{lines:?}");
        }
        for lines in [&["99999999999999999999"][..], &["1", "9e9", "99999999999999999999999999999999"]] {
            assert_eq!(wait(lines), Some(Duration::MAX.as_secs_f64()), "{lines:?}");
        }
    }

    #[test]
    fn what_says_nothing_is_no_wait() {
        for line in [
            "",
            ",",
            "soon",
            "-1",
            "-0.5",
            "+5",
            "NaN",
            "inf",
            "1e3",
            "0x10",
            "1.2.3",
            "5s",
            "٣",
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:00:00 GMT",
            "Sun, 31 Feb 2094 08:00:00 GMT",
            "Sun, 06 Nov 1994 08:50:37 CET",
            "06 Nov 1994",
            "08:50:37",
            "Nov Nov 1994 08:50:37",
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::DATE, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
            headers.insert(header::RETRY_AFTER, http::HeaderValue::from_bytes(line.as_bytes()).unwrap());
            assert_eq!(retry_after(&headers), None, "{line}");
        }
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers), None);
        headers.insert(header::RETRY_AFTER, "Sun, 06 Nov 2094 08:49:37 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers), None, "without a Date nobody knows how long that is");
    }

    proptest! {
        #[test]
        fn no_header_is_too_strange(lines in prop::collection::vec("[ -~]{0,40}", 0..4), date in "[ -~]{0,40}") {
            let mut headers = HeaderMap::new();
            headers.insert(header::DATE, date.parse().unwrap());
            for line in &lines {
                headers.append(header::RETRY_AFTER, line.parse().unwrap());
            }
            let _ = retry_after(&headers);
        }

        #[test]
        fn the_longest_wait_counts(waits in prop::collection::vec(0_u32..100_000, 1..6), lines: bool) {
            let texts: Vec<_> = waits.iter().map(u32::to_string).collect();
            let joined = [texts.join(", ")];
            let lines: Vec<&str> = if lines { texts.iter().map(String::as_str).collect() } else { vec![&joined[0]] };
            prop_assert_eq!(wait(&lines), waits.iter().max().map(|wait| f64::from(*wait)));
        }
    }
}

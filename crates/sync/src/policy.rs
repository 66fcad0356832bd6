//! Which window a calendar view has: a fixed one, or one that follows the calendar.

use std::fmt;
use std::str::FromStr;

use delta_core::{ParseTimestampError, Timestamp, Window, WindowError};

/// How many days a rolling window of one tile reaches further than it has to, so that it is made anew once in so many days
/// and not every day. Each new window is a full round, and full rounds cost the mailbox storage.
const SLACK_DAYS: i64 = 30;
/// The seconds of a day.
const DAY: i64 = 24 * 60 * 60;

/// How a calendar view's window is found.
///
/// Written `FROM..TO`: two instants or dates are a fixed window; two offsets from today in days or weeks, such as
/// `-30d..+365d`, are a policy.
///
/// ```
/// use delta_core::Timestamp;
/// use sync::WindowPolicy;
///
/// let policy: WindowPolicy = "-30d..+365d".parse()?;
/// let window = policy.window(Timestamp::parse("2026-11-21T15:00:00Z")?)?;
/// assert_eq!(window.to_string(), "2026-10-22T00:00:00Z..2027-12-22T00:00:00Z");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowPolicy {
    /// Always this one.
    Fixed(Window),
    /// Whole days of UTC around today.
    Rolling {
        /// Days from today to the first one.
        from: i64,
        /// Days from today to the last one, which is included.
        to: i64,
    },
}

impl Default for WindowPolicy {
    /// `-30d..+365d`.
    fn default() -> Self {
        Self::Rolling { from: -30, to: 365 }
    }
}

impl WindowPolicy {
    /// The window to begin with now. A rolling one reaches a month further than it has to, as far as Graph allows.
    ///
    /// # Errors
    /// [`PolicyError::Window`] if Graph does not accept it.
    pub fn window(&self, now: Timestamp) -> Result<Window, PolicyError> {
        match self {
            Self::Fixed(window) => Ok(*window),
            Self::Rolling { from, to } => {
                let days = to.saturating_sub(*from).saturating_add(1);
                let slack = SLACK_DAYS.min(Window::MAX_DAYS.saturating_sub(days)).max(0);
                let (start, end) = bounds(*from, *to, now);
                Ok(Window::new(start, end.plus_days(slack))?)
            }
        }
    }

    /// The windows of so many tiles to begin with now, one after the other without gaps.
    ///
    /// A fixed window is cut into whole days of UTC. Of the tiles of a rolling one, all but the last cover what it has to,
    /// and the last one is its slack; there is never more than one tile a day.
    ///
    /// # Errors
    /// [`PolicyError::Window`] if Graph does not accept them.
    pub fn windows(&self, now: Timestamp, tiles: u8) -> Result<Vec<Window>, PolicyError> {
        if tiles <= 1 {
            return Ok(vec![self.window(now)?]);
        }
        match self {
            Self::Fixed(window) => Ok(cut(window, tiles)?),
            Self::Rolling { from, to } => {
                let (start, end) = bounds(*from, *to, now);
                let width = self.width(tiles);
                let mut windows = Vec::new();
                let mut next = start;
                // The one that begins at the end, or covers it, is the last.
                while next <= end && windows.len() < usize::from(tiles) {
                    windows.push(Window::new(next, next.plus_days(width))?);
                    next = next.plus_days(width);
                }
                Ok(windows)
            }
        }
    }

    /// The windows after these, which were begun under this policy for so many tiles; none if they still reach far enough.
    /// What ends before the first day goes, and what is missing at the far end comes: all that stays is as it was.
    ///
    /// Only the far end counts: what lies before the first day stays until something comes, and a clock that goes back is no
    /// reason to read everything again.
    ///
    /// # Errors
    /// [`PolicyError::Window`] if Graph does not accept them.
    pub fn moved(&self, windows: &[Window], now: Timestamp, tiles: u8) -> Result<Option<Vec<Window>>, PolicyError> {
        let Self::Rolling { from, to } = self else { return Ok(None) };
        let (start, end) = bounds(*from, *to, now);
        let reached = windows.iter().map(Window::end).max();
        if reached.is_some_and(|reached| reached >= end) {
            return Ok(None);
        }
        let mut kept: Vec<Window> = windows.iter().copied().filter(|window| window.end() > start).collect();
        let (Some(mut next), 2..) = (reached.filter(|_| !kept.is_empty()), tiles) else {
            return self.windows(now, tiles).map(Some);
        };
        let width = self.width(tiles);
        while next < end {
            kept.push(Window::new(next, next.plus_days(width))?);
            next = next.plus_days(width);
        }
        Ok(Some(kept))
    }

    /// How many days each of several tiles has.
    fn width(&self, tiles: u8) -> i64 {
        let Self::Rolling { from, to } = self else { return 1 };
        let days = to.saturating_sub(*from).saturating_add(1);
        let covering = i64::from(tiles.max(2)).saturating_sub(1);
        days.saturating_add(covering).saturating_sub(1).checked_div(covering).unwrap_or(days).max(1)
    }

    /// Whether a window reaches back to the first day.
    pub(crate) fn begins_in(&self, window: &Window, now: Timestamp) -> bool {
        match self {
            Self::Fixed(fixed) => fixed == window,
            Self::Rolling { from, to } => window.start() <= bounds(*from, *to, now).0,
        }
    }
}

fn bounds(from: i64, to: i64, now: Timestamp) -> (Timestamp, Timestamp) {
    let today = now.midnight();
    (today.plus_days(from), today.plus_days(to.saturating_add(1)))
}

/// Cuts a window into parts that begin with whole days of UTC: as many as are wanted and there are days for.
pub(crate) fn cut(window: &Window, parts: u8) -> Result<Vec<Window>, WindowError> {
    let first = window.start().midnight();
    let days = window.end().seconds().saturating_sub(first.seconds()).saturating_add(DAY - 1) / DAY;
    let parts = i64::from(parts.max(1));
    let width = days.saturating_add(parts).saturating_sub(1).checked_div(parts).unwrap_or(days).max(1);
    let borders = (1..parts).map(|part| first.plus_days(width.saturating_mul(part)));
    let borders = borders.filter(|border| window.start() < *border && *border < window.end());
    let mut from = window.start();
    let mut windows = Vec::new();
    for border in borders.chain([window.end()]) {
        windows.push(Window::new(from, border)?);
        from = border;
    }
    Ok(windows)
}

impl fmt::Display for WindowPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(window) => window.fmt(f),
            Self::Rolling { from, to } => write!(f, "{from:+}d..{to:+}d"),
        }
    }
}

impl FromStr for WindowPolicy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let (from, to) = text.split_once("..").ok_or(PolicyError::Form)?;
        let policy = match (days(from), days(to)) {
            (Some(from), Some(to)) if to < from => return Err(PolicyError::Backwards),
            (Some(from), Some(to)) => Self::Rolling { from, to },
            (None, None) => Self::Fixed(Window::parse(from, to)?),
            _ => return Err(PolicyError::Mixed),
        };
        // What Graph would refuse on any day is refused now.
        policy.window(Timestamp::from_seconds(0))?;
        Ok(policy)
    }
}

/// An offset such as `-30d`, `+2w` or `0d`, in days.
fn days(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let factor = match unit {
        "d" => 1,
        "w" => 7,
        _ => return None,
    };
    let days = number.parse::<i64>().ok()?.checked_mul(factor)?;
    (-36_500..=36_500).contains(&days).then_some(days)
}

/// Why a text is not a window policy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// There is no `..` in it.
    Form,
    /// One end is an offset and the other is not.
    Mixed,
    /// The last day is before the first.
    Backwards,
    /// Graph does not accept the window.
    Window(WindowError),
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("a window is written FROM..TO, such as -30d..+365d or 2026-01-01..2026-07-01"),
            Self::Mixed => f.write_str("both ends of a window are offsets such as -30d, or both are dates or instants"),
            Self::Backwards => f.write_str("the window ends before it starts: write the earlier end first"),
            Self::Window(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PolicyError {}

impl From<WindowError> for PolicyError {
    fn from(error: WindowError) -> Self {
        Self::Window(error)
    }
}

impl From<ParseTimestampError> for PolicyError {
    fn from(error: ParseTimestampError) -> Self {
        Self::Window(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["-30d..+365d", "+0d..+7d", "-60d..-30d", "2016-12-01T00:00:00Z..2016-12-30T00:00:00Z"] {
            assert_eq!(text.parse::<WindowPolicy>().unwrap().to_string(), text);
        }
        assert_eq!("-2w..4w".parse(), Ok(WindowPolicy::Rolling { from: -14, to: 28 }));
        assert_eq!("0d..0d".parse(), Ok(WindowPolicy::Rolling { from: 0, to: 0 }));
    }

    #[test]
    fn what_is_not_a_window_is_refused() {
        for (text, error) in [
            ("", PolicyError::Form),
            ("-30d", PolicyError::Form),
            ("-30d..2026-01-01", PolicyError::Mixed),
            ("+1d..-1d", PolicyError::Backwards),
        ] {
            assert_eq!(text.parse::<WindowPolicy>(), Err(error), "{text}");
        }
        for text in
            ["2026-01-02..2026-01-01", "-1000d..+1000d", "a..b", "d..d", "2026-01-01..x", "-99999999999999999999d..1d"]
        {
            assert!(text.parse::<WindowPolicy>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_rolling_window_is_kept_until_today_needs_more() {
        let policy = WindowPolicy::default();
        let windows = policy.windows(at("2026-11-21T23:59:59Z"), 1).unwrap();
        for day in ["2026-11-22", "2026-12-21T23:59:59Z", "2020-01-01"] {
            assert_eq!(policy.moved(&windows, at(day), 1), Ok(None), "{day}");
        }
        let moved = policy.moved(&windows, at("2026-12-22"), 1).unwrap();
        assert_eq!(moved, Some(vec![policy.window(at("2026-12-22")).unwrap()]));
    }

    #[test]
    fn the_slack_never_makes_a_window_too_wide() {
        let widest: WindowPolicy = "-900d..+924d".parse().unwrap();
        let windows = widest.windows(at("2026-11-21"), 1).unwrap();
        assert_eq!(widest.moved(&windows, at("2026-11-21"), 1), Ok(None));
        assert!(widest.moved(&windows, at("2026-11-22"), 1).unwrap().is_some());
    }

    /// Of several tiles one comes and one goes, whole days without gaps, and what today needs is always covered.
    #[test]
    fn tiles_roll_one_at_a_time() {
        for (policy, tiles) in
            [("-30d..+365d", 12), ("-30d..+365d", 4), ("-30d..+365d", 2), ("-3d..+3d", 12), ("0d..+1d", 3)]
        {
            let policy: WindowPolicy = policy.parse().unwrap();
            let mut windows = policy.windows(at("2026-11-21"), tiles).unwrap();
            for day in 0..1_500 {
                let now = at("2026-11-21T12:00:00Z").plus_days(day);
                if let Some(moved) = policy.moved(&windows, now, tiles).unwrap() {
                    let (last, kept) = moved.split_last().unwrap();
                    assert!(windows.ends_with(kept) && !windows.contains(last), "{policy} in {tiles} on day {day}");
                    windows = moved;
                }
                assert!(windows.len() <= usize::from(tiles));
                let WindowPolicy::Rolling { from, to } = policy else { panic!() };
                let (start, end) = bounds(from, to, now);
                assert!(windows[0].start() <= start && end <= windows.last().unwrap().end());
                assert!(windows.windows(2).all(|two| two[0].end() == two[1].start()));
                assert!(windows.iter().all(|window| window.start() == window.start().midnight()));
            }
        }
    }

    #[test]
    fn a_long_pause_begins_anew_and_a_short_one_keeps_what_is_needed() {
        let policy = WindowPolicy::default();
        let windows = policy.windows(at("2026-11-21"), 4).unwrap();
        let later = policy.moved(&windows, at("2026-11-21").plus_days(300), 4).unwrap().unwrap();
        assert_eq!((later[0], later.len()), (windows[2], 4));
        let much_later = at("2026-11-21").plus_days(3_000);
        assert_eq!(policy.moved(&windows, much_later, 4), policy.windows(much_later, 4).map(Some));
    }

    #[test]
    fn a_fixed_window_is_cut_at_midnight() {
        let cut = |text: &str, tiles| {
            let policy: WindowPolicy = text.parse().unwrap();
            let windows = policy.windows(at("2026-11-21"), tiles).unwrap();
            windows.iter().map(|window| window.to_string().replace("T00:00:00Z", "")).collect::<Vec<_>>()
        };
        assert_eq!(cut("2026-01-01..2026-01-05", 2), ["2026-01-01..2026-01-03", "2026-01-03..2026-01-05"]);
        assert_eq!(
            cut("2026-01-01T12:00:00Z..2026-01-02T06:00:00Z", 4),
            ["2026-01-01T12:00:00Z..2026-01-02", "2026-01-02..2026-01-02T06:00:00Z"]
        );
        assert_eq!(cut("2026-01-01T12:00:00Z..2026-01-01T18:00:00Z", 12).len(), 1);
        assert_eq!(cut("2026-01-01..2026-12-31", 12).len(), 12);
    }
}

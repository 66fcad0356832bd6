//! Which window a calendar view has: a fixed one, or one that follows the calendar.

use std::fmt;
use std::str::FromStr;

use delta_core::{ParseTimestampError, Timestamp, Window, WindowError};

/// How many days a rolling window reaches further than it has to, so that it is made anew once in so many days and
/// not every day. Each new window is a full round, and full rounds cost the mailbox storage.
const SLACK_DAYS: i64 = 30;

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

    /// Whether a window that was begun under this policy still reaches far enough.
    ///
    /// Only the far end counts: what lies before the first day stays in the replica until the window is made anew, and
    /// a clock that goes back is no reason to read everything again.
    pub fn is_covered_by(&self, window: &Window, now: Timestamp) -> bool {
        match self {
            Self::Fixed(fixed) => fixed == window,
            Self::Rolling { from, to } => bounds(*from, *to, now).1 <= window.end(),
        }
    }
}

fn bounds(from: i64, to: i64, now: Timestamp) -> (Timestamp, Timestamp) {
    let today = now.midnight();
    (today.plus_days(from), today.plus_days(to.saturating_add(1)))
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
        let window = policy.window(at("2026-11-21T23:59:59Z")).unwrap();
        assert!(policy.is_covered_by(&window, at("2026-11-22")));
        assert!(policy.is_covered_by(&window, at("2026-12-21T23:59:59Z")));
        assert!(!policy.is_covered_by(&window, at("2026-12-22")));
        assert!(policy.is_covered_by(&window, at("2020-01-01")));
    }

    #[test]
    fn the_slack_never_makes_a_window_too_wide() {
        let widest: WindowPolicy = "-900d..+924d".parse().unwrap();
        let window = widest.window(at("2026-11-21")).unwrap();
        assert!(widest.is_covered_by(&window, at("2026-11-21")) && !widest.is_covered_by(&window, at("2026-11-22")));
    }
}

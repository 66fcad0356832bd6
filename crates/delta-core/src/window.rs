//! The date range of a calendar view.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::timestamp::{ParseTimestampError, Timestamp};

/// The range of a calendar view: from `start`, included, to `end`, excluded.
///
/// A delta token freezes its window: later rounds cannot move it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Bounds", into = "Bounds")]
pub struct Window {
    start: Timestamp,
    end: Timestamp,
}

impl Window {
    /// The widest window that Graph accepts, in days. It answers 400 `ErrorInvalidRequest`, «Maximum number of days:
    /// 1825», to a wider one (observed); five calendar years with a leap day are already too many.
    pub const MAX_DAYS: i64 = 1825;

    /// A window, if its end is after its start and it is at most [`MAX_DAYS`](Self::MAX_DAYS) wide.
    pub fn new(start: Timestamp, end: Timestamp) -> Result<Self, WindowError> {
        if end <= start {
            return Err(WindowError::EndNotAfterStart { start, end });
        }
        if end > start.plus_days(Self::MAX_DAYS) {
            return Err(WindowError::TooWide { start, end });
        }
        Ok(Self { start, end })
    }

    /// A window from two texts, each read as [`Timestamp::parse`] does.
    pub fn parse(start: &str, end: &str) -> Result<Self, WindowError> {
        Self::new(Timestamp::parse(start)?, Timestamp::parse(end)?)
    }

    /// The first instant.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// The instant after the last.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// Whether all of `other` lies within this window.
    pub fn contains(&self, other: &Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// Why two instants are not a window.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WindowError {
    /// One of the texts is not an instant.
    Parse(ParseTimestampError),
    /// The end is not after the start.
    EndNotAfterStart {
        /// The start that was given.
        start: Timestamp,
        /// The end that was given.
        end: Timestamp,
    },
    /// The window is wider than Graph accepts.
    TooWide {
        /// The start that was given.
        start: Timestamp,
        /// The end that was given.
        end: Timestamp,
    },
}

impl fmt::Display for WindowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parse(error) => error.fmt(f),
            Self::EndNotAfterStart { start, end } => {
                write!(f, "the window ends at {end}, which is not after its start, {start}")
            }
            Self::TooWide { start, end } => {
                let max = Window::MAX_DAYS;
                write!(f, "the window from {start} to {end} is wider than the {max} days that Graph accepts")
            }
        }
    }
}

impl std::error::Error for WindowError {}

impl From<ParseTimestampError> for WindowError {
    fn from(error: ParseTimestampError) -> Self {
        Self::Parse(error)
    }
}

/// A window as it is written: what is read back must pass the same checks.
#[derive(Serialize, Deserialize)]
struct Bounds {
    start: Timestamp,
    end: Timestamp,
}

impl TryFrom<Bounds> for Window {
    type Error = WindowError;

    fn try_from(bounds: Bounds) -> Result<Self, WindowError> {
        Self::new(bounds.start, bounds.end)
    }
}

impl From<Window> for Bounds {
    fn from(window: Window) -> Self {
        Self { start: window.start, end: window.end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_that_graph_would_refuse_cannot_be_built() {
        assert!(matches!(Window::parse("2026-01-02", "2026-01-01"), Err(WindowError::EndNotAfterStart { .. })));
        assert!(matches!(Window::parse("2026-01-01", "2026-01-01"), Err(WindowError::EndNotAfterStart { .. })));
        assert!(matches!(Window::parse("2024-01-01", "2029-01-01"), Err(WindowError::TooWide { .. })));
        assert!(matches!(Window::parse("yesterday", "2029-01-01"), Err(WindowError::Parse(_))));
        assert!(Window::parse("2025-01-01", "2029-12-31").is_ok());
        assert!(
            serde_json::from_str::<Window>(r#"{"start":"2026-01-02T00:00:00Z","end":"2026-01-01T00:00:00Z"}"#).is_err()
        );
    }

    #[test]
    fn offsets_count_and_their_absence_means_utc() {
        let window = Window::parse("2019-11-08T19:00:00-08:00", "2019-11-09T04:00:00").unwrap();
        assert_eq!(window.to_string(), "2019-11-09T03:00:00Z..2019-11-09T04:00:00Z");
    }
}

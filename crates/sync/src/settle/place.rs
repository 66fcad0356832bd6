//! Where an event is in time, as far as its own dates tell.

use delta_core::{Timestamp, Window};
use store::TileId;

/// Where an event is.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// There is no window.
    Anywhere,
    /// A series master: its dates are those of its first occurrence, and say nothing.
    Series,
    /// Not in the window, in whichever way a window holds events.
    Outside {
        /// Nor in that of any other tile.
        nowhere: bool,
    },
    /// Perhaps in the window.
    At {
        /// The tile with that window.
        tile: TileId,
        /// What it may share with the window.
        dates: Window,
        /// Whether it begins in the window, as written and read as UTC: then the window holds it in all readings.
        within: bool,
    },
}

/// How far a time without a zone is from UTC at most, in seconds.
pub(super) const FLOATING: i64 = 14 * 60 * 60;

/// The part of a window that these times, which may be so many seconds off, may share with it.
pub(super) fn dates(window: Window, start: Timestamp, end: Timestamp, floating: i64) -> Option<Window> {
    let last = window.end().plus_seconds(-1).max(window.start());
    let from = start.plus_seconds(-floating).clamp(window.start(), last);
    let to = end.plus_seconds(floating).clamp(from.plus_seconds(1), window.end().max(from.plus_seconds(1)));
    Window::new(from, to).ok()
}

//! How values are written that more than one command takes.

use std::net::SocketAddr;
use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

/// The number of items on a page.
pub(super) fn page_size(text: &str) -> Result<NonZeroU32, String> {
    let size = text.parse::<NonZeroU32>().ok().filter(|size| size.get() <= 1000);
    size.ok_or_else(|| "a page has 1 to 1000 items".to_owned())
}

/// An address to listen at.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an address is an IP address and a port, such as 127.0.0.1:8080".to_owned())
}

/// The number of a change.
pub(super) fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "a change has a number, which `caldelta changes` shows in front, such as 42".to_owned())
}

/// A number of tiles.
pub(super) fn tiles(text: &str) -> Result<NonZeroU8, String> {
    let tiles = text.parse::<NonZeroU8>().ok().filter(|tiles| tiles.get() <= 12);
    tiles.ok_or_else(|| "a window has 1 to 12 tiles".to_owned())
}

/// An age that is not nothing.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    let interval = age(text).map_err(|_| "an interval is a number and s, m, h or d, such as 15m".to_owned())?;
    if interval.is_zero() { Err("an interval is at least 1s".to_owned()) } else { Ok(interval) }
}

/// A number of seconds, minutes, hours or days.
pub(super) fn age(text: &str) -> Result<Duration, String> {
    let read = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
    };
    read().ok_or_else(|| "an age is a number and s, m, h or d, such as 15m".to_owned())
}

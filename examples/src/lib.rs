//! What all examples share: a calendar to read, a Graph on loopback to read it from, and a way to print it. Nothing
//! here talks to a client library: that is what each example shows by itself.
//!
//! The examples are the files beside this folder. They need no account and no network, and print the same five events.

mod agenda;
mod local_graph;

use std::num::NonZeroU32;
use std::time::{SystemTime, UNIX_EPOCH};

use delta_core::{Preferences, RoundOptions, ServiceRoot, Target, Timestamp, Window, WindowError};
use graph_sim::{Simulator, seeds};
use sync::{Replica, WindowPolicy};

pub use agenda::Agenda;
pub use local_graph::LocalGraph;

/// What an example's `main` gives.
pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A simulator that takes any token. In its only filled calendar are the five events of Graph's own walk-through.
///
/// # Errors
/// If the events can't be loaded.
pub fn simulator() -> Result<Simulator> {
    let mut simulator = Simulator::default();
    simulator.load(UNIX_EPOCH, &seeds::five_events())?;
    Ok(simulator)
}

/// The walk-through's window.
///
/// # Errors
/// None that can happen.
pub fn window() -> std::result::Result<Window, WindowError> {
    Window::parse(seeds::WINDOW_START, seeds::WINDOW_END)
}

/// The signed-in user's calendar within that window, at a root such as `https://graph.microsoft.com`.
///
/// # Errors
/// If the root is not one.
pub fn target(root: &str) -> Result<Target> {
    let root: ServiceRoot = root.parse()?;
    Ok(Target::calendar_view(root, "me".parse()?, window()?)?)
}

/// The same calendar and window, as `sync` keeps it in a store.
///
/// # Errors
/// If the root is not one.
pub fn replica(root: &str) -> Result<Replica> {
    let replica = Replica::new(root.parse()?, "me".parse()?);
    Ok(Replica { window: WindowPolicy::Fixed(window()?), page_size: PAGE_SIZE, ..replica })
}

/// Two events a page, so that five events take three requests.
pub const PAGE_SIZE: Option<NonZeroU32> = NonZeroU32::new(2);

/// How the examples hold a round. A real program draws a seed for each round, from the system's randomness.
pub fn options() -> RoundOptions {
    RoundOptions {
        preferences: Preferences { page_size: PAGE_SIZE, ..Preferences::default() },
        ..RoundOptions::default()
    }
}

/// The time by the machine's clock, for a [`Timer`](sync::Timer).
pub fn now() -> Timestamp {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// The code in `docs/embedding.md`, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../docs/embedding.md")]
struct Embedding;

#[cfg(test)]
mod tests {
    /// What `docs/embedding.md` says about threads.
    #[test]
    fn rounds_pages_and_runs_go_to_other_threads() {
        fn goes<T: Send + Sync>() {}
        fn goes_once<T: Send>(_: T) {}
        goes::<delta_core::Round>();
        goes::<delta_core::Page<Vec<u8>>>();
        goes::<sync::Synchronizer>();
        let _ = |engine: sync::Synchronizer, replica: sync::Replica, store: store::MemoryStore| {
            goes_once(engine.run(&replica, &store));
        };
    }
}

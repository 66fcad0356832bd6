//! Which tiles a replica is to have: the windows that its policy is made of, now.
//!
//! Windows are fixed when their tiles begin, and kept until the policy needs others. What the tiles are to be is known from
//! the published ones, except while that changes: then it is remembered until all of it is published.

use delta_core::{RoundKind, Timestamp, ViewKind, Window};
use serde::{Deserialize, Serialize};
use store::{Tile, TileId, View};

use crate::error::Error;
use crate::health::Health;
use crate::policy::{PolicyError, cut};
use crate::replica::Replica;

/// The most tiles that a replica has.
pub(crate) const MOST_TILES: u8 = 12;
/// Into how many parts a window is split that is too much for the server.
const PARTS: u8 = 4;

/// The windows that a replica is to have, while they are not published yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What they were made from: the policy, and for how many tiles.
    pub policy: String,
    /// The windows, in the order of time.
    pub windows: Vec<Window>,
}

impl Plan {
    /// The same with one of the windows in parts; none if it is too narrow for that, or there would be too many.
    pub(crate) fn split(&self, window: &Window) -> Option<(Self, Vec<Window>)> {
        let parts = cut(window, PARTS).ok().filter(|parts| parts.len() > 1)?;
        let windows: Vec<Window> =
            self.windows.iter().flat_map(|known| if known == window { parts.clone() } else { vec![*known] }).collect();
        let fits = windows.len() > self.windows.len() && windows.len() <= MOST_TILES.into();
        fits.then(|| (Self { policy: self.policy.clone(), windows }, parts))
    }

    /// The same with the parts of a window put together again.
    pub(crate) fn joined(&self, window: &Window) -> Self {
        let mut windows: Vec<Window> = self.windows.iter().copied().filter(|part| !window.contains(part)).collect();
        windows.push(*window);
        windows.sort_unstable_by_key(Window::start);
        Self { policy: self.policy.clone(), windows }
    }
}

/// The tiles that a replica is to have.
pub(crate) struct Layout {
    pub(crate) tiles: Vec<Tile>,
    pub(crate) plan: Plan,
    /// The tiles that are there tell as much: it need not be remembered.
    pub(crate) told: bool,
}

impl Layout {
    /// What a replica is to consist of now. `known` are tiles that this run has begun.
    pub(crate) fn of(
        replica: &Replica,
        health: &Health,
        view: &dyn View,
        known: &[Tile],
        now: Timestamp,
    ) -> Result<Self, Error> {
        let count = health.tile_count(replica.tiles.get().min(MOST_TILES));
        let policy = replica.policy(count);
        let ours = |tile: &&Tile| tile.policy.as_deref() == Some(policy.as_str());
        let published: Vec<&Tile> = view.tiles().iter().filter(ours).collect();
        let begun: Vec<Tile> =
            view.rounds().into_iter().filter(|round| round.kind == RoundKind::Full).map(|round| round.tile).collect();
        let begun: Vec<&Tile> = begun.iter().chain(known).filter(ours).collect();
        let windows: Vec<Option<Window>> = match replica.resource.view() {
            ViewKind::Events => vec![None],
            ViewKind::CalendarView => {
                let planned = health.plan.as_ref().filter(|plan| plan.policy == policy);
                let planned = planned.map(|plan| plan.windows.clone());
                windows(replica, count, health.collapsed.is_some(), planned, &published, &begun, now)?
                    .into_iter()
                    .map(Some)
                    .collect()
            }
        };
        let mut next = known.iter().map(|tile| tile.id.0.saturating_add(1)).fold(view.next_tile().0, u32::max);
        let mut tile = |window: &Option<Window>| {
            if let Some(known) = published.iter().chain(&begun).find(|tile| tile.window == *window) {
                return (*known).clone();
            }
            let id = TileId(next);
            next = next.saturating_add(1);
            Tile::new(id, *window, Some(policy.clone()))
        };
        let tiles: Vec<Tile> = windows.iter().map(&mut tile).collect();
        // One tile that was begun tells what it is.
        let told = tiles.len() == 1 || in_order(&published).into_iter().map(Some).eq(windows.iter().copied());
        let windows = windows.into_iter().flatten().collect();
        Ok(Self { tiles, plan: Plan { policy, windows }, told })
    }
}

/// The windows of a calendar view: those that were planned, those that are there, or new ones.
fn windows(
    replica: &Replica,
    count: u8,
    collapsed: bool,
    planned: Option<Vec<Window>>,
    published: &[&Tile],
    begun: &[&Tile],
    now: Timestamp,
) -> Result<Vec<Window>, PolicyError> {
    let policy = &replica.window;
    let one = count == 1 && collapsed;
    // Of several tiles one may be published alone: where one is to do for all, it has to be as wide.
    let fits = |windows: &Vec<Window>| !one || matches!(&windows[..], [window] if policy.begins_in(window, now));
    let published = Some(in_order(published)).filter(|windows| is_whole(windows) && fits(windows));
    let planned = planned.filter(fits);
    // Those of one tile that is being made anew, perhaps since yesterday.
    let again = begun.iter().filter_map(|tile| tile.window).filter(|_| count == 1);
    let again = again.filter(|window| policy.begins_in(window, now)).map(|window| vec![window]);
    let mut moved = None;
    for windows in planned.into_iter().chain(published).chain(again) {
        match policy.moved(&windows, now, count)? {
            None => return Ok(windows),
            Some(windows) => moved = moved.or(Some(windows)),
        }
    }
    moved.map_or_else(|| policy.windows(now, count), Ok)
}

/// The windows of tiles, in the order of time.
fn in_order(tiles: &[&Tile]) -> Vec<Window> {
    let mut windows: Vec<Window> = tiles.iter().filter_map(|tile| tile.window).collect();
    windows.sort_unstable_by_key(Window::start);
    windows
}

/// Whether windows follow each other without gaps.
fn is_whole(windows: &[Window]) -> bool {
    !windows.is_empty() && windows.windows(2).all(|two| matches!(two, [one, next] if one.end() == next.start()))
}

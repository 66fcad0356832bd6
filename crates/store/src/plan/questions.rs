//! What has to be asked before a run can be planned: what a round told of without being understood, and what a plain
//! listing did not show.

use std::collections::BTreeSet;
use std::sync::Arc;

use delta_core::{EventType, RoundId};

use super::{NOT_STAGED, ROWS};
use crate::Error;
use crate::batch::Word;
use crate::model::{Row, StagedRound, TileId};
use crate::store::View;

/// What only a GET of each event can tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Questions {
    /// Events that are there, and that were told of in items that could not be understood.
    pub unread: Vec<Arc<str>>,
    /// Events that a plain listing did not show, although its tile holds them, or one that goes and they are at dates that
    /// were listed: they may be gone, or may have slipped from one page to another while it was read. Series masters are
    /// never in the listing of a window, so their absence is no question there.
    pub absent: Vec<(TileId, Arc<str>)>,
}

/// What has to be asked about these staged rounds, with these tiles going.
///
/// # Errors
/// [`Error::Invalid`] if a round is not staged; what the view says.
pub async fn questions(view: &dyn View, rounds: &[RoundId], retire: &[TileId]) -> Result<Questions, Error> {
    let mut asked = Questions::default();
    let staged = view.rounds();
    for round in rounds {
        let round = staged.iter().find(|staged| staged.round == *round).ok_or(NOT_STAGED)?;
        let (seen, unread) = words(view, round).await?;
        asked.unread.extend(unread);
        if round.is_listing() {
            absent(view, round, &seen, retire, &mut asked.absent).await?;
        }
    }
    Ok(asked)
}

/// The ids that a round tells of, and those of them that it told of last without being understood.
async fn words(view: &dyn View, round: &StagedRound) -> Result<(BTreeSet<Arc<str>>, BTreeSet<Arc<str>>), Error> {
    let (mut seen, mut unread) = (BTreeSet::new(), BTreeSet::new());
    for number in 0..round.pages {
        let page = view.staged_page(round.round, number).await?.ok_or(NOT_STAGED)?;
        for item in page.items {
            match item.word {
                Word::Upsert { meta, .. } => {
                    unread.remove(&meta.id);
                    seen.insert(meta.id);
                }
                Word::Malformed { id: Some(id) } => {
                    seen.insert(id.clone());
                    unread.insert(id);
                }
                Word::Malformed { id: None } => {}
                Word::Remove { id } => {
                    unread.remove(&id);
                    seen.remove(&id);
                }
            }
        }
    }
    Ok((seen, unread))
}

async fn absent(
    view: &dyn View,
    round: &StagedRound,
    seen: &BTreeSet<Arc<str>>,
    retire: &[TileId],
    found: &mut Vec<(TileId, Arc<str>)>,
) -> Result<(), Error> {
    let mut after: Option<Arc<str>> = None;
    loop {
        let rows = view.rows(after.as_deref(), ROWS).await?;
        let listed = |row: &&Row| round.tile.window.is_none() || row.meta.kind != EventType::SeriesMaster;
        for row in rows.iter().filter(listed).filter(|row| !seen.contains(&row.meta.id)) {
            let asked = |tile: &&TileId| **tile == round.tile.id || (retire.contains(tile) && touches(round, row));
            found.extend(row.holds.iter().filter(asked).map(|tile| (*tile, row.meta.id.clone())));
        }
        match rows.last() {
            Some(last) if rows.len() == ROWS => after = Some(last.meta.id.clone()),
            _ => return Ok(()),
        }
    }
}

/// Whether a round has surely read the dates that a row is at, whichever of two readings is Graph's: that a window holds
/// what overlaps it, or what starts in it. A master has no dates of its own, so only its members could tell.
pub(super) fn covers(round: &StagedRound, row: &Row) -> bool {
    let Some(window) = round.tile.window else { return true };
    let start = row.meta.start.filter(|_| row.meta.kind != EventType::SeriesMaster);
    start.is_some_and(|start| window.start() <= start && start < window.end())
}

/// Whether a round may have read the dates that a row is at, in either of the readings. All-day events have dates, which
/// begin and end up to 14 hours earlier or later than they are written.
pub(super) fn touches(round: &StagedRound, row: &Row) -> bool {
    let (Some(window), Some(start)) = (round.tile.window, row.meta.start) else { return true };
    let end = row.meta.end.unwrap_or(start).max(start);
    row.meta.kind == EventType::SeriesMaster
        || (start < window.end().plus_seconds(FLOATING) && end >= window.start().plus_seconds(-FLOATING))
}

/// How far a time without a zone is from UTC at most, in seconds.
const FLOATING: i64 = 14 * 60 * 60;

//! Settling: asking the server about what a round told of without being understood, and about what a plain listing did
//! not show.

use std::collections::BTreeMap;
use std::sync::Arc;

use delta_core::{Event, EventType, Fetched as Asked, Found, Hydration, Preferences, RoundId, Snapshot, Window};
use store::{Fetched, Gone, Questions, Tile, TileId, View, What};

use crate::error::Error;
use crate::run::Run;

/// What the server said.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) fetched: Vec<Fetched>,
    pub(crate) gone: Vec<Gone>,
}

impl Run<'_> {
    /// Asks what has to be asked before the rounds can be published. What is not answered stays as it is: the next run
    /// asks again, or reads everything.
    pub(crate) async fn settle(
        &mut self,
        view: &dyn View,
        rounds: &[RoundId],
        retire: &[TileId],
    ) -> Result<Answers, Error> {
        let Questions { unread, absent } = store::questions(view, rounds, retire).await?;
        // What a round told of is a question about its own tile.
        let unread = unread.into_iter().map(|id| (id, (self.tile.id, false)));
        let absent = absent.into_iter().map(|(tile, id)| (id, (tile, true)));
        let asked: BTreeMap<Arc<str>, (TileId, bool)> = unread.chain(absent).collect();
        let mut answers = Answers::default();
        if asked.is_empty() {
            return Ok(answers);
        }
        self.report.unanswered = asked.len() as u64;
        let options = self.engine.options(Preferences { page_size: None, ..self.preferences() });
        let mut hydration = Hydration::new(self.target.clone(), asked.keys().map(ToString::to_string), options);
        loop {
            let hydrated = match self.ask(&mut hydration).await {
                Ok(Some(hydrated)) => hydrated,
                Ok(None) => return Ok(answers),
                Err(Error::Round(error)) => {
                    self.degrade(format!("some events could not be asked for: {error}"));
                    return Ok(answers);
                }
                Err(error) => return Err(error),
            };
            // Before anything else is asked: the wait is the mailbox's.
            if let Some(wait) = &hydrated.wait {
                self.wait(wait).await?;
            }
            for Asked { id, found } in hydrated.events {
                self.report.fetched = self.report.fetched.saturating_add(1);
                let Some((id, (tile, absent))) = asked.get_key_value(id.as_str()) else { continue };
                let answered = match self.verdict(id, found, *absent).await? {
                    Verdict::There(event) => {
                        answers.fetched.push(event);
                        true
                    }
                    Verdict::Not(what) => {
                        answers.gone.push(Gone { tile: *tile, id: id.clone(), what });
                        true
                    }
                    Verdict::Unknown => false,
                };
                self.report.unanswered = self.report.unanswered.saturating_sub(u64::from(answered));
            }
        }
    }

    /// Whether an event that was asked for is in the replica's view. What a listing did not show is deleted if a GET does
    /// not find it either; what a round told of without being understood goes by its `@removed` only.
    async fn verdict(&mut self, id: &str, found: Found, absent: bool) -> Result<Verdict, Error> {
        let raw = match found {
            Found::Event(raw) => raw,
            Found::Gone if absent => return Ok(Verdict::Not(What::Deleted)),
            Found::Gone | Found::Unknown(_) => return Ok(Verdict::Unknown),
        };
        let (listed, place) = match self.place(&raw) {
            Some(Place::Anywhere) => (true, What::Deleted),
            Some(Place::Outside) => (false, What::LeftWindow),
            Some(Place::At(dates)) => match self.is_listed(id, dates).await? {
                Some(listed) => (listed, What::Deleted),
                None => return Ok(Verdict::Unknown),
            },
            None => return Ok(Verdict::Unknown),
        };
        Ok(match Fetched::new(raw).filter(|_| listed) {
            Some(event) => Verdict::There(event),
            None if listed => Verdict::Unknown,
            None => Verdict::Not(place),
        })
    }

    /// Where an event is, as far as its own dates tell; none if they can't be read.
    fn place(&self, raw: &str) -> Option<Place> {
        let event = Event::parse(raw).ok()?;
        let Some(window) = self.tile.window else { return Some(Place::Anywhere) };
        if event.kind() == EventType::SeriesMaster {
            // Its dates are those of its first occurrence: they say nothing.
            return Some(Place::Anywhere);
        }
        let (start, end) = (event.start()?.read_as_utc()?, event.end()?.read_as_utc()?);
        let floating = if event.is_all_day() == Some(true) { FLOATING } else { 0 };
        if start >= window.end().plus_seconds(floating) || end < window.start().plus_seconds(-floating) {
            return Some(Place::Outside);
        }
        let from = start.max(window.start());
        Some(Place::At(Window::new(from, end.min(window.end()).max(from.plus_seconds(1))).ok()?))
    }

    /// Whether a listing of these dates, which are a part of the window, shows an event: only that tells whether the window
    /// holds it, in whichever way, and a GET was observed to find events for a while after they were deleted.
    async fn is_listed(&mut self, id: &str, dates: Window) -> Result<Option<bool>, Error> {
        let narrow = Tile { window: Some(dates), ..self.tile.clone() };
        let options = self.engine.options(self.preferences());
        let Some(mut listing) = Snapshot::new(self.replica.target(&narrow)?, options) else { return Ok(None) };
        loop {
            match self.ask(&mut listing).await {
                Ok(Some(listed)) if listed.page.changes().any(|change| change.id() == Some(id)) => {
                    return Ok(Some(true));
                }
                Ok(Some(_)) => {}
                Ok(None) => return Ok(Some(false)),
                Err(Error::Round(error)) => {
                    self.degrade(format!("an event could not be looked for: {error}"));
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// What became of a question about an event.
enum Verdict {
    /// It is in the view.
    There(Fetched),
    /// It is not.
    Not(What),
    /// Nobody knows.
    Unknown,
}

/// Where an event is.
enum Place {
    /// Its dates don't matter.
    Anywhere,
    /// Not in the window, in whichever way a window holds events.
    Outside,
    /// Perhaps in the window: at these dates, which are a part of it.
    At(Window),
}

/// How far a time without a zone is from UTC at most, in seconds.
const FLOATING: i64 = 14 * 60 * 60;

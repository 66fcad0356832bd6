//! What a run may publish.

use std::fmt;
use std::str::FromStr;

use delta_core::Event;
use store::{Note, Publish, RowChange, Source, View, What, reader};

use crate::error::Error;
use crate::observer::{Notice, Observer};

/// What is asked of a run when it is planned, before it is published. A run that is held back leaves its pages staged:
/// a later one that is not publishes them without fetching them again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// Publish nothing. The observer is told of each change that would be made.
    pub dry_run: bool,
    /// The most events that a run may delete. One that would delete more ends with
    /// [`Error::TooManyDeletes`](crate::Error::TooManyDeletes), and the observer is told of each. What leaves the window
    /// is not deleted.
    pub max_deletes: Option<MaxDeletes>,
}

/// How many events may be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxDeletes {
    /// So many.
    Number(u64),
    /// So many of a hundred that the replica holds, series masters included. Rounded up, so that a small calendar can
    /// lose an event; 0 % allows none.
    Percent(u8),
}

impl MaxDeletes {
    /// How many may go of so many rows.
    pub fn of(self, held: u64) -> u64 {
        match self {
            Self::Number(number) => number,
            Self::Percent(percent) => {
                let number = u128::from(held).saturating_mul(percent.into()).div_ceil(100);
                u64::try_from(number).unwrap_or(u64::MAX)
            }
        }
    }
}

impl fmt::Display for MaxDeletes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl FromStr for MaxDeletes {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "it is a number of events, such as 50, or a share of them from 0% to 100%";
        match text.strip_suffix('%') {
            Some(percent) => percent.parse().ok().filter(|percent| *percent <= 100).map(Self::Percent).ok_or(wrong),
            None => text.parse().map(Self::Number).map_err(|_| wrong),
        }
    }
}

/// A change that a run would make if it were published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What the journal would say.
    pub note: Note,
    /// The event's subject as it would be, or as it was if the event goes.
    pub subject: Option<String>,
}

impl Guard {
    /// Whether a run may be published.
    ///
    /// # Errors
    /// [`Error::TooManyDeletes`]; the view's.
    pub(crate) async fn admits(
        self,
        view: &dyn View,
        publish: &Publish,
        observer: &dyn Observer,
    ) -> Result<bool, Error> {
        let held = view.row_count();
        let deletes = deletes(publish)?;
        let too_many = self.max_deletes.filter(|allowed| deletes > allowed.of(held));
        if !self.dry_run && too_many.is_none() {
            return Ok(true);
        }
        for note in publish.notes() {
            let note = note?;
            if self.dry_run || note.what == What::Deleted {
                let subject = subject(view, publish, &note).await?;
                observer.notice(&Notice::Planned(&Planned { note, subject }));
            }
        }
        too_many.map_or(Ok(false), |allowed| Err(Error::TooManyDeletes { deletes, held, allowed }))
    }
}

fn deletes(publish: &Publish) -> Result<u64, Error> {
    let mut deletes = 0_u64;
    for note in publish.notes() {
        deletes = deletes.saturating_add((note?.what == What::Deleted).into());
    }
    Ok(deletes)
}

/// What an event is called: by itself, or by its series.
async fn subject(view: &dyn View, publish: &Publish, note: &Note) -> Result<Option<String>, Error> {
    let change = publish.change(&note.id);
    let series = match change {
        Some(RowChange::Put(row)) => row.meta.series.clone(),
        _ => view.row(&note.id).await?.and_then(|row| row.meta.series),
    };
    for id in [Some(&note.id), series.as_ref()].into_iter().flatten() {
        if let Some(RowChange::Put(row)) = publish.change(id) {
            let mut layers = Vec::new();
            let _ = row.layers.as_ref().map(|source| layers.push(source));
            for source in layers.into_iter().rev() {
                let raw = match source {
                    Source::Inline(raw) => Some(raw.clone()),
                    Source::Staged(item) => view.staged_raw(*item).await?,
                    Source::Keep => None,
                };
                if let Some(subject) = raw.as_deref().and_then(subject_in) {
                    return Ok(Some(subject));
                }
            }
        }
        let before = reader::event(view, id).await?;
        if let Some(subject) = before.and_then(|event| subject_in(&event.json)) {
            return Ok(Some(subject));
        }
    }
    Ok(None)
}

fn subject_in(json: &str) -> Option<String> {
    Event::parse(json).ok()?.subject().map(|subject| subject.into_owned())
}

//! Sync states: the streams that clients follow, and the few generations of each that are kept.
//!
//! Every answer to a delta request is a new generation of its stream. A ring keeps the newest few; a token of an older
//! one is answered with 410. A token that is used again gets the generation that it got before, so that a client may
//! repeat a request as often as it must.

use std::collections::{BTreeMap, VecDeque};

use crate::error::GraphError;
use crate::quirks::{GenerationScope, Quirks};
use crate::random::{Random, hash, scramble};
use crate::time::Instant;
use crate::window::Window;

/// What a stream follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// One calendar through one window.
    CalendarView {
        /// The calendar's id.
        calendar: String,
        window: Window,
    },
    /// The events of one calendar or of all, from some instant on or from the beginning.
    Events { calendar: Option<String>, start: Option<Instant> },
}

impl Scope {
    pub(crate) fn calendar(&self) -> Option<&str> {
        match self {
            Self::CalendarView { calendar, .. } => Some(calendar),
            Self::Events { calendar, .. } => calendar.as_deref(),
        }
    }
}

/// Everything that follows from one initial request.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) scope: Scope,
    /// The number of the latest change that any answer went up to.
    pub(crate) served: u64,
    ring: String,
}

#[derive(Debug, Default)]
struct Ring {
    highest: u64,
    kept: VecDeque<Generation>,
}

#[derive(Debug)]
struct Generation {
    number: u64,
    /// The generation whose token was answered with this one.
    parent: Option<u64>,
}

/// All streams of all mailboxes.
#[derive(Debug, Default)]
pub(crate) struct SyncStates {
    streams: BTreeMap<u64, Stream>,
    rings: BTreeMap<String, Ring>,
}

impl SyncStates {
    /// Opens a stream and returns its number.
    pub(crate) fn open(&mut self, mailbox: &str, scope: Scope, quirks: &Quirks, random: &mut Random) -> u64 {
        // The scope is part of the number: a simulator that starts anew with the same seed must not take a token from
        // its former life for one of another window.
        let number = scramble(random.number() ^ hash(0, format!("{mailbox} {scope:?}").as_bytes()));
        let ring = match quirks.generation_scope {
            GenerationScope::Stream => format!("{number}"),
            GenerationScope::Calendar => format!("{mailbox} {:?}", scope.calendar()),
            GenerationScope::Mailbox => mailbox.to_owned(),
        };
        self.streams.insert(number, Stream { scope, served: 0, ring });
        number
    }

    /// The stream of that number, provided that this generation of it is still kept.
    pub(crate) fn resume(&self, stream: u64, generation: u64) -> Result<&Stream, GraphError> {
        let known = self.streams.get(&stream);
        let ring = known.and_then(|stream| self.rings.get(&stream.ring));
        let kept: Vec<u64> = ring.into_iter().flat_map(|ring| &ring.kept).map(|kept| kept.number).collect();
        match known {
            Some(stream) if kept.contains(&generation) => Ok(stream),
            _ => Err(GraphError::sync_state_not_found(generation, &kept)),
        }
    }

    /// The generation of the answer to a token of generation `parent`, or to an initial request. The stream has now
    /// been served up to the change of number `cursor`.
    pub(crate) fn advance(&mut self, stream: u64, parent: Option<u64>, cursor: u64, quirks: &Quirks) -> u64 {
        let Some(stream) = self.streams.get_mut(&stream) else { return 0 };
        stream.served = stream.served.max(cursor);
        let ring = self.rings.entry(stream.ring.clone()).or_default();
        if let Some(again) = ring.kept.iter().find(|kept| parent.is_some() && kept.parent == parent) {
            return again.number;
        }
        ring.highest += 1;
        ring.kept.push_back(Generation { number: ring.highest, parent });
        while ring.kept.len() > quirks.kept_generations.max(1) {
            ring.kept.pop_front();
        }
        ring.highest
    }
}

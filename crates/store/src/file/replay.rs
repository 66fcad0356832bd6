//! Loading what frames say, but for what is most likely not needed: the pages of rounds that have ended since.

use std::collections::BTreeMap;

use delta_core::RoundId;
use serde::Deserialize;

use super::scan::{Frame, Scan};
use super::segment::{Segments, Span};
use crate::Error;
use crate::effects::{Effects, Page};
use crate::index::Index;

/// What is being read, and what is put off until the end.
pub(super) struct Replay<'a> {
    index: &'a mut Index<Span>,
    pages: Vec<PutOff>,
    /// The last frame that ended a round.
    ended: BTreeMap<RoundId, u64>,
}

/// A page of a round that may end later.
struct PutOff {
    round: RoundId,
    /// The frame's sequence number.
    seq: u64,
    page: Where,
}

enum Where {
    Here(Box<Page<Span>>),
    There { segment: u32, offset: u64 },
}

/// A line of a staged page: of all that it says, the round.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StagedPage {
    pages: [Round; 1],
}

#[derive(Deserialize)]
struct Round {
    round: RoundId,
}

impl<'a> Replay<'a> {
    pub(super) fn new(index: &'a mut Index<Span>) -> Self {
        Self { index, pages: Vec::new(), ended: BTreeMap::new() }
    }

    /// Takes the next frame; false if its line can't be understood.
    pub(super) fn visit(&mut self, frame: &Frame<'_>) -> bool {
        let seq = frame.header.chain.seq;
        if let Ok(StagedPage { pages: [Round { round }] }) = serde_json::from_slice(frame.line) {
            let page = Where::There { segment: frame.segment, offset: frame.offset };
            self.pages.push(PutOff { round, seq, page });
            return true;
        }
        let Some(mut effects) = frame.effects() else { return false };
        for page in std::mem::take(&mut effects.pages) {
            self.pages.push(PutOff { round: page.round, seq, page: Where::Here(Box::new(page)) });
        }
        self.ended.extend(effects.ended.iter().map(|round| (*round, seq)));
        self.index.load(effects);
        true
    }

    /// Loads the pages of rounds that have not ended. They are read once more from their segments, and checked.
    pub(super) fn finish(self, segments: &Segments) -> Result<(), Error> {
        let Self { index, pages, ended } = self;
        for PutOff { round, seq, page } in pages {
            if ended.get(&round).is_some_and(|ended| *ended > seq) {
                continue;
            }
            index.load(match page {
                Where::Here(page) => Effects { pages: vec![*page], ..Effects::default() },
                Where::There { segment, offset } => effects(segments, segment, offset)?,
            });
        }
        Ok(())
    }
}

/// What the frame at an offset says.
fn effects(segments: &Segments, number: u32, offset: u64) -> Result<Effects<Span>, Error> {
    let path = segments.path(number);
    let damaged = || Error::Damaged { path: path.clone(), offset, what: "a frame is not whole any more" };
    let file = segments.file(number).ok_or_else(damaged)?;
    let mut scan = Scan::new(file.as_ref(), &path, number)?;
    let header = scan.frame(offset)?.ok_or_else(damaged)?;
    let mut found = None;
    scan.visit(offset, header, &mut |frame| {
        found = frame.effects();
        found.is_some()
    })?;
    found.ok_or_else(damaged)
}

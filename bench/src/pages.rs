//! Pages to measure with, as text and as a round has read them.

use delta_core::{Page, Resource, Round, RoundId, RoundKind, ServiceRoot, Step, Target, Window};
use graph_sim::Load;
use http::Response;
use store::Position;

use crate::Outcome;

pub const ROOT: &str = "http://127.0.0.1:1";

/// The pages of a load's first round.
pub fn bodies(events: usize, page_size: usize) -> Vec<Vec<u8>> {
    let load = Load { events, page_size, rounds: 0, changed: 0 };
    (0..load.pages(0)).map(|page| load.page(ROOT, 0, page).into_bytes()).collect()
}

pub fn window() -> Outcome<Window> {
    Ok(Window::parse("2026-01-01", "2027-01-01")?)
}

pub fn target(root: &str) -> Outcome<Target> {
    Ok(Target::calendar_view(ServiceRoot::parse(root)?, "me".parse::<Resource>()?, window()?)?)
}

/// A round's pages as the engine would stage them.
pub struct Read {
    pub round: RoundId,
    pub kind: RoundKind,
    pub pages: Vec<(Page<Vec<u8>>, Position)>,
}

/// Reads a whole round.
pub fn read(bodies: Vec<Vec<u8>>) -> Outcome<Read> {
    let mut round = Round::full(target(ROOT)?);
    let mut pages = Vec::new();
    for body in bodies {
        match round.receive(Response::new(body))? {
            Step::Page { page, checkpoint } => pages.push((page, Position::Paging(checkpoint))),
            Step::Complete { page, link } => pages.push((page, Position::Complete(link))),
            step => return Err(format!("{step:?}").into()),
        }
    }
    Ok(Read { round: round.id(), kind: round.kind(), pages })
}

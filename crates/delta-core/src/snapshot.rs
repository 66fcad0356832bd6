//! The plain listing of a calendar view, for when delta queries are refused, stalled or out of room.
//!
//! It has no token, so nothing is remembered: it shows what is there while it is read. What it does not show may be gone,
//! or was moved past the reader between two pages (Graph pages listings by `$skip`), so absence is a question.

use std::num::NonZeroU32;

use http::{Request, Response, Uri};

use crate::conversation::{Conversation, Reply};
use crate::error::{Error, Failure};
use crate::link::LinkError;
use crate::paging::{Collection, Listed, Paging};
use crate::round::RoundOptions;
use crate::target::Target;

/// A plain listing, as a state machine without I/O. See [`Conversation`] for how it is driven.
#[derive(Clone)]
pub struct Snapshot(Paging<Target>);

impl Snapshot {
    /// A listing of what the target tracks; none for an events view that begins at a date, for which there is no listing
    /// that would agree with it about series.
    pub fn new(target: Target, options: RoundOptions) -> Option<Self> {
        Paging::new(target, options).map(Self)
    }

    /// How many pages it received.
    pub fn page(&self) -> u32 {
        self.0.pages()
    }
}

impl Collection for Target {
    fn first(&self, page_size: Option<NonZeroU32>) -> Option<Uri> {
        self.listing_uri(page_size)
    }

    fn follow(&self, link: &str) -> Result<Uri, LinkError> {
        self.follow(link)
    }
}

impl Conversation for Snapshot {
    type Answer<B> = Listed<B>;

    fn request(&self) -> Option<Request<Vec<u8>>> {
        self.0.request()
    }

    fn receive<B: AsRef<[u8]>>(&mut self, response: Response<B>) -> Result<Reply<Listed<B>>, Error> {
        self.0.receive(response)
    }

    fn fail<B: AsRef<[u8]>>(&mut self, failure: Failure) -> Result<Reply<Listed<B>>, Error> {
        self.0.fail(failure)
    }
}

//! The instances that one series has in a window: what tells for certain which occurrences and exceptions are in it.
//!
//! `GET …/events/{id}/instances` lists occurrences with all their properties, and exceptions, but no cancelled
//! occurrences (Graph's documentation, «List instances»). [`Hydration`](crate::Hydration) asks for those of many series at
//! once, in batches, and of each for no more than when it is.

use std::num::NonZeroU32;

use http::{Request, Response, Uri};

use crate::conversation::{Conversation, Reply};
use crate::error::{Error, Failure};
use crate::link::LinkError;
use crate::paging::{Collection, Listed, Paging};
use crate::round::RoundOptions;
use crate::target::Target;
use crate::window::Window;

/// The listing of one series' instances, as a state machine without I/O. See [`Conversation`] for how it is driven.
#[derive(Clone)]
pub struct Instances(Paging<Series>);

/// What is listed.
#[derive(Clone)]
struct Series {
    target: Target,
    id: String,
    window: Window,
}

impl Instances {
    /// The instances that the series with this id has in a window. A series that is not there ends with
    /// [`Refusal::NotFound`](crate::Refusal::NotFound).
    pub fn new(target: Target, series: impl Into<String>, window: Window, options: RoundOptions) -> Option<Self> {
        Paging::new(Series { target, id: series.into(), window }, options).map(Self)
    }

    /// How many pages it received.
    pub fn page(&self) -> u32 {
        self.0.pages()
    }
}

impl Collection for Series {
    fn first(&self, page_size: Option<NonZeroU32>) -> Option<Uri> {
        self.target.instances_uri(&self.id, self.window, page_size)
    }

    fn follow(&self, link: &str) -> Result<Uri, LinkError> {
        self.target.follow(link)
    }
}

impl Conversation for Instances {
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

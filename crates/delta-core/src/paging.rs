//! A plain collection, read page after page: what listings of events and of calendars have in common.

use std::num::NonZeroU32;

use http::{Method, Request, Response, Uri};

use crate::attempt::{Answer, Attempts, Body, page_size};
use crate::conversation::Reply;
use crate::error::{Error, Failure};
use crate::link::LinkError;
use crate::page::Page;
use crate::prefer::Preferences;
use crate::round::RoundOptions;
use crate::stall::{Guard, Stall};

/// A collection that has a listing.
pub(crate) trait Collection {
    /// The URI of its first page, of a size; none if there is no listing of it.
    fn first(&self, page_size: Option<NonZeroU32>) -> Option<Uri>;

    /// Checks a link to another page, and gives the URI to request in its place.
    fn follow(&self, link: &str) -> Result<Uri, LinkError>;
}

/// A listing on its way.
#[derive(Clone)]
pub(crate) struct Paging<C> {
    collection: C,
    options: RoundOptions,
    state: State,
    /// What the page size was changed to.
    page_size: Option<NonZeroU32>,
    pages: u32,
    bytes: u64,
    attempts: Attempts,
    guard: Guard,
}

#[derive(Clone)]
enum State {
    Initial,
    Paging(Uri),
    Complete,
}

/// A page of a listing.
#[derive(Debug)]
pub struct Listed<B> {
    /// The page. It holds no removals, and occurrences have all their properties.
    pub page: Page<B>,
    /// Whether there is no other after it.
    pub last: bool,
}

impl<C: Collection> Paging<C> {
    /// A listing of the collection, if there is one.
    pub(crate) fn new(collection: C, options: RoundOptions) -> Option<Self> {
        collection.first(None)?;
        Some(Self {
            collection,
            options,
            state: State::Initial,
            page_size: None,
            pages: 0,
            bytes: 0,
            attempts: Attempts::default(),
            guard: Guard::default(),
        })
    }

    pub(crate) fn pages(&self) -> u32 {
        self.pages
    }

    pub(crate) fn request(&self) -> Option<Request<Vec<u8>>> {
        let preferences = Preferences { page_size: self.page_size(), ..self.options.preferences.clone() };
        Some(self.attempts.request(Method::GET, self.uri()?, &preferences, Vec::new(), self.options.seed))
    }

    pub(crate) fn receive<B: AsRef<[u8]>>(&mut self, response: Response<B>) -> Result<Reply<Listed<B>>, Error> {
        if matches!(self.state, State::Complete) {
            return Err(Error::Finished);
        }
        let answer = self.attempts.receive(response, self.options.seed)?;
        self.take(answer)
    }

    pub(crate) fn fail<B: AsRef<[u8]>>(&mut self, failure: Failure) -> Result<Reply<Listed<B>>, Error> {
        if matches!(self.state, State::Complete) {
            return Err(Error::Finished);
        }
        let less = page_size::smaller(self.page_size()).is_some();
        let answer = self.attempts.fail(failure, less, self.options.seed)?;
        self.take(answer)
    }

    fn page_size(&self) -> Option<NonZeroU32> {
        self.page_size.or(self.options.preferences.page_size)
    }

    fn uri(&self) -> Option<Uri> {
        match &self.state {
            State::Initial => self.collection.first(self.page_size()),
            State::Paging(uri) => Some(uri.clone()),
            State::Complete => None,
        }
    }

    fn take<B: AsRef<[u8]>>(&mut self, answer: Answer<B>) -> Result<Reply<Listed<B>>, Error> {
        match answer {
            Answer::Body(body) => self.accept(body).map(Reply::Answer),
            Answer::Wait { wait, ask_for_less } => {
                if ask_for_less {
                    self.page_size = page_size::smaller(self.page_size()).or(self.page_size);
                }
                Ok(Reply::Wait(wait))
            }
            Answer::Authenticate(challenge) => Ok(Reply::Authenticate(challenge)),
            Answer::Refused(refused) => Err(refused.into()),
        }
    }

    fn accept<B: AsRef<[u8]>>(&mut self, body: Body<B>) -> Result<Listed<B>, Error> {
        let Body { bytes, content_type, ids, .. } = body;
        let length = bytes.as_ref().len() as u64;
        let (page, links) =
            Page::parse(bytes).map_err(|error| Error::NotAPage { error, content_type, ids: ids.clone() })?;
        let state = match links.next {
            Some(next) => State::Paging(self.collection.follow(&next)?),
            None => State::Complete,
        };
        let last = matches!(state, State::Complete);
        let pages = self.pages.saturating_add(1);
        let bytes = self.bytes.saturating_add(length);
        if !last && let Some(stall) = self.stall(&page, pages, bytes) {
            return Err(Error::Stalled { stall, pages, ids });
        }
        (self.state, self.pages, self.bytes) = (state, pages, bytes);
        self.attempts.next();
        Ok(Listed { page, last })
    }

    fn stall<B: AsRef<[u8]>>(&mut self, page: &Page<B>, pages: u32, bytes: u64) -> Option<Stall> {
        let stall = self.guard.look(page.items());
        let pages = (pages >= self.options.max_pages).then_some(Stall::Pages);
        stall.or(pages).or((bytes > self.options.max_bytes).then_some(Stall::Bytes))
    }
}

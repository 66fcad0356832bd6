//! The round: one or more requests from an initial request or a delta link to the next delta link.
//!
//! Everything that moves a round is in this file. This table is all of it:
//!
//! | phase | what comes | step | phase then |
//! |---|---|---|---|
//! | Initial, Paging | a page with a next link | `Page` | Paging |
//! | Initial, Paging | a page with a delta link only | `Complete` | Complete |
//! | Initial, Paging | an answer that passes, such as 429 or 503, or no response | `Wait` | the same |
//! | Initial, Paging | a challenge, for the first time at this request | `Authenticate` | the same |
//! | Paging | a dead next link of an incremental round, for the first time | `Restart` from its delta link | Initial |
//! | Initial, Paging | a dead link otherwise, within the budget | `Restart` as a full round | Initial |
//! | Paging | pages that bring nothing new, while larger pages can be asked for | `Restart` with larger pages | Initial |
//! | any | anything else | an error | the same |
//!
//! A link is dead if the answer to it is 410, a resync code, or any other 400 or 404: the server forgets old states,
//! and does not always say so. At the initial request of a full round, 400 and 404 are final. A request that was too
//! much for the server for the second time (503 or 504 without `Retry-After`, or no response in time) makes the next
//! pages smaller.

use std::fmt;
use std::num::NonZeroU32;

use http::{Method, Request, Response, Uri};

use crate::attempt::{Answer, Attempts, Body, Refused, page_size};
use crate::checkpoint::{Checkpoint, RoundId, RoundKind, Spent};
use crate::error::{Error, Failure};
use crate::graph_error::RequestIds;
use crate::link::{DeltaLink, NextLink};
use crate::page::Page;
use crate::prefer::Preferences;
use crate::refusal::Refusal;
use crate::seed::{hash, mix};
use crate::stall::{Guard, Stall};
use crate::step::{Restart, Step};
use crate::target::Target;

/// How a round is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundOptions {
    /// What goes into the `Prefer` header of every request. The round changes the page size by itself where it has to.
    pub preferences: Preferences,
    /// What everything that looks random comes from: the round's id, request ids, jitter. Give each round its own.
    pub seed: u64,
    /// How many pages a round may have. 2,000,000 events fit at the default page size.
    pub max_pages: u32,
    /// How many bytes its pages may have.
    pub max_bytes: u64,
    /// How often it may begin anew as a full round. Each time costs the mailbox storage (observed: such rounds fill
    /// mailboxes until Graph answers `ErrorQuotaExceeded`), so a driver should spend less on a target that did it lately.
    pub full_restarts: u32,
}

impl Default for RoundOptions {
    fn default() -> Self {
        Self { preferences: Preferences::default(), seed: 0, max_pages: 10_000, max_bytes: 1 << 36, full_restarts: 3 }
    }
}

/// Where a round is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nothing was received yet.
    Initial,
    /// At least one page was received, and more are to come.
    Paging,
    /// The delta link was received.
    Complete,
}

/// One round, as a state machine without I/O.
///
/// Asking is pure, telling is fallible: [`request`](Self::request) gives the same request until the round is told of
/// its response with [`receive`](Self::receive), or of its absence with [`fail`](Self::fail). An error moves nothing.
///
/// ```
/// use delta_core::{Cloud, Phase, Resource, Round, ServiceRoot, Step, Target, Window};
///
/// let window = Window::parse("2016-12-01", "2016-12-30")?;
/// let target = Target::calendar_view(ServiceRoot::cloud(Cloud::Global), "me".parse()?, window)?;
/// let mut round = Round::full(target);
/// while let Some(request) = round.request() {
///     assert_eq!(request.headers()["prefer"], r#"odata.maxpagesize=200, outlook.timezone="UTC", IdType="ImmutableId""#);
///     // Here your own client would send it, with a bearer token.
///     let body = r#"{"value":[{"id":"A"}],"@odata.deltaLink":"https://graph.microsoft.com/v1.0/me/calendarView/delta?$deltatoken=x"}"#;
///     match round.receive(http::Response::new(body))? {
///         Step::Page { page, checkpoint } => println!("store {} changes with {checkpoint:?}", page.len()),
///         Step::Complete { page, link } => println!("publish {} changes with {link:?}", page.len()),
///         Step::Wait(wait) => println!("sleep for {:?}", wait.duration),
///         Step::Authenticate(challenge) => println!("get a token for {challenge:?}"),
///         Step::Restart(restart) => println!("throw away what {} stored", restart.void),
///     }
/// }
/// assert_eq!(round.phase(), Phase::Complete);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Round {
    target: Target,
    options: RoundOptions,
    kind: RoundKind,
    state: State,
    /// Where an incremental round began: its delta link.
    origin: Option<Uri>,
    spent: Spent,
    restarts: Restarts,
    id: Option<RoundId>,
    attempts: Attempts,
    guard: Guard,
}

#[derive(Clone)]
enum State {
    Initial(Uri),
    Paging { uri: Uri, next: NextLink },
    Complete,
}

/// How often a round began anew.
#[derive(Clone, Copy, Default)]
struct Restarts {
    all: u64,
    /// As a full round.
    full: u32,
    /// From its delta link, because a next link was dead.
    rewound: bool,
    /// With larger pages, because it was going nowhere.
    enlarged: u32,
}

impl Round {
    /// A round that reads everything.
    pub fn full(target: Target) -> Self {
        let uri = target.initial_uri().clone();
        Self::new(target, RoundKind::Full, State::Initial(uri))
    }

    /// A round that reads what changed since the round that gave `link`.
    ///
    /// # Errors
    /// [`Error::Link`] if the link points elsewhere than the target.
    pub fn incremental(target: Target, link: &DeltaLink) -> Result<Self, Error> {
        let uri = target.follow(link.expose())?;
        let round = Self::new(target, RoundKind::Incremental, State::Initial(uri.clone()));
        Ok(Self { origin: Some(uri), ..round })
    }

    /// A round that goes on from a checkpoint.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if it is of another version or target, [`Error::Link`] if its link points elsewhere.
    pub fn resume(target: Target, checkpoint: &Checkpoint) -> Result<Self, Error> {
        let next = checkpoint.next_for(fingerprint(&target))?.clone();
        let uri = target.follow(next.expose())?;
        let round = Self::new(target, checkpoint.kind(), State::Paging { uri, next });
        Ok(Self { spent: checkpoint.spent(), id: Some(checkpoint.round()), ..round })
    }

    fn new(target: Target, kind: RoundKind, state: State) -> Self {
        Self {
            target,
            options: RoundOptions::default(),
            kind,
            state,
            origin: None,
            spent: Spent::default(),
            restarts: Restarts::default(),
            id: None,
            attempts: Attempts::default(),
            guard: Guard::default(),
        }
    }

    /// The same incremental round with the delta link that it began with, which a checkpoint does not hold: if its next
    /// link is dead, it begins anew from there and not as a full round.
    ///
    /// # Errors
    /// [`Error::Link`] if the link points elsewhere than the target.
    pub fn with_origin(self, link: &DeltaLink) -> Result<Self, Error> {
        let uri = self.target.follow(link.expose())?;
        Ok(Self { origin: Some(uri).filter(|_| self.kind == RoundKind::Incremental), ..self })
    }

    /// The same round with other options.
    #[must_use]
    pub fn with_options(self, options: RoundOptions) -> Self {
        Self { options, ..self }
    }

    /// What the round tracks.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Whether it replaces or merges. A restart makes it a full one.
    pub fn kind(&self) -> RoundKind {
        self.kind
    }

    /// Its id. A restart changes it.
    pub fn id(&self) -> RoundId {
        self.id.unwrap_or_else(|| RoundId::new(mix(self.options.seed, self.restarts.all)))
    }

    /// How many pages it received.
    pub fn page(&self) -> u32 {
        self.spent.page
    }

    /// The page size that it asks for now. Where it differs from the one in its options, that one did not work: the
    /// next round does well to begin with this one.
    pub fn page_size(&self) -> Option<NonZeroU32> {
        self.spent.page_size.or(self.options.preferences.page_size)
    }

    /// Where it is.
    pub fn phase(&self) -> Phase {
        match self.state {
            State::Initial(_) => Phase::Initial,
            State::Paging { .. } => Phase::Paging,
            State::Complete => Phase::Complete,
        }
    }

    /// The position to resume from; there is one while the round is [`Phase::Paging`].
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        match &self.state {
            State::Paging { next, .. } => Some(self.checkpoint_at(next)),
            State::Initial(_) | State::Complete => None,
        }
    }

    fn checkpoint_at(&self, next: &NextLink) -> Checkpoint {
        Checkpoint::new(self.id(), self.kind, self.spent, next.clone(), fingerprint(&self.target))
    }

    /// The request that is due, without its token; `None` once the round is complete.
    ///
    /// Its URI is always at the target's own origin. It holds a state token: don't print it, see
    /// [`RequestLine`](crate::RequestLine).
    pub fn request(&self) -> Option<Request<Vec<u8>>> {
        let uri = match &self.state {
            State::Initial(uri) | State::Paging { uri, .. } => uri.clone(),
            State::Complete => return None,
        };
        let preferences = Preferences { page_size: self.page_size(), ..self.options.preferences.clone() };
        Some(self.attempts.request(Method::GET, uri, &preferences, Vec::new(), self.options.seed))
    }

    /// Tells the round of the response to its request.
    ///
    /// # Errors
    /// An error is final and moves nothing: the last checkpoint is still good.
    pub fn receive<B: AsRef<[u8]>>(&mut self, response: Response<B>) -> Result<Step<B>, Error> {
        if self.phase() == Phase::Complete {
            return Err(Error::Finished);
        }
        let answer = self.attempts.receive(response, self.options.seed)?;
        self.take(answer)
    }

    /// Tells the round that its request got no response.
    ///
    /// # Errors
    /// [`Error::NoResponse`] if trying again won't help or was tried often enough.
    pub fn fail<B: AsRef<[u8]>>(&mut self, failure: Failure) -> Result<Step<B>, Error> {
        if self.phase() == Phase::Complete {
            return Err(Error::Finished);
        }
        let less = page_size::smaller(self.page_size()).is_some();
        let answer = self.attempts.fail(failure, less, self.options.seed)?;
        self.take(answer)
    }

    fn take<B: AsRef<[u8]>>(&mut self, answer: Answer<B>) -> Result<Step<B>, Error> {
        match answer {
            Answer::Body(body) => self.accept(body),
            Answer::Wait { wait, ask_for_less } => {
                if ask_for_less {
                    self.spent.page_size = page_size::smaller(self.page_size()).or(self.spent.page_size);
                }
                Ok(Step::Wait(wait))
            }
            Answer::Authenticate(challenge) => Ok(Step::Authenticate(challenge)),
            Answer::Refused(refused) => self.refuse(refused),
        }
    }

    fn accept<B: AsRef<[u8]>>(&mut self, body: Body<B>) -> Result<Step<B>, Error> {
        let Body { bytes, content_type, ids, .. } = body;
        let length = bytes.as_ref().len() as u64;
        let not_a_page = |error| Error::NotAPage { error, content_type, ids: ids.clone() };
        let (page, links) = Page::parse(bytes).map_err(not_a_page)?;
        match (links.next, links.delta) {
            // With both links, the round is not over: the next link is followed.
            (Some(next), _) => {
                let uri = self.target.follow(&next)?;
                let circle = uri == *self.target.initial_uri() || self.origin.as_ref() == Some(&uri);
                let stall = self.guard.look(page.items());
                if let Some(stall) = if circle { Some(Stall::Circle) } else { stall } {
                    return self.escape(stall, ids);
                }
                if let Some(stall) = self.over_budget(length) {
                    return Err(Error::Stalled { stall, pages: self.spent.page.saturating_add(1), ids });
                }
                let next = NextLink::new(next);
                self.advance(State::Paging { uri, next: next.clone() }, length);
                Ok(Step::Page { page, checkpoint: self.checkpoint_at(&next) })
            }
            (None, Some(delta)) => {
                self.target.follow(&delta)?;
                self.advance(State::Complete, length);
                Ok(Step::Complete { page, link: DeltaLink::new(delta) })
            }
            (None, None) => Err(Error::NoLink { ids }),
        }
    }

    fn over_budget(&self, length: u64) -> Option<Stall> {
        if self.spent.page.saturating_add(1) >= self.options.max_pages {
            Some(Stall::Pages)
        } else {
            (self.spent.bytes.saturating_add(length) > self.options.max_bytes).then_some(Stall::Bytes)
        }
    }

    fn advance(&mut self, state: State, length: u64) {
        self.state = state;
        self.spent.page = self.spent.page.saturating_add(1);
        self.spent.bytes = self.spent.bytes.saturating_add(length);
        self.attempts.next();
    }

    /// A refused request ends the round, unless it was the link that was refused.
    fn refuse<B>(&mut self, refused: Refused) -> Result<Step<B>, Error> {
        let paging = self.phase() == Phase::Paging;
        let at_link = paging || self.kind == RoundKind::Incremental;
        match refused.refusal {
            Refusal::BadRequest | Refusal::NotFound if !at_link => Err(refused.into()),
            Refusal::Forgotten | Refusal::BadRequest | Refusal::NotFound => {
                let named = refused.error.codes.last().cloned();
                let reason = named.unwrap_or_else(|| format!("the server answered {}", refused.status));
                let again = self.start_over(reason, refused.error.ids.clone());
                again.map(Step::Restart).ok_or_else(|| Refused { refusal: Refusal::Forgotten, ..refused }.into())
            }
            Refusal::Forbidden if paging => Err(Refused { refusal: Refusal::ForbiddenLink, ..refused }.into()),
            _ => Err(refused.into()),
        }
    }

    /// Begins anew because a link is dead: from the delta link if that may still be good, otherwise as a full round.
    fn start_over(&mut self, reason: String, ids: RequestIds) -> Option<Restart> {
        let rewinds = self.phase() == Phase::Paging && !self.restarts.rewound;
        if let Some(origin) = self.origin.clone().filter(|_| rewinds) {
            self.restarts.rewound = true;
            return self.begin(Some(origin), reason, ids);
        }
        self.begin(None, reason, ids)
    }

    /// Begins anew because the round is going nowhere, with larger pages: those that are smaller than a group of items
    /// that belong together were observed to come again and again (msgraph-sdk-dotnet#3070).
    fn escape<B>(&mut self, stall: Stall, ids: RequestIds) -> Result<Step<B>, Error> {
        let pages = self.spent.page.saturating_add(1);
        let larger = match self.restarts.enlarged {
            // What has no items, or too much of them, is not so for their number on a page.
            _ if !matches!(stall, Stall::Repeating | Stall::Circle) => None,
            0 => page_size::larger(self.page_size()),
            1 => page_size::largest(self.page_size()),
            _ => None,
        };
        if let Some(larger) = larger {
            let reason = format!("{stall}, so it asks for pages of {larger}");
            if let Some(restart) = self.begin(self.origin.clone(), reason, ids.clone()) {
                self.spent.page_size = Some(larger);
                self.restarts.enlarged = self.restarts.enlarged.saturating_add(1);
                return Ok(Step::Restart(restart));
            }
        }
        Err(Error::Stalled { stall, pages, ids })
    }

    /// Begins anew at a delta link, or as a full round if the budget allows it.
    fn begin(&mut self, origin: Option<Uri>, reason: String, ids: RequestIds) -> Option<Restart> {
        let (kind, uri) = match &origin {
            Some(uri) => (RoundKind::Incremental, uri.clone()),
            None if self.restarts.full >= self.options.full_restarts => return None,
            None => (RoundKind::Full, self.target.initial_uri().clone()),
        };
        let void = self.id();
        self.restarts.all = self.restarts.all.saturating_add(1);
        self.restarts.full = self.restarts.full.saturating_add(u32::from(kind == RoundKind::Full));
        self.id = Some(RoundId::new(mix(void.number(), self.restarts.all)));
        self.kind = kind;
        self.origin = origin;
        self.state = State::Initial(uri);
        self.spent = Spent { page_size: self.spent.page_size, ..Spent::default() };
        self.guard = Guard::default();
        self.attempts.next();
        Some(Restart { void, kind, reason, ids })
    }
}

impl fmt::Debug for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Round")
            .field("id", &self.id())
            .field("target", &self.target)
            .field("kind", &self.kind)
            .field("phase", &self.phase())
            .field("page", &self.spent.page)
            .finish_non_exhaustive()
    }
}

/// Tells the targets of two checkpoints apart without storing the target.
fn fingerprint(target: &Target) -> RoundId {
    RoundId::new(hash(&target.initial_uri().to_string()))
}

//! The round: one or more requests from an initial request or a delta link to the next delta link.
//!
//! Everything that moves a round is in this file. This table is all of it:
//!
//! | phase | what comes | step | phase then |
//! |---|---|---|---|
//! | Initial, Paging | a page with a next link | `Page` | Paging |
//! | Initial, Paging | a page with a delta link only | `Complete` | Complete |
//! | Initial, Paging | 408, 429, 500, 502, 503, 504, or no response | `Wait` | the same |
//! | Initial, Paging | 401, for the first time at this request | `Authenticate` | the same |
//! | Initial, Paging | 410 or a resync code, for the first time in this round | `Restart` | Initial, as a full round |
//! | any | anything else | an error | the same |

use std::fmt;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, Uri};

use crate::attempt::Attempts;
use crate::checkpoint::{Checkpoint, RoundId, RoundKind};
use crate::classify::{Verdict, classify};
use crate::error::{Error, Failure};
use crate::graph_error::{GraphError, RequestIds, scrub};
use crate::link::{self, DeltaLink, NextLink};
use crate::page::Page;
use crate::prefer::Preferences;
use crate::seed::{hash, mix, uuid};
use crate::step::{Restart, Step, Wait};
use crate::target::Target;

/// How a round is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundOptions {
    /// What goes into the `Prefer` header of every request.
    pub preferences: Preferences,
    /// What everything that looks random comes from: the round's id, request ids, jitter. Give each round its own.
    pub seed: u64,
    /// How many pages a round may have. 2,000,000 events fit at the default page size.
    pub max_pages: u32,
}

impl Default for RoundOptions {
    fn default() -> Self {
        Self { preferences: Preferences::default(), seed: 0, max_pages: 10_000 }
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
    /// Pages received.
    page: u32,
    /// Responses and failures that the round was told of: the next request is another one.
    told: u64,
    restarts: u64,
    id: Option<RoundId>,
    attempts: Attempts,
}

#[derive(Clone)]
enum State {
    Initial(Uri),
    Paging { uri: Uri, next: NextLink },
    Complete,
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
        let uri = link::pin(link.expose(), target.root().origin())?;
        Ok(Self::new(target, RoundKind::Incremental, State::Initial(uri)))
    }

    /// A round that goes on from a checkpoint.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if it is of another version or target, [`Error::Link`] if its link points elsewhere.
    pub fn resume(target: Target, checkpoint: &Checkpoint) -> Result<Self, Error> {
        let next = checkpoint.next_for(fingerprint(&target))?.clone();
        let uri = link::pin(next.expose(), target.root().origin())?;
        let mut round = Self::new(target, checkpoint.kind(), State::Paging { uri, next });
        round.page = checkpoint.page();
        round.id = Some(checkpoint.round());
        Ok(round)
    }

    fn new(target: Target, kind: RoundKind, state: State) -> Self {
        Self {
            target,
            options: RoundOptions::default(),
            kind,
            state,
            page: 0,
            told: 0,
            restarts: 0,
            id: None,
            attempts: Attempts::default(),
        }
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
        self.id.unwrap_or_else(|| RoundId::new(mix(self.options.seed, self.restarts)))
    }

    /// How many pages it received.
    pub fn page(&self) -> u32 {
        self.page
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
        Checkpoint::new(self.id(), self.kind, self.page, next.clone(), fingerprint(&self.target))
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
        let json = HeaderValue::from_static("application/json");
        let mut request = Request::new(Vec::new());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, json.clone());
        headers.insert(CONTENT_TYPE, json);
        headers.insert("prefer", self.options.preferences.header());
        if let Ok(id) = HeaderValue::try_from(uuid(self.options.seed, self.told)) {
            headers.insert("client-request-id", id);
        }
        Some(request)
    }

    /// Tells the round of the response to its request.
    ///
    /// # Errors
    /// An error is final and moves nothing: the last checkpoint is still good.
    pub fn receive<B: AsRef<[u8]>>(&mut self, response: Response<B>) -> Result<Step<B>, Error> {
        if self.phase() == Phase::Complete {
            return Err(Error::Finished);
        }
        let (head, body) = response.into_parts();
        let error = if head.status == 200 {
            GraphError { ids: RequestIds::of(&head.headers), ..GraphError::default() }
        } else {
            GraphError::read(&head.headers, body.as_ref())
        };
        match classify(head.status, &head.headers, &error) {
            Verdict::Accept => {
                let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(scrub);
                self.accept(body, content_type, error.ids)
            }
            Verdict::Redirect => Err(Error::Redirected { status: head.status, ids: error.ids }),
            Verdict::Wait(asked) => {
                let refused = |attempts| Error::Refused { status: head.status, error: error.clone(), attempts };
                self.wait(asked, format!("the server answered {}", head.status), refused)
            }
            Verdict::Authenticate(challenge) if self.attempts.authenticate() => {
                self.told += 1;
                Ok(Step::Authenticate(challenge))
            }
            Verdict::Restart if self.restarts == 0 => Ok(Step::Restart(self.restart(&error))),
            Verdict::Authenticate(_) | Verdict::Restart | Verdict::Fail => {
                Err(Error::Refused { status: head.status, error, attempts: self.attempts.sent() })
            }
        }
    }

    /// Tells the round that its request got no response.
    ///
    /// # Errors
    /// [`Error::NoResponse`] if trying again won't help or was tried often enough.
    pub fn fail<B>(&mut self, failure: Failure) -> Result<Step<B>, Error> {
        if self.phase() == Phase::Complete {
            return Err(Error::Finished);
        }
        if !failure.kind.is_temporary() {
            return Err(Error::NoResponse { failure, attempts: self.attempts.sent() });
        }
        let reason = failure.to_string();
        self.wait(None, reason, |attempts| Error::NoResponse { failure: failure.clone(), attempts })
    }

    fn accept<B: AsRef<[u8]>>(
        &mut self,
        body: B,
        content_type: Option<String>,
        ids: RequestIds,
    ) -> Result<Step<B>, Error> {
        let not_a_page = |error| Error::NotAPage { error, content_type, ids: ids.clone() };
        let (page, links) = Page::parse(body).map_err(not_a_page)?;
        let origin = self.target.root().origin();
        match (links.next, links.delta) {
            (Some(_), _) if self.page + 1 >= self.options.max_pages => {
                Err(Error::Stalled { pages: self.page + 1, ids })
            }
            // With both links, the round is not over: the next link is followed.
            (Some(next), _) => {
                let uri = link::pin(&next, origin)?;
                let next = NextLink::new(next);
                self.advance(State::Paging { uri, next: next.clone() });
                Ok(Step::Page { page, checkpoint: self.checkpoint_at(&next) })
            }
            (None, Some(delta)) => {
                link::pin(&delta, origin)?;
                self.advance(State::Complete);
                Ok(Step::Complete { page, link: DeltaLink::new(delta) })
            }
            (None, None) => Err(Error::NoLink { ids }),
        }
    }

    fn advance(&mut self, state: State) {
        self.state = state;
        self.page += 1;
        self.told += 1;
        self.attempts = Attempts::default();
    }

    fn wait<B>(
        &mut self,
        asked: Option<Duration>,
        reason: String,
        spent: impl FnOnce(u32) -> Error,
    ) -> Result<Step<B>, Error> {
        match self.attempts.wait(asked, mix(self.options.seed, self.told)) {
            Some((attempt, duration)) => {
                self.told += 1;
                Ok(Step::Wait(Wait { duration, reason, attempt }))
            }
            None => Err(spent(self.attempts.sent())),
        }
    }

    fn restart(&mut self, error: &GraphError) -> Restart {
        let void = self.id();
        let reason = error.codes.last().cloned().unwrap_or_else(|| "410 Gone".to_owned());
        self.state = State::Initial(self.target.initial_uri().clone());
        self.kind = RoundKind::Full;
        self.page = 0;
        self.told += 1;
        self.restarts += 1;
        self.id = Some(RoundId::new(mix(void.number(), self.restarts)));
        self.attempts = Attempts::default();
        Restart { void, reason }
    }
}

impl fmt::Debug for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Round")
            .field("id", &self.id())
            .field("target", &self.target)
            .field("kind", &self.kind)
            .field("phase", &self.phase())
            .field("page", &self.page)
            .finish_non_exhaustive()
    }
}

/// Tells the targets of two checkpoints apart without storing the target.
fn fingerprint(target: &Target) -> RoundId {
    RoundId::new(hash(&target.initial_uri().to_string()))
}

//! The attempts at one request: the machine for retry, authentication and waiting that all conversations share.
//!
//! A conversation chooses the next request; this says what a response to it, or none, means: read it, wait, get a
//! token, or it is refused.

use std::num::NonZeroU32;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, DATE};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};

use crate::challenge::{Challenge, claims};
use crate::classify::{Verdict, classify};
use crate::error::{Error, Failure, FailureKind};
use crate::graph_error::{GraphError, RequestIds, scrub};
use crate::prefer::Preferences;
use crate::refusal::Refusal;
use crate::seed::{mix, uuid};
use crate::step::Wait;

/// How often a request is sent before its conversation gives up.
const MAX_ATTEMPTS: u32 = 8;
const BASE: Duration = Duration::from_secs(1);
const CAP: Duration = Duration::from_secs(180);

/// The attempts at the request that is due now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attempts {
    /// Responses and failures that the conversation was told of: the next request is another one.
    told: u64,
    failed: u32,
    overloaded: u32,
    refreshed: bool,
    challenged: bool,
}

/// What a response means.
pub(crate) enum Answer<B> {
    /// It can be read.
    Body(Body<B>),
    /// The request may be sent again, later.
    Wait {
        wait: Wait,
        /// It was too much for the server, for the second time, the fourth, and so on.
        ask_for_less: bool,
    },
    /// The request may be sent again, with another token.
    Authenticate(Challenge),
    /// It is refused.
    Refused(Refused),
}

/// A response that can be read.
pub(crate) struct Body<B> {
    pub(crate) bytes: B,
    pub(crate) content_type: Option<String>,
    /// When the server answered, by its own clock.
    pub(crate) date: Option<HeaderValue>,
    pub(crate) ids: RequestIds,
}

/// A response that says no.
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) refusal: Refusal,
    pub(crate) error: GraphError,
    pub(crate) attempts: u32,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let Refused { status, refusal, error, attempts } = refused;
        Self::Refused { status, refusal, error, attempts }
    }
}

impl Attempts {
    /// A request with the headers that every request has.
    pub(crate) fn request(
        &self,
        method: Method,
        uri: Uri,
        preferences: &Preferences,
        body: Vec<u8>,
        seed: u64,
    ) -> Request<Vec<u8>> {
        let json = HeaderValue::from_static("application/json");
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, json.clone());
        headers.insert(CONTENT_TYPE, json);
        headers.insert("prefer", preferences.header());
        if let Ok(id) = HeaderValue::try_from(uuid(seed, self.told)) {
            headers.insert("client-request-id", id);
        }
        request
    }

    /// What a response means.
    ///
    /// # Errors
    /// [`Error::Redirected`]
    pub(crate) fn receive<B: AsRef<[u8]>>(&mut self, response: Response<B>, seed: u64) -> Result<Answer<B>, Error> {
        let (head, body) = response.into_parts();
        let ids = RequestIds::of(&head.headers);
        let (error, claims) = if head.status == StatusCode::OK {
            (GraphError { ids, ..GraphError::default() }, None)
        } else {
            (GraphError::read(&head.headers, body.as_ref()), claims(&head.headers, body.as_ref()))
        };
        let attempts = self.sent();
        let refused = |refusal, error| Refused { status: head.status, refusal, error, attempts };
        Ok(match classify(head.status, &head.headers, &error, claims) {
            Verdict::Accept => {
                let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(scrub);
                let date = head.headers.get(DATE).cloned();
                Answer::Body(Body { bytes: body, content_type, date, ids: error.ids })
            }
            Verdict::Redirect => return Err(Error::Redirected { status: head.status, ids: error.ids }),
            Verdict::Wait(asked, refusal) => match self.wait(asked, seed) {
                Some((attempt, duration)) => {
                    let ask_for_less = refusal == Refusal::Overloaded && self.overload();
                    let of_mailbox = asked.is_some() || refusal == Refusal::Throttled;
                    let reason = format!("the server answered {}", head.status);
                    Answer::Wait { wait: Wait { duration, reason, attempt, of_mailbox, ids: error.ids }, ask_for_less }
                }
                None => Answer::Refused(refused(refusal, error)),
            },
            Verdict::Authenticate(challenge) if self.authenticate(&challenge) => Answer::Authenticate(challenge),
            Verdict::Authenticate(_) => Answer::Refused(refused(Refusal::Unauthenticated, error)),
            Verdict::Refuse(refusal) => Answer::Refused(refused(refusal, error)),
        })
    }

    /// What it means that there was no response. `less` says whether less can be asked for.
    ///
    /// # Errors
    /// [`Error::NoResponse`] if trying again won't help or was tried often enough.
    pub(crate) fn fail<B>(&mut self, failure: Failure, less: bool, seed: u64) -> Result<Answer<B>, Error> {
        let attempts = self.sent();
        let too_large = less && failure.kind == FailureKind::BodyTooLarge;
        let wait = if too_large || failure.kind.is_temporary() { self.wait(None, seed) } else { None };
        let Some((attempt, duration)) = wait else { return Err(Error::NoResponse { failure, attempts }) };
        let ask_for_less = too_large || (failure.kind == FailureKind::Timeout && self.overload());
        let (reason, ids) = (failure.to_string(), RequestIds::default());
        Ok(Answer::Wait { wait: Wait { duration, reason, attempt, of_mailbox: false, ids }, ask_for_less })
    }

    /// Goes on to another request.
    pub(crate) fn next(&mut self) {
        *self = Self { told: self.told.saturating_add(1), ..Self::default() };
    }

    /// Counts that the request was too much for the server. Every second time, less should be asked for.
    fn overload(&mut self) -> bool {
        self.overloaded += 1;
        self.overloaded.is_multiple_of(2)
    }

    /// How often the request was sent, counting the attempt that has just failed.
    fn sent(&self) -> u32 {
        self.failed + 1 + u32::from(self.refreshed) + u32::from(self.challenged)
    }

    /// Counts a failed attempt. Gives the number of failed attempts and the time to wait before the next one: the
    /// server's, or our own if that is longer. `None` means that the budget is spent.
    pub(crate) fn wait(&mut self, asked: Option<Duration>, seed: u64) -> Option<(u32, Duration)> {
        if self.failed + 1 >= MAX_ATTEMPTS {
            return None;
        }
        let own = back_off(self.failed, mix(seed, self.told));
        self.failed += 1;
        self.told = self.told.saturating_add(1);
        Some((self.failed, asked.map_or(own, |asked| asked.max(own))))
    }

    /// Counts a refused token. One refresh is worth another try, and so is one token with the claims that are asked for.
    fn authenticate(&mut self, challenge: &Challenge) -> bool {
        let tried = if challenge.claims.is_some() { &mut self.challenged } else { &mut self.refreshed };
        let again = !std::mem::replace(tried, true);
        self.told = self.told.saturating_add(u64::from(again));
        again
    }
}

/// A time between nothing and the doubled base («full jitter»), so that clients that failed together don't come back
/// together.
fn back_off(failed: u32, seed: u64) -> Duration {
    let ceiling = BASE.saturating_mul(2_u32.saturating_pow(failed)).min(CAP);
    let millis = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(mix(seed, u64::from(failed)) % millis.saturating_add(1))
}

/// The page sizes that a conversation may change to by itself. Small pages fail on series that never end, large ones on
/// wide windows (Graph's documentation names no bounds; 10 to 1,000 were observed to work).
pub(crate) mod page_size {
    use super::NonZeroU32;

    const SMALLEST: u32 = 12;
    const LARGEST: u32 = 1_000;
    /// What Graph is taken to use if it is not told.
    const USUAL: u32 = 200;
    const FACTOR: u32 = 4;

    /// The next larger size, if there is one.
    pub(crate) fn larger(size: Option<NonZeroU32>) -> Option<NonZeroU32> {
        let size = size.map_or(USUAL, NonZeroU32::get);
        NonZeroU32::new(size.saturating_mul(FACTOR).min(LARGEST)).filter(|larger| larger.get() > size)
    }

    /// The largest size, if it is larger.
    pub(crate) fn largest(size: Option<NonZeroU32>) -> Option<NonZeroU32> {
        NonZeroU32::new(LARGEST).filter(|largest| size.is_none_or(|size| *largest > size))
    }

    /// The next smaller size, if there is one.
    pub(crate) fn smaller(size: Option<NonZeroU32>) -> Option<NonZeroU32> {
        let size = size.map_or(USUAL, NonZeroU32::get);
        NonZeroU32::new((size / FACTOR).max(SMALLEST)).filter(|smaller| smaller.get() < size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(attempts: &mut Attempts, status: u16, header: (&str, &str), seed: u64) -> Answer<&'static str> {
        let response = Response::builder().status(status).header(header.0, header.1).body("").unwrap();
        attempts.receive(response, seed).unwrap()
    }

    #[test]
    fn waits_are_kept_and_attempts_are_bounded() {
        for seed in 0..200 {
            let mut attempts = Attempts::default();
            let mut waits = Vec::new();
            let refused = loop {
                match answer(&mut attempts, 429, ("retry-after", "7"), seed) {
                    Answer::Wait { wait, .. } => {
                        assert!(wait.duration >= Duration::from_secs(7) && wait.duration <= CAP && wait.of_mailbox);
                        waits.push(wait.attempt);
                    }
                    Answer::Refused(refused) => break refused,
                    Answer::Body(_) | Answer::Authenticate(_) => panic!(),
                }
            };
            assert_eq!(waits, (1..MAX_ATTEMPTS).collect::<Vec<_>>());
            assert_eq!((refused.refusal, refused.attempts), (Refusal::Throttled, MAX_ATTEMPTS));
        }
    }

    #[test]
    fn clients_that_failed_together_do_not_come_back_together() {
        let waits: std::collections::BTreeSet<_> = (0..100).map(|seed| back_off(4, seed)).collect();
        assert!(waits.len() > 90 && waits.iter().all(|wait| *wait <= Duration::from_secs(16)));
    }

    #[test]
    fn a_token_is_refreshed_once_and_challenged_once() {
        let mut attempts = Attempts::default();
        let (plain, claims) = (("x", "y"), ("www-authenticate", "Bearer claims=\"e30=\""));
        for header in [plain, claims] {
            assert!(matches!(answer(&mut attempts, 401, header, 0), Answer::Authenticate(_)));
        }
        for header in [plain, claims] {
            let Answer::Refused(refused) = answer(&mut attempts, 401, header, 0) else { panic!() };
            assert_eq!(refused.refusal, Refusal::Unauthenticated);
        }
        attempts.next();
        assert!(matches!(answer(&mut attempts, 401, plain, 0), Answer::Authenticate(_)));
    }

    #[test]
    fn less_is_asked_for_after_every_second_overload_only() {
        let mut attempts = Attempts::default();
        let mut asks = |status| {
            let answer = answer(&mut attempts, status, ("x", "y"), 0);
            matches!(answer, Answer::Wait { ask_for_less: true, .. })
        };
        assert_eq!([503, 429, 504, 500, 503, 503].map(&mut asks), [false, false, true, false, false, true]);
    }

    #[test]
    fn page_sizes_have_bounds() {
        let steps = |mut size: Option<NonZeroU32>, step: fn(Option<NonZeroU32>) -> Option<NonZeroU32>| {
            let mut sizes = Vec::new();
            while let Some(next) = step(size) {
                sizes.push(next.get());
                size = Some(next);
            }
            sizes
        };
        assert_eq!(steps(NonZeroU32::new(200), page_size::larger), [800, 1000]);
        assert_eq!(steps(NonZeroU32::new(200), page_size::smaller), [50, 12]);
        assert_eq!(steps(None, page_size::larger), [800, 1000]);
        assert_eq!(steps(NonZeroU32::new(1), page_size::smaller), [0; 0]);
        assert_eq!(steps(NonZeroU32::new(5000), page_size::larger), [0; 0]);
    }
}

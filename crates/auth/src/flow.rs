//! What all flows have in common, and how what fails is tried again.

use std::time::Duration;

use delta_core::{Failure, FailureKind, Timestamp, retry_after};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Request, Response, StatusCode};

use crate::device::Prompt;
use crate::error::Error;
use crate::tokens::Tokens;

/// A conversation with the authority.
///
/// Asking is pure, telling is fallible: [`request`](Self::request) gives the same request until it was answered.
pub trait Flow {
    /// The next request; none once there are tokens, or after an error.
    fn request(&self) -> Option<Request<Vec<u8>>>;

    /// Takes the response.
    ///
    /// # Errors
    /// Any [`Error`]; then the flow is over.
    fn receive<B: AsRef<[u8]>>(&mut self, response: &Response<B>, now: Timestamp) -> Result<Step, Error>;

    /// Takes that there was none.
    ///
    /// # Errors
    /// [`Error::NoResponse`] if trying again does not help, or helped too seldom.
    fn fail(&mut self, failure: Failure) -> Result<Step, Error>;
}

/// What to do next.
#[must_use]
#[derive(Clone, Debug)]
pub enum Step {
    /// Wait so long, then ask again.
    Wait(Duration),
    /// Show this to the person, wait as long as it says, then ask again.
    Prompt(Prompt),
    /// Done.
    Tokens(Box<Tokens>),
}

/// How often something is tried, and what is waited in between: 1, 2, 4, 8 seconds, or as long as the server wants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attempts(u32);

const MOST: u32 = 5;
/// Somebody may be waiting: whoever is not there after two pauses is not there.
const MOST_WITHOUT_RESPONSE: u32 = 3;
/// The authority's word counts up to here: somebody may be waiting.
const LONGEST: Duration = Duration::from_secs(60);

impl Attempts {
    /// A wait, if the status is one that passes.
    ///
    /// # Errors
    /// [`Error::Unavailable`] once it was tried often enough.
    pub(crate) fn after<B>(&mut self, response: &Response<B>) -> Option<Result<Step, Error>> {
        let status = response.status();
        if status != StatusCode::TOO_MANY_REQUESTS && !status.is_server_error() && status != StatusCode::REQUEST_TIMEOUT
        {
            return None;
        }
        let asked = retry_after(response.headers()).unwrap_or_default();
        Some(self.wait(asked, MOST).ok_or(Error::Unavailable { status: status.as_u16(), attempts: self.0 }))
    }

    pub(crate) fn after_failure(&mut self, failure: Failure) -> Result<Step, Error> {
        let passes = matches!(failure.kind, FailureKind::Connect | FailureKind::Timeout | FailureKind::Interrupted);
        let wait = if passes { self.wait(Duration::ZERO, MOST_WITHOUT_RESPONSE) } else { None };
        wait.ok_or(Error::NoResponse { failure, attempts: self.0.max(1) })
    }

    fn wait(&mut self, asked: Duration, most: u32) -> Option<Step> {
        self.0 = self.0.saturating_add(1);
        let own = Duration::from_secs(1 << self.0.saturating_sub(1).min(6));
        (self.0 < most).then(|| Step::Wait(asked.max(own).min(LONGEST)))
    }

    pub(crate) fn reset(&mut self) {
        self.0 = 0;
    }
}

/// A form, posted.
pub(crate) fn post(url: &str, form: &[(&'static str, String)], client_request_id: &str) -> Option<Request<Vec<u8>>> {
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(form);
    Request::post(url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .header("client-request-id", client_request_id)
        .body(body.finish().into_bytes())
        .ok()
}

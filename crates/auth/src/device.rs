//! The device code flow (RFC 8628): a person enters a code on another machine, and here the authority is asked until
//! they have.

use std::fmt;
use std::time::Duration;

use delta_core::{Failure, Timestamp};
use http::{Request, Response};
use serde::Deserialize;
use serde_json::Value;

use crate::client::Client;
use crate::error::{Context, Error, Refusal};
use crate::flow::{Attempts, Flow, Step, post};
use crate::jwt::guid;
use crate::redeem::{Grant, Redemption};
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::tokens::seconds;

/// How much more time a server that says `slow_down` wants between two questions (RFC 8628, section 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// The interval, and the life of a code, where the server names none; the longest of each that is believed.
const INTERVAL: Duration = Duration::from_secs(5);
const LIFETIME: u64 = 900;
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// A login by device code.
#[derive(Clone, Debug)]
pub struct DeviceLogin {
    client: Client,
    scopes: Scopes,
    entropy: [u8; 16],
    attempts: Attempts,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// The code has to be had.
    Begin,
    /// A person has been asked.
    Polling {
        redemption: Box<Redemption>,
        interval: Duration,
        until: Timestamp,
    },
    Over,
}

/// What a person has to do.
#[derive(Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What they enter.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// When it is too late.
    pub expires_at: Timestamp,
    /// How long to wait before the next request.
    pub wait: Duration,
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt")
            .field("verification_uri", &self.verification_uri)
            .field("expires_at", &self.expires_at)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Wire {
    device_code: String,
    user_code: String,
    #[serde(alias = "verification_url")]
    verification_uri: String,
    expires_in: Option<Value>,
    interval: Option<Value>,
}

impl DeviceLogin {
    /// Begins. `entropy` is sixteen random bytes, from which ids follow.
    pub fn new(client: &Client, scopes: &Scopes, entropy: [u8; 16]) -> Self {
        let (client, scopes) = (client.clone(), scopes.clone());
        Self { client, scopes, entropy, attempts: Attempts::default(), state: State::Begin }
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        vec![("client_id", self.client.id.clone()), ("scope", self.scopes.to_string())]
    }

    fn begun(&mut self, status: u16, body: &[u8], now: Timestamp) -> Result<Step, Error> {
        let wire: Wire =
            serde_json::from_slice(body).map_err(|_| Error::NotAnAnswer { status, what: "has no device code" })?;
        let interval = wire.interval.as_ref().and_then(seconds).map_or(INTERVAL, Duration::from_secs);
        let wait = interval.clamp(Duration::from_secs(1), LONGEST_INTERVAL);
        let lifetime = wire.expires_in.as_ref().and_then(seconds).unwrap_or(LIFETIME);
        let until = now.plus_seconds(i64::try_from(lifetime.min(86_400)).unwrap_or_default());
        let grant = Grant::DeviceCode(Secret::new(&wire.device_code));
        let redemption = Box::new(Redemption::new(&self.client, grant, &self.scopes, None, now, self.entropy)?);
        self.state = State::Polling { redemption, interval: wait, until };
        let (user_code, verification_uri) = (wire.user_code, wire.verification_uri);
        Ok(Step::Prompt(Prompt { user_code, verification_uri, expires_at: until, wait }))
    }
}

impl Flow for DeviceLogin {
    fn request(&self) -> Option<Request<Vec<u8>>> {
        match &self.state {
            State::Begin => post(&self.client.authority.device_code(), &self.parameters(), &guid(self.entropy)),
            State::Polling { redemption, .. } => redemption.request(),
            State::Over => None,
        }
    }

    fn receive<B: AsRef<[u8]>>(&mut self, response: &Response<B>, now: Timestamp) -> Result<Step, Error> {
        let status = response.status().as_u16();
        let answer = match &mut self.state {
            State::Over => return Err(Error::Finished),
            State::Begin => {
                if let Some(wait) = self.attempts.after(response) {
                    wait
                } else if response.status().is_success() {
                    self.begun(status, response.body().as_ref(), now)
                } else {
                    Err(Context::new(&self.client, &self.parameters(), true).refused(status, response.body().as_ref()))
                }
            }
            State::Polling { redemption, interval, until } => {
                let earlier = redemption.clone();
                match redemption.receive(response, now) {
                    Err(Error::Refused(refused)) if refused.is_pending() && now < *until => {
                        if refused.wants_slower() {
                            *interval = interval.saturating_add(SLOWER).min(LONGEST_INTERVAL);
                        }
                        redemption.again(*earlier);
                        Ok(Step::Wait(*interval))
                    }
                    Err(Error::Refused(mut refused)) if refused.is_pending() => {
                        refused.refusal = Refusal::TooLate;
                        Err(Error::Refused(refused))
                    }
                    other => other,
                }
            }
        };
        if matches!(answer, Err(_) | Ok(Step::Tokens(_))) {
            self.state = State::Over;
        }
        answer
    }

    fn fail(&mut self, failure: Failure) -> Result<Step, Error> {
        let step = match &mut self.state {
            State::Over => return Err(Error::Finished),
            State::Begin => self.attempts.after_failure(failure),
            State::Polling { redemption, .. } => redemption.fail(failure),
        };
        step.inspect_err(|_| self.state = State::Over)
    }
}

//! Single events, asked for by their ids: twenty GETs in one `$batch`.
//!
//! Graph answers the parts of a batch in any order, each with a status and headers of its own, and the batch itself with
//! 200 also where parts were throttled (Graph's documentation, «JSON batching»; observed with mailboxes in docs#8760).
//! Throttled parts are asked for again by themselves, after the longest wait that any of them names.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use http::header::DATE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::attempt::{Answer, Attempts, Body};
use crate::classify::{Verdict, classify};
use crate::conversation::{Conversation, Reply};
use crate::error::{Error, Failure};
use crate::graph_error::{GraphError, RequestIds};
use crate::prefer::Preferences;
use crate::refusal::Refusal;
use crate::round::RoundOptions;
use crate::step::Wait;
use crate::target::Target;

/// How many parts a batch may have (Graph's documentation).
const PARTS: usize = 20;

/// Events that are asked for by their ids, by the calendar's own path. See [`Conversation`] for how it is driven.
///
/// Let nothing else run in the mailbox meanwhile: the parts of a batch count as requests of their own.
#[derive(Clone)]
pub struct Hydration {
    target: Target,
    options: RoundOptions,
    /// Asked for now.
    parts: Vec<String>,
    /// Not asked for yet.
    waiting: VecDeque<String>,
    attempts: Attempts,
    /// The attempts at the parts that are left of a batch.
    again: Attempts,
}

/// What a batch has answered.
#[derive(Debug)]
pub struct Hydrated {
    /// What became of some of the ids.
    pub events: Vec<Fetched>,
    /// Send nothing before this time is over: parts were throttled, and are asked for again.
    pub wait: Option<Wait>,
}

/// What became of one id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The id that was asked for.
    pub id: String,
    /// What is there.
    pub found: Found,
}

/// What a GET of an event has found.
#[derive(Clone, PartialEq, Eq)]
pub enum Found {
    /// The event, as JSON, byte for byte.
    Event(String),
    /// Nothing. It says nothing about the calendar view: the event may be in it under another id.
    Gone,
    /// Nobody knows: Graph did not answer the question.
    Unknown(Refusal),
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Event(_) => f.write_str("Event(…)"),
            Self::Gone => f.write_str("Gone"),
            Self::Unknown(refusal) => write!(f, "Unknown({refusal:?})"),
        }
    }
}

impl Hydration {
    /// Asks for these ids. The seed in the options should be one that no other conversation has.
    pub fn new(target: Target, ids: impl IntoIterator<Item = String>, options: RoundOptions) -> Self {
        let mut hydration = Self {
            target,
            options,
            parts: Vec::new(),
            waiting: ids.into_iter().collect(),
            attempts: Attempts::default(),
            again: Attempts::default(),
        };
        hydration.fill();
        hydration
    }

    /// Goes on to the next twenty once all of a batch are answered.
    fn fill(&mut self) {
        if self.parts.is_empty() {
            let count = self.waiting.len().min(PARTS);
            self.parts = self.waiting.drain(..count).collect();
            self.again.next();
        }
    }

    fn body(&self) -> Vec<u8> {
        let prefer = Preferences { page_size: None, ..self.options.preferences.clone() }.to_string();
        let requests = self.parts.iter().enumerate().map(|(index, id)| PartRequest {
            id: index.to_string(),
            method: "GET",
            url: format!("/{}", self.target.resource().event_path(id)),
            headers: BTreeMap::from([("Prefer", prefer.as_str())]),
        });
        serde_json::to_vec(&BatchRequest { requests: requests.collect() }).unwrap_or_default()
    }

    fn take<B: AsRef<[u8]>>(&mut self, answer: Answer<B>) -> Result<Reply<Hydrated>, Error> {
        match answer {
            Answer::Body(body) => self.accept(&body).map(Reply::Answer),
            Answer::Wait { wait, .. } => Ok(Reply::Wait(wait)),
            Answer::Authenticate(challenge) => Ok(Reply::Authenticate(challenge)),
            Answer::Refused(refused) => Err(refused.into()),
        }
    }

    fn accept<B: AsRef<[u8]>>(&mut self, body: &Body<B>) -> Result<Hydrated, Error> {
        let not_a_batch = || Error::NotABatch { ids: body.ids.clone() };
        let response: BatchResponse<'_> = serde_json::from_slice(body.bytes.as_ref()).map_err(|_| not_a_batch())?;
        let mut answers: BTreeMap<&str, Part<'_>> = BTreeMap::new();
        for part in &response.responses {
            let part: Part<'_> = serde_json::from_str(part.get()).map_err(|_| not_a_batch())?;
            answers.insert(part.id, part);
        }
        let mut events = Vec::new();
        let mut left = Vec::new();
        // A part that is not answered is like one that could not be.
        let mut reasons = Vec::new();
        for (index, id) in std::mem::take(&mut self.parts).into_iter().enumerate() {
            let unanswered = Err((None, Refusal::Unavailable));
            match answers.get(index.to_string().as_str()).map_or(unanswered, |part| part.found(body.date.as_ref())) {
                Ok(found) => events.push(Fetched { id, found }),
                Err(reason) => {
                    reasons.push(reason);
                    left.push(id);
                }
            }
        }
        let wait = self.again(left, reasons, &body.ids, &mut events);
        self.attempts.next();
        self.fill();
        Ok(Hydrated { events, wait })
    }

    /// Asks for what is left again, unless that was done often enough.
    fn again(
        &mut self,
        left: Vec<String>,
        reasons: Vec<(Option<Duration>, Refusal)>,
        ids: &RequestIds,
        events: &mut Vec<Fetched>,
    ) -> Option<Wait> {
        let asked = reasons.iter().filter_map(|(asked, _)| *asked).max();
        let (_, refusal) = reasons.into_iter().next()?;
        match self.again.wait(asked, self.options.seed) {
            Some((attempt, duration)) => {
                let reason = format!("{} parts of a batch were throttled", left.len());
                self.parts = left;
                Some(Wait { duration, reason, attempt, of_mailbox: true, ids: ids.clone() })
            }
            None => {
                events.extend(left.into_iter().map(|id| Fetched { id, found: Found::Unknown(refusal) }));
                let reason = "a batch was throttled too often".to_owned();
                asked.map(|duration| Wait { duration, reason, attempt: 0, of_mailbox: true, ids: ids.clone() })
            }
        }
    }
}

impl Conversation for Hydration {
    type Answer<B> = Hydrated;

    fn request(&self) -> Option<Request<Vec<u8>>> {
        if self.parts.is_empty() {
            return None;
        }
        let uri = self.target.batch_uri()?;
        let preferences = Preferences { page_size: None, ..self.options.preferences.clone() };
        Some(self.attempts.request(Method::POST, uri, &preferences, self.body(), self.options.seed))
    }

    fn receive<B: AsRef<[u8]>>(&mut self, response: Response<B>) -> Result<Reply<Hydrated>, Error> {
        if self.parts.is_empty() {
            return Err(Error::Finished);
        }
        let answer = self.attempts.receive(response, self.options.seed)?;
        self.take(answer)
    }

    fn fail<B: AsRef<[u8]>>(&mut self, failure: Failure) -> Result<Reply<Hydrated>, Error> {
        if self.parts.is_empty() {
            return Err(Error::Finished);
        }
        let answer = self.attempts.fail::<B>(failure, false, self.options.seed)?;
        self.take(answer)
    }
}

#[derive(Serialize)]
struct BatchRequest<'a> {
    requests: Vec<PartRequest<'a>>,
}

#[derive(Serialize)]
struct PartRequest<'a> {
    id: String,
    method: &'static str,
    url: String,
    headers: BTreeMap<&'static str, &'a str>,
}

#[derive(Deserialize)]
struct BatchResponse<'a> {
    #[serde(borrow)]
    responses: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Part<'a> {
    id: &'a str,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, serde_json::Value>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

impl Part<'_> {
    /// What was found; or how long to wait before it is asked for again, and why. `date` is the batch's: parts have none.
    fn found(&self, date: Option<&HeaderValue>) -> Result<Found, (Option<Duration>, Refusal)> {
        let Ok(status) = StatusCode::from_u16(self.status) else { return Ok(Found::Unknown(Refusal::Unexpected)) };
        let body = self.body.map(RawValue::get).unwrap_or_default();
        let mut headers = self.headers();
        if let Some(date) = date {
            headers.entry(DATE).or_insert_with(|| date.clone());
        }
        let error = GraphError::read(&headers, body.as_bytes());
        match classify(status, &headers, &error, None) {
            Verdict::Accept if body.starts_with('{') => Ok(Found::Event(body.to_owned())),
            Verdict::Wait(asked, refusal) => Err((asked, refusal)),
            // Other codes say that the calendar or the user is not there, and some answers have none.
            Verdict::Refuse(Refusal::NotFound) if error.has_code("ErrorItemNotFound") => Ok(Found::Gone),
            verdict => Ok(Found::Unknown(verdict.refusal())),
        }
    }

    /// The names' case varies, and values are texts or numbers (observed).
    fn headers(&self) -> HeaderMap {
        let header = |(name, value): (&String, &serde_json::Value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
        };
        self.headers.iter().filter_map(header).collect()
    }
}

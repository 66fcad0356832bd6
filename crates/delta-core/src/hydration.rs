//! Single events and the instances of single series, asked for by their ids: twenty GETs in one `$batch`.
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
use crate::page::{Change, Page};
use crate::prefer::Preferences;
use crate::refusal::Refusal;
use crate::round::RoundOptions;
use crate::step::Wait;
use crate::target::Target;
use crate::window::Window;

/// How many parts a batch may have (Graph's documentation).
const PARTS: usize = 20;
/// How many pages a listing of instances may have: five years of one instance an hour.
const PAGES: u32 = 100;

/// Events and instances that are asked for by ids, by the calendar's own path. See [`Conversation`] for how it is driven.
///
/// Let nothing else run in the mailbox meanwhile: the parts of a batch count as requests of their own.
#[derive(Clone)]
pub struct Hydration {
    target: Target,
    options: RoundOptions,
    /// Asked for now.
    parts: Vec<Question>,
    /// Not asked for yet.
    waiting: VecDeque<Question>,
    attempts: Attempts,
    /// The attempts at the parts that are left of a batch.
    again: Attempts,
}

/// What a part of a batch asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// An event, by its id.
    Event(String),
    /// The instances that a series has in a window: of each its id, series, type, start and end.
    Instances {
        /// The id of the series master.
        series: String,
        /// The window.
        window: Window,
    },
}

impl From<String> for Ask {
    fn from(id: String) -> Self {
        Self::Event(id)
    }
}

impl Ask {
    /// The URL below the API version.
    fn url(&self, target: &Target) -> String {
        match self {
            Self::Event(id) => format!("/{}", target.resource().event_path(id)),
            Self::Instances { series, window } => format!(
                "/{}/instances?startDateTime={}&endDateTime={}&$select=id,seriesMasterId,type,start,end&$top=500",
                target.resource().event_path(series),
                window.start(),
                window.end()
            ),
        }
    }
}

/// What is asked, and what came of it so far.
#[derive(Clone)]
struct Question {
    ask: Ask,
    /// The URL of the next page, below the API version.
    next: Option<String>,
    instances: Vec<String>,
    pages: u32,
}

impl Question {
    /// Takes an answer to it, and says what was found; none if there is another page.
    fn take(&mut self, target: &Target, body: String) -> Option<Found> {
        match self.ask {
            Ask::Event(_) => Some(Found::Event(body)),
            Ask::Instances { .. } => self.turn(target, body).unwrap_or(Some(Found::Unknown(Refusal::Unexpected))),
        }
    }

    /// Takes a page of instances. An answer that can't be read to its end is none: what it lacks would be taken for gone.
    fn turn(&mut self, target: &Target, body: String) -> Option<Option<Found>> {
        let (page, links) = Page::parse(body).ok()?;
        for change in page.changes() {
            let Change::Upsert(item) = change else { return None };
            self.instances.push(item.raw().to_owned());
        }
        let Some(next) = links.next else { return Some(Some(Found::Instances(std::mem::take(&mut self.instances)))) };
        self.pages = self.pages.saturating_add(1);
        let uri = target.follow(&next).ok().filter(|_| self.pages < PAGES)?;
        let version = format!("/{}", target.version());
        self.next = Some(uri.path_and_query()?.as_str().get(version.len()..)?.to_owned());
        Some(None)
    }
}

/// What a batch has answered.
#[derive(Debug)]
pub struct Hydrated {
    /// What became of some of the questions.
    pub events: Vec<Fetched>,
    /// Send nothing before this time is over: parts were throttled, and are asked for again.
    pub wait: Option<Wait>,
}

/// What became of one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// What was asked for.
    pub ask: Ask,
    /// What is there.
    pub found: Found,
}

/// What a GET of an event has found.
#[derive(Clone, PartialEq, Eq)]
pub enum Found {
    /// The event, as JSON, byte for byte.
    Event(String),
    /// The instances of a series, as JSON, in Graph's order.
    Instances(Vec<String>),
    /// Nothing. It says nothing about the calendar view: the event may be in it under another id.
    Gone,
    /// Nobody knows: Graph did not answer the question.
    Unknown(Refusal),
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Event(_) => f.write_str("Event(…)"),
            Self::Instances(instances) => write!(f, "Instances(… {})", instances.len()),
            Self::Gone => f.write_str("Gone"),
            Self::Unknown(refusal) => write!(f, "Unknown({refusal:?})"),
        }
    }
}

impl Hydration {
    /// Asks for these. The seed in the options should be one that no other conversation has.
    pub fn new(target: Target, asks: impl IntoIterator<Item = impl Into<Ask>>, options: RoundOptions) -> Self {
        let question = |ask| Question { ask, next: None, instances: Vec::new(), pages: 0 };
        let mut hydration = Self {
            target,
            options,
            parts: Vec::new(),
            waiting: asks.into_iter().map(|ask| question(ask.into())).collect(),
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
        let requests = self.parts.iter().enumerate().map(|(index, question)| PartRequest {
            id: index.to_string(),
            method: "GET",
            url: question.next.clone().unwrap_or_else(|| question.ask.url(&self.target)),
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
        // A part that can't be read is one that is not there: the others are answers nevertheless.
        let parts = response.responses.iter().filter_map(|part| serde_json::from_str::<Part<'_>>(part.get()).ok());
        let answers: BTreeMap<&str, Part<'_>> = parts.map(|part| (part.number(), part)).collect();
        let mut events = Vec::new();
        let mut left = Vec::new();
        // A part that is not answered is like one that could not be.
        let mut reasons = Vec::new();
        for (index, mut question) in std::mem::take(&mut self.parts).into_iter().enumerate() {
            let unanswered = Err((None, Refusal::Unavailable));
            let answer =
                answers.get(index.to_string().as_str()).map_or(unanswered, |part| part.found(body.date.as_ref()));
            let found = match answer {
                Ok(Found::Event(body)) => question.take(&self.target, body),
                Ok(found) => Some(found),
                Err(reason) => {
                    reasons.push(reason);
                    left.push(question);
                    continue;
                }
            };
            match found {
                Some(found) => events.push(Fetched { ask: question.ask, found }),
                None => self.waiting.push_front(question),
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
        left: Vec<Question>,
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
                events.extend(left.into_iter().map(|left| Fetched { ask: left.ask, found: Found::Unknown(refusal) }));
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
    #[serde(borrow)]
    id: &'a RawValue,
    status: u16,
    #[serde(default)]
    headers: Option<BTreeMap<String, serde_json::Value>>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

impl<'a> Part<'a> {
    /// The number of the request that it answers. Ours are texts, and a server that makes numbers of them means the same.
    fn number(&self) -> &'a str {
        self.id.get().trim_matches('"')
    }

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
        self.headers.iter().flatten().filter_map(header).collect()
    }
}

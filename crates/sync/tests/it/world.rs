//! A simulator, a clock that nobody waits for, and a store: all that a run needs, in one process without I/O.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use delta_core::{Cloud, Failure, FailureKind, RequestLine, Timestamp};
use graph_sim::{Quirks, Simulator, SimulatorOptions};
use http::{Method, Request, Response};
use serde_json::Value;
use serde_json::value::RawValue;
use store::reader::{self, TimeRange};
use store::{Store, View};
use sync::{AccessToken, Error, Health, Limits, Notice, Replica, SyncReport, Synchronizer, Timer, Transport};

use crate::secrets::has_secret;

pub(crate) const ROOT: &str = "https://graph.microsoft.com";
/// The client's token, in no form that could stand anywhere by chance.
pub(crate) const TOKEN: &str = "BEARER-3f9a";

/// The server's side, and the time of both.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<State>>);

pub(crate) struct State {
    pub(crate) simulator: Simulator,
    pub(crate) now: Timestamp,
    /// The request lines of the client.
    pub(crate) requests: Vec<String>,
    /// The URLs of the parts of its batches.
    pub(crate) parts: Vec<String>,
    /// Answers to give instead of the simulator's, in order; `None` lets the simulator answer.
    pub(crate) script: Vec<Option<Answer>>,
    /// What others do to the calendar, one call before each of the client's requests.
    pub(crate) meanwhile: Vec<(Method, String, Option<Value>)>,
    /// Says each item of a page twice.
    pub(crate) stutter: bool,
    /// What the next page tells of besides.
    pub(crate) besides: Option<Value>,
    /// How long the server takes for an answer, in seconds.
    pub(crate) latency: i64,
    /// How many requests are answered before the line goes dead.
    pub(crate) patience: Option<usize>,
    pub(crate) waited: Duration,
}

pub(crate) type Answer = Result<Response<Bytes>, Failure>;

impl State {
    /// One request past the client, which may be refused, and the id of what it made or changed.
    pub(crate) fn attempt(&mut self, method: Method, url: &str, body: Option<Value>) -> Option<String> {
        let answer = self.call(method, url, body);
        let shown: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        Some(shown["id"].as_str()?.to_owned())
    }

    fn call(&mut self, method: Method, url: &str, body: Option<Value>) -> Response<Bytes> {
        let url = if url.starts_with("https://") { url.to_owned() } else { format!("{ROOT}/v1.0{url}") };
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", "Bearer any")
            .header("content-type", "application/json")
            .header("prefer", "outlook.timezone=\"UTC\", IdType=\"ImmutableId\"")
            .body(body)
            .unwrap();
        self.simulator.handle_honestly(system_time(self.now), request)
    }
}

impl World {
    pub(crate) fn new(seed: u64, now: &str) -> Self {
        Self::with_quirks(seed, now, Quirks::default())
    }

    pub(crate) fn with_quirks(seed: u64, now: &str, quirks: Quirks) -> Self {
        Self(Arc::new(Mutex::new(State {
            simulator: Simulator::new(SimulatorOptions::new().seed(seed).quirks(quirks)),
            now: Timestamp::parse(now).unwrap(),
            requests: Vec::new(),
            parts: Vec::new(),
            script: Vec::new(),
            meanwhile: Vec::new(),
            stutter: false,
            besides: None,
            latency: 0,
            patience: None,
            waited: Duration::ZERO,
        })))
    }

    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.0.lock().unwrap())
    }

    /// One request to the simulator, past the client. It must succeed.
    pub(crate) fn call(&self, method: Method, url: &str, body: Option<Value>) -> Value {
        let response = self.with(|state| state.call(method, url, body));
        assert!(response.status().is_success(), "{} {:?}", response.status(), response.body());
        serde_json::from_slice(response.body()).unwrap_or(Value::Null)
    }
    /// The same, when somebody else may have deleted what it is about.
    pub(crate) fn attempt(&self, method: Method, url: &str, body: Option<Value>) -> Value {
        let response = self.with(|state| state.call(method, url, body));
        serde_json::from_slice(response.body()).unwrap_or_default()
    }

    pub(crate) fn create(&self, subject: &str, start: Timestamp, minutes: i64) -> String {
        let event = event(subject, start, minutes);
        self.call(Method::POST, "/me/events", Some(event))["id"].as_str().unwrap().to_owned()
    }

    /// The simulator's own listing of a window: id to properties, annotations aside.
    pub(crate) fn listing(&self, start: &str, end: &str) -> BTreeMap<String, Value> {
        self.listing_of("me", start, end)
    }

    /// The same of another calendar.
    pub(crate) fn listing_of(&self, calendar: &str, start: &str, end: &str) -> BTreeMap<String, Value> {
        let mut url = format!("/{calendar}/calendarView?startDateTime={start}&endDateTime={end}&$top=1000");
        let mut events = BTreeMap::new();
        loop {
            let page = self.call(Method::GET, &url, None);
            for event in page["value"].as_array().unwrap() {
                events.insert(event["id"].as_str().unwrap().to_owned(), plain(event));
            }
            match page["@odata.nextLink"].as_str() {
                Some(next) => url = next.to_owned(),
                None => return events,
            }
        }
    }

    pub(crate) fn synchronizer(&self) -> Synchronizer {
        Synchronizer::new(
            self.clone(),
            AccessToken::new(TOKEN).unwrap(),
            self.clone(),
            self.with(|s| s.requests.len() as u64),
        )
        // Histories have more of them in a day than anybody would.
        .with_limits(Limits { full_rounds: 1_000, ..Limits::default() })
        .with_observer(|notice: &Notice<'_>| assert_no_secret(&format!("{notice:?}")))
    }

    /// A run. What it says, and what it leaves behind for others to say, has no secrets.
    pub(crate) fn sync(&self, replica: &Replica, store: &dyn Store) -> Result<SyncReport, Error> {
        let outcome = pollster::block_on(self.synchronizer().run(replica, store));
        match &outcome {
            Ok(report) => assert_no_secret(&serde_json::to_string(report).unwrap()),
            Err(error) => assert_no_secret(&error.to_string()),
        }
        let view = pollster::block_on(store.view()).unwrap();
        let state = view.engine_state().map_or("", |state| state.text());
        assert_no_secret(&format!("{outcome:?} {view:?} {:?} {state}", Health::of(view.as_ref())));
        outcome
    }
}

#[track_caller]
fn assert_no_secret(text: &str) {
    assert!(!has_secret(text), "a token or a link was printed: {text}");
}

pub(crate) fn event(subject: &str, start: Timestamp, minutes: i64) -> Value {
    let at = |instant: Timestamp| serde_json::json!({"dateTime": instant.to_string().trim_end_matches('Z'), "timeZone": "UTC"});
    serde_json::json!({"subject": subject, "start": at(start), "end": at(start.plus_seconds(minutes * 60))})
}

/// The same page with each item twice: Graph's documentation allows it.
fn stutter(answer: Response<Bytes>) -> Response<Bytes> {
    answer.map(|body| match serde_json::from_slice::<Value>(&body) {
        Ok(mut page) if page["value"].is_array() => {
            let items = page["value"].as_array().unwrap();
            page["value"] = items.iter().flat_map(|item| [item.clone(), item.clone()]).collect();
            page.to_string().into()
        }
        _ => body,
    })
}

/// The same page with one more item.
fn with_item(answer: Response<Bytes>, item: Value) -> Response<Bytes> {
    answer.map(|body| {
        let mut page: Value = serde_json::from_slice(&body).unwrap();
        page["value"].as_array_mut().unwrap().push(item);
        page.to_string().into()
    })
}

/// How many stories to tell, or from where on, if the environment says so.
pub(crate) fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn system_time(now: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(now.seconds()).unwrap())
}

/// An event without its annotations.
pub(crate) fn plain(event: &Value) -> Value {
    let properties = event.as_object().unwrap().iter().filter(|(name, _)| !name.starts_with('@'));
    Value::Object(properties.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// The same of raw JSON, whose annotations may hold what no value can, such as a number without bounds.
fn plain_text(event: &str) -> Value {
    let properties: BTreeMap<String, Box<RawValue>> = serde_json::from_str(event).unwrap();
    let properties = properties.into_iter().filter(|(name, _)| !name.starts_with('@'));
    Value::Object(properties.map(|(name, value)| (name, serde_json::from_str(value.get()).unwrap())).collect())
}

/// What a reader of the store sees: id to properties, annotations aside.
pub(crate) fn visible(store: &dyn Store) -> BTreeMap<String, Value> {
    pollster::block_on(async {
        let view: Arc<dyn View> = store.view().await.unwrap();
        let all = TimeRange::utc(Timestamp::MIN..Timestamp::MAX);
        let mut events = BTreeMap::new();
        let mut after = None;
        loop {
            let (rows, next) = reader::events(view.as_ref(), &all, after.as_ref(), 5).await.unwrap();
            for row in rows {
                events.insert(row.row.meta.id.to_string(), plain_text(&row.json));
            }
            match next {
                Some(key) => after = Some(key),
                None => return events,
            }
        }
    })
}

/// Without what an occurrence can't have: a link of its own is in no stub, and that it has no rule is not said.
pub(crate) fn comparable(events: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let without = |mut event: Value| {
        let is_occurrence = event["type"] == "occurrence";
        let event = event.as_object_mut().unwrap();
        let lacks = |name: &str, value: &Value| name == "webLink" || (name == "recurrence" && value.is_null());
        event.retain(|name, value| !(is_occurrence && lacks(name, value)));
        serde_json::json!(event)
    };
    events.into_iter().map(|(id, event)| (id, without(event))).collect()
}

/// A replica of the default calendar.
pub(crate) fn replica(window: &str, page_size: u32) -> Replica {
    Replica {
        window: window.parse().unwrap(),
        page_size: std::num::NonZeroU32::new(page_size),
        ..Replica::new(Cloud::Global.into(), "me".parse().unwrap())
    }
}

#[async_trait]
impl Transport for World {
    async fn send(&self, request: Request<Vec<u8>>) -> Answer {
        self.with(|state| {
            assert_eq!(request.uri().authority().map(|authority| authority.as_str()), Some("graph.microsoft.com"));
            assert_eq!(request.headers()["authorization"], format!("Bearer {TOKEN}"));
            assert!(
                request.uri().scheme_str() == Some("https")
                    && ["/v1.0/", "/beta/"].iter().any(|version| request.uri().path().starts_with(version))
            );
            assert_eq!(request.headers()["accept-encoding"], "gzip");
            if state.patience == Some(0) {
                return Err(Failure::new(FailureKind::Request, "the line is dead"));
            }
            state.patience = state.patience.map(|patience| patience - 1);
            state.now = state.now.plus_seconds(state.latency);
            state.requests.push(RequestLine::of(&request).to_string());
            let batch: Value = serde_json::from_slice(request.body()).unwrap_or_default();
            let parts = batch["requests"].as_array().into_iter().flatten();
            state.parts.extend(parts.map(|part| part["url"].as_str().unwrap().to_owned()));
            if !state.script.is_empty()
                && let Some(answer) = state.script.remove(0)
            {
                return answer;
            }
            if let Some((method, url, body)) = state.meanwhile.pop() {
                state.call(method, &url, body);
            }
            let answer = state.simulator.handle(system_time(state.now), request.map(Bytes::from));
            let besides = state.besides.take();
            let answer = if let Some(item) = besides { with_item(answer, item) } else { answer };
            Ok(if state.stutter { stutter(answer) } else { answer })
        })
    }
}

#[async_trait]
impl Timer for World {
    fn now(&self) -> Timestamp {
        self.with(|state| state.now)
    }

    async fn sleep(&self, duration: Duration) {
        self.with(|state| {
            state.waited += duration;
            state.now = state.now.plus_seconds(i64::try_from(duration.as_secs()).unwrap() + 1);
        });
    }
}

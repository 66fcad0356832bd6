//! What every test needs: a client without a network, and a mailbox to point it at.

pub(crate) mod follower;
pub(crate) mod series;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use graph_sim::{Quirks, Simulator, SimulatorOptions};
use http::{HeaderMap, Request, StatusCode};
use proptest::test_runner::{Config, FileFailurePersistence};
use serde_json::{Value, json};

pub(crate) const ROOT: &str = "https://graph.microsoft.com/v1.0";
pub(crate) const BETA: &str = "https://graph.microsoft.com/beta";

/// The number of cases of a property: from `CALDELTA_PROPTEST_CASES`, or else few.
pub(crate) fn cases() -> Config {
    let cases = std::env::var("CALDELTA_PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64);
    let regressions = FileFailurePersistence::WithSource("regressions");
    Config { failure_persistence: Some(Box::new(regressions)), ..Config::with_cases(cases) }
}

/// A simulator together with a clock that moves one second per request.
pub(crate) struct Client {
    pub(crate) simulator: Simulator,
    pub(crate) seconds: u64,
}

/// A response with its body read.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self::with(SimulatorOptions::new())
    }

    pub(crate) fn with_quirks(quirks: Quirks) -> Self {
        Self::with(SimulatorOptions::new().quirks(quirks))
    }

    pub(crate) fn with(options: SimulatorOptions) -> Self {
        Self { simulator: Simulator::new(options), seconds: 1_480_000_000 }
    }

    pub(crate) fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.seconds)
    }

    /// Sends a request. What does not begin with `https:` is under [`ROOT`].
    pub(crate) fn send(&mut self, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let url = if url.starts_with("http") { url.to_owned() } else { format!("{ROOT}{url}") };
        let mut request = Request::builder().method(method).uri(url).header("authorization", "Bearer secret");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send_request(request.body(Bytes::from(body.to_owned())).unwrap())
    }

    pub(crate) fn send_request(&mut self, request: Request<Bytes>) -> Answer {
        self.seconds += 1;
        let (parts, body) = self.simulator.handle(self.now(), request).into_parts();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) fn get(&mut self, url: &str) -> Answer {
        self.send("GET", url, &[], "")
    }

    pub(crate) fn get_preferring(&mut self, url: &str, prefer: &str) -> Answer {
        self.send("GET", url, &[("prefer", prefer)], "")
    }

    pub(crate) fn post(&mut self, url: &str, body: &Value) -> Answer {
        self.send("POST", url, &[], &body.to_string())
    }

    pub(crate) fn patch(&mut self, url: &str, body: &Value) -> Answer {
        self.send("PATCH", url, &[], &body.to_string())
    }

    pub(crate) fn delete(&mut self, url: &str) -> Answer {
        self.send("DELETE", url, &[], "")
    }

    /// Creates an event in the calendar at `place`, such as `/me`, and returns its id.
    pub(crate) fn create(&mut self, place: &str, event: &Value) -> String {
        let created = self.post(&format!("{place}/events"), event);
        assert_eq!(created.status, StatusCode::CREATED, "{:?}", created.body);
        created.body["id"].as_str().unwrap().to_owned()
    }

    /// Follows a round to its delta link and returns all items and that link.
    pub(crate) fn drain(&mut self, url: &str, prefer: &str) -> (Vec<Value>, String) {
        let (mut items, mut link) = (Vec::new(), url.to_owned());
        for _ in 0..1000 {
            let page = self.get_preferring(&link, prefer).ok();
            items.extend(page.items().iter().cloned());
            if let Some(delta) = page.delta_link() {
                return (items, delta);
            }
            link = page.next_link().expect("a page has one link or the other");
        }
        panic!("the round does not end");
    }
}

impl Answer {
    /// This answer, which must be a success.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self
    }

    pub(crate) fn items(&self) -> &[Value] {
        self.body["value"].as_array().expect("a collection")
    }

    pub(crate) fn next_link(&self) -> Option<String> {
        self.body["@odata.nextLink"].as_str().map(str::to_owned)
    }

    pub(crate) fn delta_link(&self) -> Option<String> {
        self.body["@odata.deltaLink"].as_str().map(str::to_owned)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status, code and message of an error.
    pub(crate) fn error(&self) -> (u16, &str, &str) {
        let error = &self.body["error"];
        let text = |name: &str| error[name].as_str().expect("an error");
        (self.status.as_u16(), text("code"), text("message"))
    }
}

/// An event in UTC.
pub(crate) fn event(subject: &str, start: &str, end: &str) -> Value {
    json!({
        "subject": subject,
        "start": {"dateTime": start, "timeZone": "UTC"},
        "end": {"dateTime": end, "timeZone": "UTC"},
    })
}

pub(crate) fn id(item: &Value) -> &str {
    item["id"].as_str().expect("an id")
}

/// The ids of all calendars of the signed-in user, the default one first.
pub(crate) fn calendar_ids(client: &mut Client) -> Vec<String> {
    client.get("/me/calendars").ok().items().iter().map(|calendar| id(calendar).to_owned()).collect()
}

/// The names of an item's properties, sorted.
pub(crate) fn names(item: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = item.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

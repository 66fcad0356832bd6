//! What fuzzing asserts: a function for each target, which panics when a guarantee is broken.
//!
//! `tests/fuzz_corpus.rs` includes this file and calls each function with the fixtures, the table of hostile links and
//! the inputs in `regressions/`, so that CI needs neither a nightly toolchain nor luck. To fuzz:
//!
//! ```sh
//! cd crates/delta-core
//! cargo test --test fuzz_corpus -- --ignored            # write the corpora into fuzz/corpus, once
//! cargo +nightly fuzz run page -- -max_total_time=600   # or another of fuzz_targets/
//! ```
//!
//! What it finds goes into `regressions/TARGET/`, with the fix.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
// A crate for `cargo fuzz`, a module for the test.
#![allow(unreachable_pub)]

mod conversations;

use std::collections::BTreeMap;
use std::time::Duration;

use delta_core::{
    Change, Checkpoint, Cloud, DeltaLink, Error, Event, EventType, Failure, FailureKind, Item, Page, PageError, Phase,
    RequestLine, Round, RoundKind, ServiceRoot, Step, Target, Window,
};
use http::{HeaderName, HeaderValue, Response, StatusCode, Uri};
use serde::Deserialize;
use serde_json::value::RawValue;

pub use conversations::{hydration, instances, snapshot};

/// The origin of all targets here.
const GRAPH: &str = "https://graph.microsoft.com";

fn target() -> Target {
    let window = Window::parse("2016-12-01", "2016-12-30").unwrap();
    Target::calendar_view(ServiceRoot::cloud(Cloud::Global), "me".parse().unwrap(), window).unwrap()
}

/// Where the request that is due goes. Asking is pure, and the bearer never leaves the origin.
fn uri(round: &Round) -> Option<Uri> {
    let request = round.request()?;
    let again = round.request().unwrap();
    assert_eq!((request.uri(), request.headers()), (again.uri(), again.headers()), "asking is pure");
    assert!(request.uri().to_string().starts_with("https://graph.microsoft.com/"), "{}", request.uri());
    assert!(request.headers().contains_key("prefer"));
    let _ = RequestLine::of(&request).to_string();
    Some(request.uri().clone())
}

/// Any bytes, as the body of a page.
pub fn page(data: &[u8]) {
    let mut round = Round::full(target());
    let before = uri(&round);
    match round.receive(Response::new(data)) {
        Ok(Step::Page { page, .. } | Step::Complete { page, .. }) => check_page(&page),
        Ok(other) => panic!("{other:?}"),
        Err(error) => {
            let _ = error.to_string();
            assert_eq!((uri(&round), round.phase()), (before, Phase::Initial), "an error moves nothing");
            if let Error::NotAPage { error, .. } = error {
                check_refusal(data, error);
            }
        }
    }
}

/// A page is not JSON if another reader says so too, and only then.
fn check_refusal(data: &[u8], error: PageError) {
    let text = std::str::from_utf8(data);
    match error {
        PageError::NotUtf8(at) => assert_eq!(text.unwrap_err().valid_up_to(), at),
        // The other reader takes any depth, and what comes behind may be anything.
        PageError::TooDeep(at) => assert!(b"[{".contains(data.get(at).unwrap())),
        // What is found on the way is said before the rest was read.
        PageError::Duplicate(_) | PageError::LinkNotText(_) | PageError::ValueNotAnArray | PageError::TooManyItems => {}
        error => {
            let text = text.unwrap();
            let other =
                serde_json::from_str::<BTreeMap<String, &RawValue>>(text.strip_prefix('\u{feff}').unwrap_or(text));
            assert_eq!(other.is_ok(), error == PageError::NoValue, "{error:?} {other:?}");
        }
    }
}

/// How another reader sees a page.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
}

/// The items of a page are those that another reader finds, each a slice of the body.
fn check_page<B: AsRef<[u8]>>(page: &Page<B>) {
    let text = std::str::from_utf8(page.body()).unwrap();
    let other: Envelope<'_> = serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).unwrap();
    assert_eq!(page.len(), other.value.len());
    for (change, other) in page.changes().zip(other.value) {
        assert_eq!(change.raw(), other.get());
        assert!(page.body().as_ptr_range().contains(&change.raw().as_ptr()));
        assert!(change.id().is_none_or(|id| !id.is_empty() && id.len() <= 4_096 && !id.chars().any(char::is_control)));
        let event = Event::parse(change.raw());
        assert!(event.is_ok() || matches!(change, Change::Malformed { .. }));
        event.iter().for_each(read_event);
        if let Change::Upsert(item) = change {
            assert!(item.etag().is_none_or(|etag| etag.len() <= 4_096));
            check_shape(&item, event.as_ref().unwrap());
        }
    }
}

/// What was seen of an item on the way is what its event shows.
fn check_shape(item: &Item<'_>, event: &Event<'_>) {
    let is_object = |name| event.property(name).is_some_and(|json| json.starts_with('{'));
    let start = event.start().and_then(|start| start.read_as_utc()).filter(|_| is_object("start"));
    let end = event.end().and_then(|end| end.read_as_utc()).filter(|_| is_object("end"));
    assert_eq!((item.start(), item.end()), (start, end));
    // The two may differ in what the type is called.
    if item.kind() == event.kind() {
        assert_eq!(item.is_stub(), event.is_stub());
    }
    let has = |name: &str| event.property(name).is_some();
    let updated = has("lastModifiedDateTime") && !has("createdDateTime");
    let few = |name: &str| ["id", "type", "start", "end"].iter().any(|few| name.eq_ignore_ascii_case(few));
    let bare = event.properties().all(|(name, _)| name.contains("@odata.") || few(name));
    let sparse = updated || (bare && item.kind() != EventType::Occurrence);
    assert_eq!(item.is_sparse(), sparse && !item.is_stub());
}

/// Decodes each property, by the methods that have most to decode.
fn read_event(event: &Event<'_>) {
    let _ = (event.start().map(|start| start.read_as_utc()), event.end().map(|end| end.is_utc()));
    let _ = (event.recurrence(), event.attendees(), event.locations(), event.location(), event.organizer());
    let _ = (event.body(), event.response_status(), event.online_meeting(), event.categories(), event.created());
    let _ = (event.is_stub(), event.subject(), event.reminder_minutes_before_start(), event.is_all_day());
    for (name, _) in event.properties() {
        assert!(event.property(name).is_some());
    }
}

/// What stands between the responses of a script.
pub const NEXT: &[u8] = b"\n~~~\n";

/// Responses as in the fixtures, one after the other, with [`NEXT`] between them; one that begins with `!` is a request
/// without a response.
pub fn round(data: &[u8]) {
    let mut round = match data.strip_prefix(b"+") {
        Some(_) => {
            Round::incremental(target(), &DeltaLink::new(format!("{GRAPH}/v1.0/me/delta?$deltatoken=x"))).unwrap()
        }
        None => Round::full(target()),
    };
    let data = data.strip_prefix(b"+").unwrap_or(data);
    let (mut idle, mut restarts) = (0, 0);
    for part in split(data, NEXT).take(200) {
        let (before, kind) = ((uri(&round), round.phase(), round.page(), round.checkpoint()), round.kind());
        let step = match part.strip_prefix(b"!") {
            Some(kind) => round.fail::<Vec<u8>>(Failure::new(failure(kind), "")),
            None => round.receive(response(part)),
        };
        let _ = format!("{step:?}");
        idle += 1;
        match step {
            Err(error) => {
                let _ = (error.to_string(), error.status());
                assert_eq!(
                    (uri(&round), round.phase(), round.page(), round.checkpoint()),
                    before,
                    "an error moves nothing"
                );
                assert_eq!(error == Error::Finished, before.1 == Phase::Complete);
                idle = 0;
            }
            Ok(Step::Page { page, checkpoint }) => {
                check_page(&page);
                assert_eq!((round.phase(), round.checkpoint().as_ref()), (Phase::Paging, Some(&checkpoint)));
                let resumed = Round::resume(target(), &stored(&checkpoint)).unwrap();
                assert_eq!((uri(&resumed), resumed.kind(), resumed.id()), (uri(&round), round.kind(), round.id()));
                idle = 0;
            }
            Ok(Step::Complete { page, link }) => {
                check_page(&page);
                assert_eq!((round.phase(), uri(&round)), (Phase::Complete, None));
                assert!(uri(&Round::incremental(target(), &link).unwrap()).is_some());
            }
            Ok(Step::Wait(_) | Step::Authenticate(_)) => {
                assert_eq!(uri(&round), before.0, "the same request again");
                assert!(idle <= 20, "one request is not tried for ever");
            }
            Ok(Step::Restart(restart)) => {
                assert_eq!((round.phase(), round.kind(), round.page()), (Phase::Initial, restart.kind, 0));
                assert!(
                    kind == RoundKind::Incremental || restart.kind == RoundKind::Full,
                    "what replaces goes on to replace"
                );
                assert_ne!(round.id(), restart.void);
                restarts += 1;
                idle = 0;
                assert!(restarts <= 20, "a round does not restart for ever");
            }
        }
    }
}

/// JSON as it might stand in a store in place of a checkpoint: as it is, and laid over a real checkpoint.
pub fn checkpoint(data: &[u8]) {
    if let Ok(read) = serde_json::from_slice::<Checkpoint>(data) {
        check_checkpoint(&read);
    }
    let Ok(serde_json::Value::Object(overlay)) = serde_json::from_slice(data) else { return };
    let mut round = Round::full(target());
    let body = format!(r#"{{"value":[],"@odata.nextLink":"{GRAPH}/v1.0/me/delta?$skiptoken=x"}}"#);
    let Ok(Step::Page { checkpoint, .. }) = round.receive(Response::new(body)) else { panic!("a page is a page") };
    let mut real = serde_json::to_value(checkpoint).unwrap();
    let known = real.as_object_mut().unwrap();
    for (key, value) in overlay {
        known.insert(key, value);
    }
    if let Ok(read) = serde_json::from_value::<Checkpoint>(real) {
        check_checkpoint(&read);
    }
}

/// A checkpoint that can be read can be stored again, and leads to the target's origin or nowhere.
fn check_checkpoint(checkpoint: &Checkpoint) {
    assert_eq!(stored(checkpoint), *checkpoint);
    let _ = format!("{checkpoint:?}");
    match Round::resume(target(), checkpoint) {
        Err(error) => drop(error.to_string()),
        Ok(mut round) => {
            assert!(uri(&round).is_some());
            let body = r#"{"value":[],"@odata.nextLink":"/v1.0/me/delta?$skiptoken=y"}"#;
            match round.receive(Response::new(body)) {
                Ok(Step::Page { checkpoint, .. }) => {
                    assert!(uri(&Round::resume(target(), &checkpoint).unwrap()).is_some())
                }
                Ok(step) => panic!("{step:?}"),
                Err(error) => drop(error.to_string()),
            }
        }
    }
}

fn stored(checkpoint: &Checkpoint) -> Checkpoint {
    serde_json::from_slice(&serde_json::to_vec(checkpoint).unwrap()).unwrap()
}

/// Lines, each a `Retry-After` of a 429; a line that begins with `Date:` is the response's date.
pub fn retry_after(data: &[u8]) {
    let mut answer = Response::new(Vec::new());
    *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    for line in data.split(|byte| *byte == b'\n') {
        let (name, value) = match line.strip_prefix(b"Date:") {
            Some(date) => ("date", date.trim_ascii()),
            None => ("retry-after", line),
        };
        if let Ok(value) = HeaderValue::from_bytes(value) {
            answer.headers_mut().append(name, value);
        }
    }
    let asked = answer.headers().get_all("retry-after").iter().filter_map(|line| line.to_str().ok());
    let digits = |item: &&str| item.bytes().all(|byte| byte.is_ascii_digit());
    let items = asked.flat_map(|line| line.split(',')).map(str::trim).filter(digits);
    let seconds = items.filter_map(|item| item.parse::<u64>().ok());
    let least = Duration::from_secs(seconds.max().unwrap_or(0).min(24 * 3_600));
    let mut round = Round::full(target());
    let before = uri(&round);
    for _ in 0..20 {
        match round.receive(answer.clone()) {
            Ok(Step::Wait(wait)) => {
                assert!(wait.duration >= least, "waits are kept");
                assert_eq!(uri(&round), before);
            }
            Ok(step) => panic!("{step:?}"),
            Err(error) => return drop(error.to_string()),
        }
    }
    panic!("one request is not tried for ever");
}

/// A link, by each way in which it can come in.
pub fn link(data: &[u8]) {
    let Ok(link) = std::str::from_utf8(data) else { return };
    let stored = Round::incremental(target(), &DeltaLink::new(link)).map(|round| uri(&round).unwrap());
    let mut paging = Round::full(target());
    let body = format!(r#"{{"value":[],"@odata.nextLink":{}}}"#, serde_json::Value::from(link));
    let paged = paging.receive(Response::new(body)).map(|_| uri(&paging).unwrap());
    assert_eq!(stored, paged, "a link is judged alike wherever it comes from");
    match stored {
        Err(error) => drop(error.to_string()),
        Ok(uri) => {
            let rest = uri.path_and_query().unwrap().as_str();
            assert!(link.ends_with(rest), "path and query are sent on byte for byte");
            // A browser, which repairs what is broken, would have sent it to the same place.
            let url = url::Url::parse(GRAPH).unwrap().join(link).unwrap();
            assert_eq!(url.origin().ascii_serialization(), GRAPH);
        }
    }
}

fn split<'a>(data: &'a [u8], separator: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let part = rest?;
        match part.windows(separator.len()).position(|window| window == separator) {
            Some(at) => {
                rest = part.get(at + separator.len()..);
                part.get(..at)
            }
            None => {
                rest = None;
                Some(part)
            }
        }
    })
}

/// A response as in the fixtures. What can't be read is left out, so that most inputs are responses.
fn response(text: &[u8]) -> Response<Vec<u8>> {
    let (head, body) = match split(text, b"\n\n").next() {
        Some(head) => (head, text.get(head.len() + 2..).unwrap_or_default()),
        None => (text, &[][..]),
    };
    let mut response = Response::new(body.to_vec());
    let mut lines = head.split(|byte| *byte == b'\n');
    let status = lines.next().and_then(|line| line.split(|byte| *byte == b' ').nth(1));
    if let Some(status) = status.and_then(|status| StatusCode::from_bytes(status).ok()) {
        *response.status_mut() = status;
    }
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn failure(kind: &[u8]) -> FailureKind {
    match kind.first() {
        Some(b'c') => FailureKind::Connect,
        Some(b't') => FailureKind::Timeout,
        Some(b'l') => FailureKind::Tls,
        Some(b'b') => FailureKind::BodyTooLarge,
        Some(b'd') => FailureKind::Decode,
        Some(b'r') => FailureKind::Request,
        _ => FailureKind::Interrupted,
    }
}

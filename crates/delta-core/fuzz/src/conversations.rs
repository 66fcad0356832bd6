//! The smaller conversations, with responses in scripts as those of a round.

use std::collections::{BTreeMap, BTreeSet};

use delta_core::{
    Ask, Conversation, Error, Failure, Found, Hydrated, Hydration, Instances, Listed, Reply, RoundOptions,
};
use delta_core::{Snapshot, Window};
use http::{Method, Request};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{GRAPH, NEXT, check_page, failure, response, split, target};

/// The request that is due. Asking is pure, and the bearer never leaves the origin.
fn request(conversation: &impl Conversation) -> Option<Request<Vec<u8>>> {
    let (request, again) = (conversation.request()?, conversation.request().unwrap());
    assert_eq!((request.uri(), request.headers(), request.body()), (again.uri(), again.headers(), again.body()));
    // A link may spell the version in another way.
    assert!(request.uri().to_string().to_ascii_lowercase().starts_with(&format!("{GRAPH}/v1.0/")), "{}", request.uri());
    assert!(request.headers().contains_key("prefer"));
    Some(request)
}

/// Tells a conversation of each response of a script, and gives what was answered to `check`, with the request before.
fn converse<C: Conversation>(
    conversation: &mut C,
    script: &[u8],
    mut check: impl FnMut(&C, &Request<Vec<u8>>, &[u8], C::Answer<Vec<u8>>),
) {
    let mut idle = 0;
    for part in split(script, NEXT).take(200) {
        let before = request(conversation);
        let answer = (!part.starts_with(b"!")).then(|| response(part));
        let body = answer.as_ref().map(|answer| answer.body().clone()).unwrap_or_default();
        let reply = match answer {
            Some(answer) => conversation.receive(answer),
            None => conversation.fail(Failure::new(failure(part.get(1..).unwrap_or_default()), "")),
        };
        idle += 1;
        match (reply, before) {
            (Ok(Reply::Answer(answer)), Some(before)) => {
                check(conversation, &before, &body, answer);
                idle = 0;
            }
            (Ok(Reply::Wait(_) | Reply::Authenticate(_)), Some(_)) => {
                assert!(request(conversation).is_some(), "there is something to send afterwards");
                assert!(idle <= 20, "one request is not tried for ever");
            }
            (Err(error), before) => {
                let _ = (error.to_string(), format!("{error:?}"), error.status());
                assert_eq!(matches!(error, Error::Finished), before.is_none(), "{error}");
                return;
            }
            (Ok(_), None) => panic!("nobody was asked"),
        }
    }
}

fn listing(conversation: &mut impl for<'c> Conversation<Answer<Vec<u8>> = Listed<Vec<u8>>>, script: &[u8]) {
    converse(conversation, script, |conversation, _, _, listed| {
        check_page(&listed.page);
        assert_eq!(conversation.request().is_none(), listed.last);
    });
}

/// Responses to a plain listing.
pub fn snapshot(data: &[u8]) {
    listing(&mut Snapshot::new(target(), RoundOptions::default()).unwrap(), data);
}

/// Responses to the listing of a series.
pub fn instances(data: &[u8]) {
    let window = Window::parse("2016-12-01", "2016-12-30").unwrap();
    listing(&mut Instances::new(target(), "a/é?", window, RoundOptions::default()).unwrap(), data);
}

/// How another reader sees a batch.
#[derive(Deserialize)]
struct Asked {
    requests: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    id: String,
    url: String,
}

/// And the response to it. Parts that can't be read are not there.
#[derive(Deserialize)]
struct Answered<'a> {
    #[serde(borrow)]
    responses: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    /// A text, or a number.
    #[serde(borrow)]
    id: &'a RawValue,
    status: u16,
    #[serde(default, rename = "headers")]
    _headers: Option<BTreeMap<String, serde_json::Value>>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

/// Responses to batches that ask for twenty-two events and the instances of two series.
pub fn hydration(data: &[u8]) {
    let window = Window::parse("2016-12-01", "2016-12-30").unwrap();
    let series = ["m1", "m2"].map(|series| Ask::Instances { series: series.to_owned(), window });
    let events = (0..22).map(|number| Ask::Event(format!("e{number}")));
    let mut left: Vec<Ask> = series.into_iter().chain(events).collect();
    let mut hydration = Hydration::new(target(), left.clone(), RoundOptions::default());
    converse(&mut hydration, data, |hydration, request, body, Hydrated { events, .. }| {
        let (asked, answered): (Asked, Answered<'_>) =
            (serde_json::from_slice(request.body()).unwrap(), serde_json::from_slice(body).unwrap());
        check_batch(request, &asked);
        for fetched in events {
            let at = left.iter().position(|ask| *ask == fetched.ask).expect("each question is answered once");
            check_found(&left.swap_remove(at), &fetched.found, &asked, &answered);
        }
        assert_eq!(hydration.request().is_none(), left.is_empty(), "each question is answered");
    });
}

/// A batch has up to twenty parts, each a GET of something below the API's version.
fn check_batch(request: &Request<Vec<u8>>, asked: &Asked) {
    assert_eq!((request.method(), request.uri().path()), (&Method::POST, "/v1.0/$batch"));
    assert!((1..=20).contains(&asked.requests.len()));
    let ids: BTreeSet<&str> = asked.requests.iter().map(|part| part.id.as_str()).collect();
    assert_eq!(ids.len(), asked.requests.len());
    assert!(asked.requests.iter().all(|part| part.url.starts_with('/') && !part.url.starts_with("//")));
}

/// What was found is what a part says, and nothing is gone unless its own part says so.
fn check_found(ask: &Ask, found: &Found, asked: &Asked, answered: &Answered<'_>) {
    let (event, instances) = match ask {
        Ask::Event(id) => (format!("/{id}"), None),
        Ask::Instances { series, .. } => (String::new(), Some(format!("/{series}/instances?"))),
    };
    let mut asked = asked.requests.iter();
    let part = asked.find(|part| match &instances {
        Some(instances) => part.url.contains(instances),
        None => part.url.ends_with(&event),
    });
    // Of a series, another page may have been asked for, by its link.
    let Some(part) = part else { return assert!(instances.is_some()) };
    let answers = answered.responses.iter().filter_map(|answer| serde_json::from_str::<Answer<'_>>(answer.get()).ok());
    let mut answers = answers.filter(|answer| answer.id.get().trim_matches('"') == part.id);
    let answer = answers.next_back();
    match found {
        Found::Event(json) => {
            let answer = answer.unwrap();
            assert_eq!((answer.status, answer.body.map(RawValue::get)), (200, Some(json.as_str())));
            assert!(json.starts_with('{') && instances.is_none());
        }
        Found::Instances(_) => assert_eq!((answer.unwrap().status, instances.is_some()), (200, true)),
        Found::Gone => {
            let answer = answer.unwrap();
            assert_eq!((answer.status, has_code(answer.body.unwrap().get())), (404, true));
        }
        Found::Unknown(_) => {}
    }
}

/// Whether the code of an event that is not there is somewhere in an error; what surrounds codes may be anything.
fn has_code(error: &str) -> bool {
    // Some codes are read that another reader does not get at.
    let Ok(error) = serde_json::from_str::<serde_json::Value>(error) else { return true };
    let error = error.to_string();
    let letters: String = error.chars().filter(char::is_ascii_alphanumeric).collect();
    letters.to_ascii_lowercase().contains("erroritemnotfound")
}

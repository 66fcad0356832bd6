//! Batches of which one part fails.
//!
//! The status of a batch is 200 though its parts may be throttled, each with a `Retry-After` of its own (Graph's
//! documentation of JSON batching). Reports have the header's name in any case.

use bytes::Bytes;
use http::{HeaderName, Response};
use serde_json::{Map, Value, json};

use super::asked::is_batch;
use super::dice::Dice;
use super::instead;
use super::refusals::StatusFault;
use super::visit::Visit;
use crate::base64;

/// The answer with this error in it, if the request is a batch and was answered.
pub(super) fn strike(fault: &StatusFault, visit: &mut Visit<'_>) -> Option<Response<Bytes>> {
    if !is_batch(visit.request) {
        return None;
    }
    let answer = visit.honest().clone();
    let mut body: Value = serde_json::from_slice(answer.body()).ok()?;
    let error = instead::status(fault, visit.context);
    replace_one(&mut body, &error, visit.dice)?;
    Some(answer.map(|_| Bytes::from(body.to_string())))
}

/// The `Retry-After` of each part of a batch's answer.
pub(super) fn retry_after(answer: &Response<Bytes>) -> Vec<String> {
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let parts = body.get("responses").and_then(Value::as_array).into_iter().flatten();
    let headers = parts.filter_map(|part| part.get("headers")?.as_object()).flatten();
    let own = headers.filter(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
    own.filter_map(|(_, value)| value.as_str().map(str::to_owned)).collect()
}

/// Puts an error in the place of one part's answer, under the same id.
fn replace_one(batch: &mut Value, error: &Response<Bytes>, dice: &mut Dice) -> Option<()> {
    let parts = batch.get_mut("responses")?.as_array_mut()?;
    let at = dice.below(parts.len());
    let part = parts.get_mut(at)?;
    let mut failed = json!({
        "id": part.get("id")?,
        "status": error.status().as_u16(),
        "headers": headers(error, dice),
    });
    if let Some(body) = body(error.body()) {
        failed.as_object_mut()?.insert("body".to_owned(), body);
    }
    *part = failed;
    Some(())
}

/// The error's headers, each with all of its values in one line.
fn headers(error: &Response<Bytes>, dice: &mut Dice) -> Map<String, Value> {
    let names = error.headers().keys().map(|name| {
        let lines = error.headers().get_all(name).into_iter().filter_map(|line| line.to_str().ok());
        let line = lines.collect::<Vec<_>>().join(",");
        (spelt(name, dice), Value::String(line))
    });
    names.collect()
}

/// The name of a header in one of the ways in which it is spelt.
fn spelt(name: &HeaderName, dice: &mut Dice) -> String {
    match dice.below(3) {
        0 => name.as_str().to_owned(),
        1 => name.as_str().to_ascii_uppercase(),
        _ => {
            let words = name.as_str().split('-').map(|word| {
                let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
                format!("{}{rest}", first.to_ascii_uppercase())
            });
            words.collect::<Vec<_>>().join("-")
        }
    }
}

/// A part's body: JSON as it is, and anything else in base64, as Graph's documentation has it.
fn body(bytes: &Bytes) -> Option<Value> {
    let json = || serde_json::from_slice(bytes).unwrap_or_else(|_| Value::String(base64::standard(bytes)));
    (!bytes.is_empty()).then(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::{Context, ErrorBody};
    use crate::time;

    fn error(fault: &StatusFault) -> Response<Bytes> {
        let now = time::from_system(std::time::SystemTime::UNIX_EPOCH);
        instead::status(fault, &Context { welcome: true, now, request_id: "1", client_request_id: "2" })
    }

    #[test]
    fn one_part_fails_and_the_others_stay_as_they_are() {
        let part = |id: &str| json!({"id": id, "status": 200, "headers": {}, "body": {"subject": "an event"}});
        let honest = json!({"responses": [part("a"), part("b"), part("c")]});
        let error = error(&StatusFault::new(429).retry_after("0").retry_after("7"));
        let mut spellings = std::collections::BTreeSet::new();
        for seed in 0..50 {
            let mut batch = honest.clone();
            replace_one(&mut batch, &error, &mut Dice::new(seed)).unwrap();
            let parts = batch["responses"].as_array().unwrap();
            let failed: Vec<&Value> = parts.iter().filter(|part| part["status"] == 429).collect();
            assert_eq!((parts.len(), failed.len()), (3, 1));
            assert_eq!(failed[0]["body"]["error"]["code"], "TooManyRequests");
            for (part, before) in parts.iter().zip(honest["responses"].as_array().unwrap()) {
                assert!(part["id"] == before["id"] && (part == before || part["status"] == 429));
            }
            spellings.extend(failed[0]["headers"].as_object().unwrap().keys().cloned());
            let answer = Response::new(Bytes::from(batch.to_string()));
            assert_eq!(retry_after(&answer), ["0,7"]);
        }
        assert!(["retry-after", "Retry-After", "RETRY-AFTER"].iter().all(|name| spellings.contains(*name)));
    }

    #[test]
    fn a_body_that_is_no_json_is_in_base64_and_an_empty_one_is_not_there() {
        for (form, expected) in [(ErrorBody::Garbage, Some("AP/+eyLDKIB9")), (ErrorBody::Empty, None)] {
            let mut batch = json!({"responses": [{"id": "a", "status": 200, "body": {}}]});
            replace_one(&mut batch, &error(&StatusFault::new(503).body(form)), &mut Dice::new(1)).unwrap();
            assert_eq!(batch["responses"][0].get("body").and_then(Value::as_str), expected);
        }
    }

    #[test]
    fn what_is_no_answer_to_a_batch_is_left_alone() {
        let error = error(&StatusFault::new(503));
        for mut other in [json!({}), json!([]), json!({"responses": []}), json!({"responses": [{}]}), Value::Null] {
            let before = other.clone();
            assert_eq!(replace_one(&mut other, &error, &mut Dice::new(1)), None);
            assert_eq!(other, before);
        }
    }
}

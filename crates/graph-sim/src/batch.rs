//! `$batch`: several requests in one, and their answers in any order.
//!
//! A part is a request like any other: it is sent through the simulator with the batch's own token, and has a status,
//! headers and a body of its own. The batch as a whole succeeds whatever its parts do.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use http::{Method, Request, Response, Uri};
use serde_json::{Value, json};

use crate::base64;
use crate::call::{self, Reply};
use crate::error::GraphError;
use crate::event::Object;
use crate::properties::into_object;
use crate::query::percent_decode;
use crate::random::Random;

/// How many parts a batch may have, by Graph's documentation.
const MOST_PARTS: usize = 20;

/// A batch that can be answered part by part.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) parts: Vec<Part>,
}

/// One request of a batch.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) id: String,
    /// The ids of those parts that must have succeeded before.
    pub(crate) depends_on: Vec<String>,
    pub(crate) request: Request<Bytes>,
}

/// Whether a path is `/v1.0/$batch` or `/beta/$batch`.
pub(crate) fn is_batch(path: &str) -> bool {
    version(path).is_some()
}

/// What stands before `/$batch`, such as `/v1.0`.
fn version(path: &str) -> Option<&str> {
    let (version, last) = path.trim_end_matches('/').rsplit_once('/')?;
    let known = version == "/v1.0" || version.eq_ignore_ascii_case("/beta");
    (known && percent_decode(last).eq_ignore_ascii_case("$batch")).then_some(version)
}

impl Batch {
    pub(crate) fn read(request: &Request<Bytes>) -> Result<Self, GraphError> {
        if request.method() != Method::POST {
            return Err(GraphError::method_not_allowed());
        }
        let body: Value = serde_json::from_slice(request.body()).map_err(|_| GraphError::unreadable_body())?;
        let parts = body.get("requests").and_then(Value::as_array).ok_or_else(GraphError::bad_batch)?;
        if parts.len() > MOST_PARTS {
            return Err(GraphError::batch_too_large(MOST_PARTS));
        }
        let mut seen = BTreeSet::new();
        let mut read = Vec::with_capacity(parts.len());
        for part in parts {
            let part = Part::read(part, request)?;
            // Ids are compared without case, as Graph's documentation says.
            if !seen.insert(part.id.to_ascii_lowercase()) {
                return Err(GraphError::batch_id_twice(&part.id));
            }
            if part.depends_on.iter().any(|id| !seen.contains(&id.to_ascii_lowercase())) {
                return Err(GraphError::bad_batch());
            }
            read.push(part);
        }
        Ok(Self { parts: read })
    }
}

impl Part {
    fn read(part: &Value, batch: &Request<Bytes>) -> Result<Self, GraphError> {
        let text = |name: &str| part.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let id = text("id").ok_or_else(GraphError::bad_batch)?.to_owned();
        let method = text("method").and_then(|method| method.parse().ok()).ok_or_else(GraphError::bad_batch)?;
        let uri = text("url").and_then(|url| target(url, batch)).ok_or_else(GraphError::bad_batch)?;
        let mut request = Request::new(Bytes::new());
        (*request.method_mut(), *request.uri_mut()) = (method, uri);
        set_headers(&mut request, part.get("headers"))?;
        for inherited in [AUTHORIZATION, HOST] {
            if let Some(value) = batch.headers().get(&inherited) {
                request.headers_mut().insert(inherited, value.clone());
            }
        }
        let body = part.get("body").filter(|body| !body.is_null());
        let writes = matches!(*request.method(), Method::POST | Method::PATCH | Method::PUT);
        if writes && (body.is_none() || !request.headers().contains_key(CONTENT_TYPE)) {
            return Err(GraphError::batch_write_without_body(&id));
        }
        *request.body_mut() = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        Ok(Self { id, depends_on: depends_on(part)?, request })
    }
}

/// The URI of a part: its own is relative, without the version. No part is a batch itself.
fn target(url: &str, batch: &Request<Bytes>) -> Option<Uri> {
    if url.contains("://") || url.starts_with("//") {
        return None;
    }
    let version = version(batch.uri().path())?;
    let uri = format!("{}{version}/{}", call::origin(batch), url.trim_start_matches('/'));
    uri.parse().ok().filter(|uri: &Uri| !is_batch(uri.path()))
}

fn set_headers(request: &mut Request<Bytes>, headers: Option<&Value>) -> Result<(), GraphError> {
    let headers = match headers {
        None | Some(Value::Null) => return Ok(()),
        Some(headers) => headers.as_object().ok_or_else(GraphError::bad_batch)?,
    };
    for (name, value) in headers {
        let name = name.parse::<HeaderName>().ok();
        let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
        let (name, value) = name.zip(value).ok_or_else(GraphError::bad_batch)?;
        request.headers_mut().append(name, value);
    }
    Ok(())
}

fn depends_on(part: &Value) -> Result<Vec<String>, GraphError> {
    match part.get("dependsOn") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(ids)) => {
            let ids = ids.iter().map(|id| id.as_str().map(str::to_owned));
            ids.collect::<Option<_>>().ok_or_else(GraphError::bad_batch)
        }
        Some(_) => Err(GraphError::bad_batch()),
    }
}

/// The answers so far, in the order of the parts.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    answers: Vec<(String, Response<Bytes>)>,
}

impl Answers {
    pub(crate) fn push(&mut self, id: String, answer: Response<Bytes>) {
        self.answers.push((id, answer));
    }

    /// Whether all of these were successes.
    pub(crate) fn succeeded(&self, ids: &[String]) -> bool {
        let failed = |(id, answer): &(String, Response<Bytes>)| {
            !answer.status().is_success() && ids.iter().any(|wanted| wanted.eq_ignore_ascii_case(id))
        };
        !self.answers.iter().any(failed)
    }

    /// The batch's own answer: all parts in an order of its own.
    pub(crate) fn reply(mut self, random: &mut Random) -> Reply {
        self.answers.sort_by_cached_key(|_| random.number());
        let responses: Vec<Value> = self.answers.into_iter().map(|(id, answer)| show(&id, answer, random)).collect();
        Reply::ok(json!({"responses": responses}))
    }
}

fn show(id: &str, answer: Response<Bytes>, random: &mut Random) -> Value {
    let (parts, body) = answer.into_parts();
    // Clients report both ways to write the names.
    let capitals = random.number().is_multiple_of(2);
    let headers: Object = parts
        .headers
        .iter()
        .map(|(name, value)| {
            let name = if capitals { in_capitals(name.as_str()) } else { name.as_str().to_owned() };
            (name, Value::String(String::from_utf8_lossy(value.as_bytes()).into_owned()))
        })
        .collect();
    let mut shown = into_object(json!({"id": id, "status": parts.status.as_u16(), "headers": headers}));
    if !body.is_empty() {
        // What is no JSON comes in base64, by Graph's documentation.
        let body = serde_json::from_slice(&body).unwrap_or_else(|_| Value::String(base64::standard(&body)));
        shown.insert("body".to_owned(), body);
    }
    Value::Object(shown)
}

/// `Retry-After` for `retry-after`.
fn in_capitals(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        format!("{}{rest}", first.to_ascii_uppercase())
    });
    words.collect::<Vec<_>>().join("-")
}

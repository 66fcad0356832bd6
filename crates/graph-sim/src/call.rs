//! One request, understood as far as all resources have it in common, and the answer to it.

use bytes::Bytes;
use http::header::{HOST, HeaderName};
use http::{Method, Request, StatusCode, Uri};
use serde_json::Value;

use crate::error::GraphError;
use crate::event::Object;
use crate::query::Query;
use crate::quirks::Quirks;
use crate::route::Version;
use crate::time::Instant;
use crate::view::View;

/// A request.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) now: Instant,
    pub(crate) method: Method,
    /// Scheme and authority under which the client reached us, for links.
    pub(crate) origin: String,
    /// The path as the client wrote it.
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) view: View,
    body: Bytes,
}

/// An answer that is a success.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Option<Value>,
    pub(crate) headers: Vec<(HeaderName, String)>,
    /// Preferences that the resource honoured by itself.
    pub(crate) applied: Vec<String>,
}

impl Call {
    pub(crate) fn read(
        now: Instant,
        request: &Request<Bytes>,
        version: Version,
        quirks: Quirks,
    ) -> Result<Self, GraphError> {
        Ok(Self {
            now,
            method: request.method().clone(),
            origin: origin(request),
            path: request.uri().path().to_owned(),
            query: Query::parse(request.uri().query().unwrap_or_default()),
            view: View::new(request.headers(), version, quirks)?,
            body: request.body().clone(),
        })
    }

    /// The JSON object in the request's body.
    pub(crate) fn object(&self) -> Result<Object, GraphError> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            _ => Err(GraphError::unreadable_body()),
        }
    }

    /// A link to the resource that was asked for, with another query.
    pub(crate) fn link(&self, query: &str) -> Value {
        Value::String(format!("{}{}?{query}", self.origin, self.path))
    }

    /// `@odata.context`.
    pub(crate) fn context(&self, what: &str) -> Value {
        Value::String(format!("{}/{}/$metadata#{what}", self.origin, self.view.version.as_str()))
    }
}

impl Reply {
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body: Some(body), headers: Vec::new(), applied: Vec::new() }
    }

    pub(crate) fn created(body: Value) -> Self {
        Self { status: StatusCode::CREATED, ..Self::ok(body) }
    }

    pub(crate) fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, headers: Vec::new(), applied: Vec::new() }
    }
}

/// The origin in the request's URI, or in its `Host` header (which does not say whether TLS was used: then it was).
pub(crate) fn origin<B>(request: &Request<B>) -> String {
    let from_uri = |uri: &Uri| Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?));
    let host = || request.headers().get(HOST).and_then(|host| host.to_str().ok());
    from_uri(request.uri()).unwrap_or_else(|| format!("https://{}", host().unwrap_or("graph.microsoft.com")))
}

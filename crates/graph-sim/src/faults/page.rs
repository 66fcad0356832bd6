//! A page of an honest answer, taken apart so that it can be put together wrong.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Map, Value};

pub(crate) const NEXT: &str = "@odata.nextLink";
pub(crate) const DELTA: &str = "@odata.deltaLink";

/// An answer with items.
#[derive(Clone)]
pub(crate) struct Page {
    head: Response<()>,
    pub(crate) body: Map<String, Value>,
}

/// A page's link, in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// `@odata.nextLink` or `@odata.deltaLink`.
    pub(crate) key: &'static str,
    /// All before the question mark.
    pub(crate) base: String,
    /// All behind it.
    pub(crate) query: String,
}

impl Link {
    pub(crate) fn whole(&self) -> String {
        format!("{}?{}", self.base, self.query)
    }

    /// The path, without scheme and authority.
    pub(crate) fn path(&self) -> String {
        format!("/{}", self.base.splitn(4, '/').nth(3).unwrap_or_default())
    }

    /// The way in which the dollar sign of a parameter is written.
    pub(crate) fn dollar(&self) -> &'static str {
        if self.query.starts_with("%24") { "%24" } else { "$" }
    }
}

impl Page {
    /// The page in an answer, if it is one.
    pub(crate) fn read(answer: &Response<Bytes>) -> Option<Self> {
        if answer.status() != StatusCode::OK {
            return None;
        }
        let body: Map<String, Value> = serde_json::from_slice(answer.body()).ok()?;
        body.get("value")?.as_array()?;
        Some(Self { head: answer.clone().map(|_| ()), body })
    }

    pub(crate) fn items(&self) -> &[Value] {
        self.body.get("value").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn change_items(&mut self, change: impl FnOnce(&mut Vec<Value>)) {
        if let Some(items) = self.body.get_mut("value").and_then(Value::as_array_mut) {
            change(items);
        }
    }

    /// The link that the honest page has.
    pub(crate) fn link(&self) -> Option<Link> {
        [NEXT, DELTA].into_iter().find_map(|key| {
            let (base, query) = self.body.get(key)?.as_str()?.split_once('?')?;
            Some(Link { key, base: base.to_owned(), query: query.to_owned() })
        })
    }

    /// Sets one link, and takes away the other.
    pub(crate) fn set_only_link(&mut self, key: &str, link: Value) {
        self.body.remove(NEXT);
        self.body.remove(DELTA);
        self.body.insert(key.to_owned(), link);
    }

    pub(crate) fn into_answer(self) -> Response<Bytes> {
        let body = Bytes::from(Value::Object(self.body).to_string());
        self.head.map(|()| body)
    }
}

/// What tells an item from others.
pub(crate) fn id(item: &Value) -> Option<&str> {
    item.get("id")?.as_str()
}

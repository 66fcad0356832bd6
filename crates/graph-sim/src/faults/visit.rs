//! One request on its way past the rules.

use bytes::Bytes;
use http::{Request, Response, Uri};
use serde_json::Value;

use super::asked::Asked;
use super::dice::Dice;
use super::holds::{Followed, Holds};
use super::page::Page;
use crate::time::Instant;

/// What the simulator itself would answer.
pub(crate) type Honest<'a> = dyn FnMut(&Request<Bytes>) -> Response<Bytes> + 'a;

/// What an answer needs to know of the simulator.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// Whether the request has a token that is accepted.
    pub(crate) welcome: bool,
    pub(crate) now: Instant,
    pub(crate) request_id: &'a str,
    pub(crate) client_request_id: &'a str,
}

/// A request, and all that a fault may use to answer it.
pub(super) struct Visit<'a> {
    pub(super) asked: &'a Asked,
    /// As the client sent it.
    pub(super) original: &'a Uri,
    /// The host in it.
    pub(super) host: &'a str,
    /// The same, with a link of Graph's in place of a fault's.
    pub(super) request: &'a Request<Bytes>,
    /// The fault's link, if it was one.
    pub(super) followed: Option<Followed>,
    pub(super) context: &'a Context<'a>,
    pub(super) holds: &'a mut Holds,
    pub(super) dice: &'a mut Dice,
    pub(super) honest: &'a mut Honest<'a>,
    pub(super) answer: Option<Response<Bytes>>,
}

impl Visit<'_> {
    /// What Graph would have answered; the request is carried out, but only once.
    pub(super) fn honest(&mut self) -> &Response<Bytes> {
        let answer = self.answer.take().unwrap_or_else(|| self.ask(self.request));
        self.answer.insert(answer)
    }

    /// What Graph would answer to this request, with the items in front that a fault of the page before has left.
    pub(super) fn ask(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let now = self.context.now;
        let hold = self.followed.and_then(|followed| self.holds.get(followed.hold));
        let hold = hold.filter(|hold| hold.carry_until.is_some_and(|until| now <= until));
        let carried = hold.map(|hold| &hold.carry);
        carry((self.honest)(request), carried)
    }

    pub(super) fn into_honest(mut self) -> Response<Bytes> {
        self.honest();
        self.answer.unwrap_or_default()
    }

    pub(super) fn page(&mut self) -> Option<Page> {
        Page::read(self.honest())
    }

    pub(super) fn path(&self) -> &str {
        self.request.uri().path()
    }

    /// The query of the honest request.
    pub(super) fn query(&self) -> String {
        self.request.uri().query().unwrap_or_default().to_owned()
    }

    pub(super) fn original_query(&self) -> &str {
        self.original.query().unwrap_or_default()
    }
}

/// Puts the items in front of the answer's own.
fn carry(answer: Response<Bytes>, items: Option<&Vec<Value>>) -> Response<Bytes> {
    let Some(items) = items.filter(|items| !items.is_empty()) else { return answer };
    let Some(mut page) = Page::read(&answer) else { return answer };
    page.change_items(|own| {
        own.splice(0..0, items.iter().cloned());
    });
    page.into_answer()
}

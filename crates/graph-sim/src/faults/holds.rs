//! Links that lead to a page other than Graph's: what a fault withheld, and how to get back to it.
//!
//! A fault that puts a link of its own onto a page opens a *hold*. Its links look like any other. Whoever follows one
//! gets what the fault has in mind while it lasts, and after that what the honest link would have brought, so that a
//! fault never costs a client anything but time. Holds outlive the plan that they came from.

use std::fmt;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Request, Uri};
use serde_json::Value;

use super::page::{DELTA, Link, NEXT, Page};
use crate::query::Query;
use crate::random::hash;
use crate::time::Instant;
use crate::token::{Kind, Token};

/// Seals the links of holds; nobody seeds a simulator with it.
const KEY: u64 = 0x6c69_6e6b_735f_6f66;

/// What one fault withholds.
#[derive(Clone)]
pub(crate) struct Hold {
    /// The resource's path: the links are good for no other.
    path: String,
    /// The rule that goes on with it as long as it strikes, if any does.
    pub(crate) rule: Option<usize>,
    /// The honest queries: the one at `n` goes on for those who have seen `n + 1` of the pages.
    pub(crate) resume: Vec<String>,
    /// The pages that a livelock repeats, as Graph made them.
    pub(crate) pages: Vec<Page>,
    /// No more pages are to be added: there are none, or the next one was not to be had.
    pub(crate) complete: bool,
    /// Items that come again in front of the next page's, if that is asked for soon: later they would be outdated, and
    /// nothing would say so.
    pub(crate) carry: Vec<Value>,
    pub(crate) carry_until: Option<Instant>,
}

impl Hold {
    pub(crate) fn new(path: &str, resume: String) -> Self {
        Self {
            path: path.to_owned(),
            rule: None,
            resume: vec![resume],
            pages: Vec::new(),
            complete: false,
            carry: Vec::new(),
            carry_until: None,
        }
    }

    /// Ties the hold to a rule that shows this page first.
    pub(crate) fn livelock(mut self, rule: usize, page: Page) -> Self {
        self.rule = Some(rule);
        self.pages.push(page);
        self
    }

    pub(crate) fn carry(mut self, items: Vec<Value>, until: Instant) -> Self {
        (self.carry, self.carry_until) = (items, Some(until));
        self
    }
}

/// A link of a hold that somebody followed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Followed {
    pub(crate) hold: usize,
    /// How many pages the hold had shown when it gave this link.
    pub(crate) step: usize,
}

/// All holds.
#[derive(Default)]
pub(crate) struct Holds(Vec<Hold>);

impl fmt::Debug for Holds {
    /// Holds have links and people's calendars.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Holds").field(&self.0.len()).finish()
    }
}

impl Holds {
    /// Adds a hold and returns its number.
    pub(crate) fn open(&mut self, hold: Hold) -> usize {
        self.0.push(hold);
        self.0.len() - 1
    }

    pub(crate) fn get(&self, hold: usize) -> Option<&Hold> {
        self.0.get(hold)
    }

    pub(crate) fn get_mut(&mut self, hold: usize) -> Option<&mut Hold> {
        self.0.get_mut(hold)
    }

    /// Lets go of all livelocks: their rules are no more.
    pub(crate) fn release(&mut self) {
        self.0.iter_mut().for_each(|hold| hold.rule = None);
    }

    /// A link to a hold, written as the honest `link` is, for those who have seen `step` of its pages.
    pub(crate) fn link(&self, link: &Link, key: &'static str, hold: usize, step: usize) -> Value {
        let (kind, name) = if key == DELTA { (Kind::Delta, "deltatoken") } else { (Kind::Skip, "skiptoken") };
        let token = Token {
            since: 0,
            kind,
            stream: hold as u64,
            place: self.get(hold).map_or(0, place),
            generation: step as u64,
            cursor: 0,
            base: 0,
        };
        Value::String(format!("{}?{}{name}={}", link.base, link.dollar(), token.encode(KEY)))
    }

    /// Puts a next link to a hold onto the page, in place of what it has.
    pub(crate) fn withhold(&self, page: &mut Page, link: &Link, hold: usize, step: usize) {
        page.set_only_link(NEXT, self.link(link, NEXT, hold, step));
    }

    /// The hold whose link the request follows, if it does; the request then becomes the honest one.
    pub(crate) fn resolve(&self, request: &mut Request<Bytes>) -> Option<Followed> {
        let query = Query::parse(request.uri().query().unwrap_or_default());
        let token = query.get("$skiptoken").or(query.get("$deltatoken"))?;
        let token = Token::decode(token, KEY)?;
        let followed =
            Followed { hold: usize::try_from(token.stream).ok()?, step: usize::try_from(token.generation).ok()? };
        let hold = self.get(followed.hold)?;
        if place(hold) != token.place || hold.path != request.uri().path() {
            return None;
        }
        let seen = followed.step.min(hold.resume.len()).checked_sub(1)?;
        let honest = with_query(request.uri(), hold.resume.get(seen)?)?;
        *request.uri_mut() = honest;
        Some(followed)
    }
}

/// Ties a link to what its hold began with: a simulator that starts anew must not mistake links of its former life.
fn place(hold: &Hold) -> u64 {
    let start = hold.resume.first().map_or("", String::as_str);
    hash(KEY, format!("{} {start}", hold.path).as_bytes())
}

fn with_query(uri: &Uri, query: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{}?{query}", uri.path())).ok()?);
    Uri::from_parts(parts).ok()
}

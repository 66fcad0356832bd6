//! A target, and responses as Graph words them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, dead_code, unreachable_pub)]

use delta_core::{Checkpoint, Cloud, DeltaLink, Restart, Round, RoundOptions, ServiceRoot, Step, Target, Window};
use http::Response;

/// `me/calendarView/delta` of December 2016.
pub fn target() -> Target {
    let window = Window::parse("2016-12-01", "2016-12-30").unwrap();
    Target::calendar_view(ServiceRoot::cloud(Cloud::Global), "me".parse().unwrap(), window).unwrap()
}

pub fn link(token: &str) -> String {
    format!("https://graph.microsoft.com/v1.0/me/calendarView/delta?{token}")
}

pub fn incremental() -> Round {
    Round::incremental(target(), &DeltaLink::new(link("$deltatoken=old"))).unwrap()
}

pub fn options(full_restarts: u32) -> RoundOptions {
    RoundOptions { full_restarts, ..RoundOptions::default() }
}

/// A page of these ids with a next link.
pub fn next(ids: &[&str], token: &str) -> Response<String> {
    page(ids, "nextLink", &link(token))
}

/// An empty page with a delta link.
pub fn last() -> Response<String> {
    page(&[], "deltaLink", &link("$deltatoken=new"))
}

pub fn page(ids: &[&str], name: &str, link: &str) -> Response<String> {
    let items: Vec<String> = ids.iter().map(|id| format!(r#"{{"id":"{id}"}}"#)).collect();
    Response::new(format!(r#"{{"value":[{}],"@odata.{name}":"{link}"}}"#, items.join(",")))
}

/// An error with a code.
pub fn refused(status: u16, code: &str) -> Response<String> {
    let body = format!(r#"{{"error":{{"code":"{code}","message":"","innerError":{{"request-id":"r-1"}}}}}}"#);
    Response::builder().status(status).body(body).unwrap()
}

/// Where the due request leads to: its query.
pub fn query(round: &Round) -> String {
    round.request().unwrap().uri().query().unwrap().to_owned()
}

/// The page size that the due request asks for.
pub fn size(round: &Round) -> u32 {
    let request = round.request().unwrap();
    let prefer = request.headers()["prefer"].to_str().unwrap();
    prefer.split("maxpagesize=").nth(1).unwrap().split(',').next().unwrap().parse().unwrap()
}

pub fn restart(step: Step<String>) -> Restart {
    let Step::Restart(restart) = step else { panic!("{step:?}") };
    restart
}

pub fn checkpoint(step: Step<String>) -> Checkpoint {
    let Step::Page { checkpoint, .. } = step else { panic!("{step:?}") };
    checkpoint
}

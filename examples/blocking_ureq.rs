//! A round on ureq, a blocking client: no runtime, no async. It is the whole driver of a small program.
//!
//! `cargo run --example blocking_ureq`

use std::thread::sleep;
use std::time::Duration;

use delta_core::{Failure, FailureKind, Round, Step};
use examples::{Agenda, LocalGraph, options, target};
use http::{HeaderValue, Request, Response};
use ureq::Agent;

/// The most bytes of a body.
const MAX_BODY: u64 = 64 << 20;

fn main() -> examples::Result {
    let graph = LocalGraph::start()?;
    let agent = agent();
    let mut agenda = Agenda::default();
    let mut round = Round::full(target(graph.root())?).with_options(options());
    while let Some(mut request) = round.request() {
        request.headers_mut().insert("authorization", HeaderValue::from_static("Bearer any"));
        let step = match send(&agent, request) {
            Ok(response) => round.receive(response)?,
            Err(failure) => round.fail(failure)?,
        };
        match step {
            // A program that keeps what it reads stores the page and the checkpoint together.
            Step::Page { page, checkpoint: _ } => agenda.apply(&page),
            // Here it stores the link with the page: `Round::incremental` goes on from it next time.
            Step::Complete { page, link: _ } => agenda.apply(&page),
            Step::Wait(wait) => sleep(wait.duration),
            Step::Authenticate(_) => return Err("the token was refused, and there is no other".into()),
            Step::Restart(_) => agenda = Agenda::default(),
        }
    }
    print!("{agenda}");
    Ok(())
}

/// A client that decides nothing: statuses are answers, and redirects are not followed, because a token must not be.
fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(300)))
        .build()
        .into()
}

fn send(agent: &Agent, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Failure> {
    // A delta query's requests have no body.
    let response = agent.run(request.map(drop)).map_err(|error| failure(&error))?;
    let (head, mut body) = response.into_parts();
    let body = body.with_config().limit(MAX_BODY).read_to_vec().map_err(|error| failure(&error))?;
    Ok(Response::from_parts(head, body))
}

/// The kind decides whether the round tries again. ureq's own words stay out: they may hold the URL.
fn failure(error: &ureq::Error) -> Failure {
    let kind = match error {
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => FailureKind::Connect,
        ureq::Error::Timeout(_) => FailureKind::Timeout,
        ureq::Error::Io(_) => FailureKind::Interrupted,
        ureq::Error::BodyExceedsLimit(_) => FailureKind::BodyTooLarge,
        _ => FailureKind::Request,
    };
    Failure::new(kind, "")
}

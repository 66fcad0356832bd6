//! The core by hand: a round against a simulator in the same process. No socket, no runtime, no clock.
//!
//! `cargo run --example by_hand`

use std::time::SystemTime;

use bytes::Bytes;
use delta_core::{Round, Step};
use examples::{Agenda, options, simulator, target};
use http::HeaderValue;

fn main() -> examples::Result {
    let mut simulator = simulator()?;
    let mut agenda = Agenda::default();
    let mut round = Round::full(target("https://graph.microsoft.com")?).with_options(options());
    while let Some(mut request) = round.request() {
        request.headers_mut().insert("authorization", HeaderValue::from_static("Bearer any"));
        let response = simulator.handle(SystemTime::UNIX_EPOCH, request.map(Bytes::from));
        match round.receive(response)? {
            Step::Page { page, .. } | Step::Complete { page, .. } => agenda.apply(&page),
            Step::Restart(_) => agenda = Agenda::default(),
            Step::Wait(_) | Step::Authenticate(_) => {}
        }
    }
    print!("{agenda}");
    Ok(())
}

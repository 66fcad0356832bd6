//! What every transport must do, as functions that panic if it does not.
//!
//! Each of them talks to a [`Server`] of its own on a loopback address, which says what it was told to, byte for byte,
//! on threads of its own: the kit needs neither an HTTP library nor a runtime. A transport runs them all, on whatever
//! runtime it needs:
//!
//! ```
//! # fn main() {} // A doctest has no tests to run.
//! # mod my {
//! #     pub fn block_on<F: Future>(_: F) -> F::Output { unimplemented!() }
//! #     pub fn transport(_: sync::TransportLimits) -> impl sync::Transport {
//! #         sync::transport_fn(|_| async { Ok(http::Response::default()) })
//! #     }
//! # }
//! sync::transport_conformance! { run: my::block_on, make: my::transport }
//! ```
//!
//! Three need more than that and are called by hand: [`an_unknown_authority_is_refused`] wants the root of a server
//! with a certificate, [`https_goes_through_the_proxy`] and [`a_proxy_that_refuses_is_a_failed_connection`] a transport
//! that was made with a proxy.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod bodies;
mod connections;
mod responses;
mod server;
mod time;

use bytes::Bytes;
use delta_core::{Failure, FailureKind};
use http::{Request, Response};

use crate::transport::{Transport, TransportLimits};

pub use bodies::*;
pub use connections::*;
pub use responses::*;
pub use server::{Connection, Received, Server, Then};
pub use time::*;

/// Makes a transport with these limits.
pub type Make<'a> = &'a dyn Fn(TransportLimits) -> Box<dyn Transport>;

/// What must never show up in a failure: each request has it in its query and in a header.
const SECRET: &str = "SECRET";

/// A request as Graph gets them, to a root such as `http://127.0.0.1:8080`.
pub fn request(root: &str) -> Request<Vec<u8>> {
    Request::get(format!("{root}/v1.0/me/calendarView/delta?$deltatoken={SECRET}"))
        .header("authorization", format!("Bearer {SECRET}"))
        .body(Vec::new())
        .unwrap()
}

/// A transport that never runs into a limit.
fn usual(make: Make<'_>) -> Box<dyn Transport> {
    make(TransportLimits::default())
}

/// Sends the request to a server.
async fn ask(transport: &dyn Transport, server: &Server) -> Result<Response<Bytes>, Failure> {
    transport.send(request(&server.root())).await
}

/// The kind of the failure that this must be, once it is clear that it holds no secrets.
fn kind(outcome: Result<Response<Bytes>, Failure>) -> FailureKind {
    let failure = match outcome {
        Ok(response) => panic!("there is a response: {} and {} bytes", response.status(), response.body().len()),
        Err(failure) => failure,
    };
    assert!(!format!("{failure} {failure:?}").contains(SECRET), "a failure holds a secret");
    failure.kind
}

/// Expands to one test per function of [`conformance`](crate::conformance) that needs nothing but a transport.
///
/// `make` is called for each of them with [`TransportLimits`](crate::TransportLimits) and gives a transport; `run` runs
/// a future to its end.
#[macro_export]
macro_rules! transport_conformance {
    (run: $run:expr, make: $make:expr $(,)?) => {
        $crate::transport_conformance! { @tests $run, $make;
            a_request_arrives_as_it_was
            a_response_comes_back_as_it_was
            any_status_is_a_response
            no_redirect_is_followed
            nothing_is_inflated
            a_gzip_body_is_inflated_by_the_engine
            a_truncated_gzip_body_is_refused
            a_decompression_bomb_is_stopped
            a_body_up_to_the_cap_arrives
            a_body_over_the_cap_is_refused
            an_announced_body_over_the_cap_is_not_awaited
            a_body_that_breaks_off_is_interrupted
            a_contradictory_length_is_no_response
            what_is_behind_a_body_is_not_the_next_response
            what_is_not_http_is_no_response
            silence_before_the_headers_is_a_timeout
            silence_inside_of_a_body_is_a_timeout
            slow_headers_end_in_a_timeout
            a_slow_body_ends_in_a_timeout
            a_slow_but_steady_body_arrives
            a_dropped_request_hangs_up
            a_hundred_requests_share_a_connection
            a_refused_connection_can_be_told
            a_silent_handshake_is_a_timeout
            plain_words_on_a_tls_port_are_a_tls_failure
        }
    };
    (@tests $run:expr, $make:expr; $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                let make = $make;
                $run($crate::conformance::$name(&|limits| ::std::boxed::Box::new(make(limits))));
            }
        )*
    };
}

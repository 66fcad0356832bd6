//! Each request ends in bounded time.
//!
//! Limits that are not meant to be reached are long: a test whose limit does not work fails when the server's patience
//! runs out, and takes no time otherwise.

use std::pin::pin;
use std::time::Duration;

use delta_core::FailureKind;

use super::{Make, Server, Then, ask, kind, request, usual};
use crate::transport::TransportLimits;

const SHORT: Duration = Duration::from_millis(100);
/// Between two drops of a slow answer: well below what counts as silence.
const PAUSE: Duration = Duration::from_millis(5);
/// More than anybody waits for.
const LONG: [u8; 2000] = [b'x'; 2000];
const HALF: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n01234";

/// A server that takes a request and says nothing is given up, long before the request's time is over.
pub async fn silence_before_the_headers_is_a_timeout(make: Make<'_>) {
    let server = Server::saying("", Then::Silence);
    let limits = TransportLimits { read_timeout: SHORT, ..TransportLimits::default() };
    assert_eq!(kind(ask(&make(limits), &server).await), FailureKind::Timeout);
    assert!(server.is_hung_up().await);
}

/// A server that falls silent is given up as well.
pub async fn silence_inside_of_a_body_is_a_timeout(make: Make<'_>) {
    let server = Server::saying(HALF, Then::Silence);
    let limits = TransportLimits { read_timeout: SHORT, ..TransportLimits::default() };
    assert_eq!(kind(ask(&make(limits), &server).await), FailureKind::Timeout);
    assert!(server.is_hung_up().await);
}

/// Headers that come byte by byte, never silent for long, do not outlast the request's time.
pub async fn slow_headers_end_in_a_timeout(make: Make<'_>) {
    let server = Server::dripping(b"HTTP/1.1 200 OK\r\nx: ", &LONG, PAUSE);
    let limits = TransportLimits { timeout: SHORT, ..TransportLimits::default() };
    assert_eq!(kind(ask(&make(limits), &server).await), FailureKind::Timeout);
}

/// Nor does a body.
pub async fn a_slow_body_ends_in_a_timeout(make: Make<'_>) {
    let server = Server::dripping(b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n", &LONG, PAUSE);
    let limits = TransportLimits { timeout: SHORT, ..TransportLimits::default() };
    assert_eq!(kind(ask(&make(limits), &server).await), FailureKind::Timeout);
}

/// A body may take longer than silence may, as long as there is none.
pub async fn a_slow_but_steady_body_arrives(make: Make<'_>) {
    let server =
        Server::dripping(b"HTTP/1.1 200 OK\r\ncontent-length: 24\r\n\r\n", &LONG[..24], Duration::from_millis(25));
    let limits = TransportLimits { read_timeout: Duration::from_millis(500), ..TransportLimits::default() };
    let response = ask(&make(limits), &server).await.unwrap();
    assert_eq!(response.body(), &LONG[..24]);
}

/// A request that is dropped takes its connection along: the server notices, and the transport is as good as before.
pub async fn a_dropped_request_hangs_up(make: Make<'_>) {
    let transport = usual(make);
    for answer in [&b""[..], HALF] {
        let server = Server::saying(answer, Then::Silence);
        {
            let mut sending = pin!(transport.send(request(&server.root())));
            let mut asked = pin!(server.until_asked());
            std::future::poll_fn(|context| {
                assert!(sending.as_mut().poll(context).is_pending(), "nothing was answered");
                asked.as_mut().poll(context)
            })
            .await;
        }
        assert!(server.is_hung_up().await, "the connection is still open");
    }
    let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Then::Next);
    assert_eq!(ask(&transport, &server).await.unwrap().body().as_ref(), b"ok");
}

//! Bodies arrive whole, or not at all, and never without bound.

use std::io::Write;

use bytes::Bytes;
use delta_core::{Failure, FailureKind};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::Response;

use super::{Make, Server, Then, ask, kind, request, usual};
use crate::body::{BodyLimits, exchange};
use crate::transport::{Transport, TransportLimits};

const PAGE: &[u8] = br#"{"value":[]}"#;

/// What the engine asks for compressed arrives inflated.
pub async fn a_gzip_body_is_inflated_by_the_engine(make: Make<'_>) {
    let transport = usual(make);
    let server = Server::saying(gzip_response(&gzip(PAGE)), Then::Next);
    assert_eq!(inflated(&transport, &server).await.unwrap().body(), PAGE);
    assert_eq!(server.received()[0].header("accept-encoding"), ["gzip"]);
}

/// A gzip stream without its end is not a page, although the response is complete.
pub async fn a_truncated_gzip_body_is_refused(make: Make<'_>) {
    let transport = usual(make);
    let whole = gzip(PAGE);
    for cut in [0, 1, 10, whole.len() - 8, whole.len() - 1] {
        let server = Server::saying(gzip_response(&whole[..cut]), Then::Next);
        assert_eq!(kind(inflated(&transport, &server).await), FailureKind::Decode, "{cut} bytes of it");
    }
}

/// A body that is small on the wire and huge behind it is stopped where it gets too large.
pub async fn a_decompression_bomb_is_stopped(make: Make<'_>) {
    let transport = usual(make);
    let bomb = gzip(&vec![0; 4 << 20]);
    assert!(bomb.len() < 8 << 10, "what comes over the wire is small");
    let server = Server::saying(gzip_response(&bomb), Then::Next);
    assert_eq!(kind(inflated(&transport, &server).await), FailureKind::BodyTooLarge);
}

/// A body of exactly as many bytes as are allowed arrives, announced or not.
pub async fn a_body_up_to_the_cap_arrives(make: Make<'_>) {
    let transport = make(capped());
    for answer in [announced(10), chunked(10), until_closed(10)] {
        let server = Server::saying(answer, Then::Close);
        let response = ask(&transport, &server).await.unwrap();
        assert_eq!(response.body(), &vec![b'x'; 10]);
    }
}

/// A body of one byte more does not, however it comes.
pub async fn a_body_over_the_cap_is_refused(make: Make<'_>) {
    let transport = make(capped());
    for answer in [announced(11), chunked(11), until_closed(11)] {
        let server = Server::saying(answer, Then::Close);
        assert_eq!(kind(ask(&transport, &server).await), FailureKind::BodyTooLarge);
    }
}

/// A length that is too large is enough to refuse a body: nobody waits for it.
pub async fn an_announced_body_over_the_cap_is_not_awaited(make: Make<'_>) {
    let transport = make(capped());
    for length in ["11", "9223372036854775807"] {
        let server = Server::saying(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n"), Then::Silence);
        assert_eq!(kind(ask(&transport, &server).await), FailureKind::BodyTooLarge, "{length}");
    }
}

/// A connection that closes inside of a response leaves none, and never a shorter one.
pub async fn a_body_that_breaks_off_is_interrupted(make: Make<'_>) {
    let transport = usual(make);
    for whole in [announced(20), chunked(20)] {
        for cut in [0, 1, 10, whole.len() - 10, whole.len() - 1] {
            let server = Server::saying(&whole[..cut], Then::Close);
            assert_eq!(kind(ask(&transport, &server).await), FailureKind::Interrupted, "after {cut} bytes");
        }
    }
}

/// Lengths that contradict each other, or are none, make no response: who knows where it ends.
pub async fn a_contradictory_length_is_no_response(make: Make<'_>) {
    let transport = usual(make);
    for lengths in ["content-length: 2\r\ncontent-length: 3", "content-length: two", "content-length: -2"] {
        let server = Server::saying(format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\nokay"), Then::Close);
        assert_eq!(kind(ask(&transport, &server).await), FailureKind::Interrupted, "{lengths}");
    }
}

/// A body that is longer than its length is cut there, and the rest is never taken for the answer to what is asked next.
pub async fn what_is_behind_a_body_is_not_the_next_response(make: Make<'_>) {
    let transport = usual(make);
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong";
    let server = Server::saying(answer, Then::Next);
    let mut answers = 0;
    for _ in 0..10 {
        // A transport may also notice, and fail.
        if let Ok(response) = ask(&transport, &server).await {
            assert_eq!(response.body().as_ref(), b"ok");
            answers += 1;
        }
    }
    assert!(answers > 0, "not even the first one arrived");
}

/// A server of another kind is not answered for.
pub async fn what_is_not_http_is_no_response(make: Make<'_>) {
    let transport = usual(make);
    for answer in ["SSH-2.0-OpenSSH\r\n", "HTTP/1.1 two OK\r\n\r\n", "\0\0\0\0", "{}"] {
        let server = Server::saying(answer, Then::Close);
        assert_eq!(kind(ask(&transport, &server).await), FailureKind::Interrupted, "{answer:?}");
    }
}

/// The engine's way to a body, which may have two mebibytes.
async fn inflated(transport: &dyn Transport, server: &Server) -> Result<Response<Bytes>, Failure> {
    let limits = BodyLimits { max_bytes: 2 << 20, ..BodyLimits::default() };
    exchange(transport, request(&server.root()), &limits).await
}

fn capped() -> TransportLimits {
    TransportLimits { max_body: 10, ..TransportLimits::default() }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn gzip_response(body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A response with so many bytes, whose length is told before.
fn announced(length: usize) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{}", "x".repeat(length)).into_bytes()
}

/// A response with so many bytes, in two chunks.
fn chunked(length: usize) -> Vec<u8> {
    let second = "x".repeat(length - 1);
    let size = second.len();
    format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n{size:x}\r\n{second}\r\n0\r\n\r\n")
        .into_bytes()
}

/// A response with so many bytes, which ends with the connection.
fn until_closed(length: usize) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(length)).into_bytes()
}

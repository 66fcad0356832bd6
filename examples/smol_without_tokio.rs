//! The engine on smol: a transport and a timer of one's own, hyper over smol's sockets, and no tokio runtime.
//!
//! `cargo run --example smol_without_tokio`

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use delta_core::{Failure, FailureKind, Timestamp};
use examples::{Agenda, LocalGraph, now, replica};
use http::{HeaderValue, Request, Response, Uri, header::HOST};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::handshake;
use smol::{future, net::TcpStream};
use smol_hyper::rt::FuturesIo;
use store::{MemoryStore, Store, reader};
use sync::{AccessToken, Synchronizer, Transport};

const MAX_BODY: usize = 64 << 20;
const TIMEOUT: Duration = Duration::from_secs(300);

fn main() -> examples::Result {
    let graph = LocalGraph::start()?;
    smol::block_on(async {
        let (synchronizer, store) = (Synchronizer::new(Smol, AccessToken::new("any")?, Smol, 0), MemoryStore::new());
        synchronizer.run(&replica(graph.root())?, &store).await?;
        let view = store.view().await?;
        let all = reader::TimeRange::utc(Timestamp::MIN..Timestamp::MAX);
        let (events, _) = reader::events(view.as_ref(), &all, None, 100).await?;
        print!("{}", Agenda::of_rows(&events));
        Ok(())
    })
}

/// What smol gives to the engine: sockets and time.
struct Smol;

#[async_trait]
impl sync::Timer for Smol {
    fn now(&self) -> Timestamp {
        now()
    }

    async fn sleep(&self, duration: Duration) {
        smol::Timer::after(duration).await;
    }
}

#[async_trait]
impl Transport for Smol {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, Failure> {
        let timeout = async {
            smol::Timer::after(TIMEOUT).await;
            Err(Failure::new(FailureKind::Timeout, ""))
        };
        future::or(exchange(request), timeout).await
    }
}

/// One request on a connection of its own. Plain http only: for https, TLS goes between the socket and hyper.
async fn exchange(mut request: Request<Vec<u8>>) -> Result<Response<Bytes>, Failure> {
    let failed = |kind| move |_: hyper::Error| Failure::new(kind, "");
    let no_host = || Failure::new(FailureKind::Request, "the URL has no host and port");
    let authority = request.uri().authority().cloned().filter(|a| a.port().is_some()).ok_or_else(no_host)?;
    let connecting = TcpStream::connect(authority.as_str()).await;
    let socket = connecting.map_err(|error| Failure::new(FailureKind::Connect, error.kind().to_string()))?;
    let (mut sender, connection) = handshake(FuturesIo::new(socket)).await.map_err(failed(FailureKind::Connect))?;
    let _driver = smol::spawn(connection);

    // HTTP/1.1 to the server itself: the path in the request line, the authority in `Host`.
    request.headers_mut().extend(HeaderValue::from_str(authority.as_str()).ok().map(|host| (HOST, host)));
    *request.uri_mut() = request.uri().path_and_query().cloned().map(Uri::from).unwrap_or_default();
    let response = sender.send_request(request.map(Full::<Bytes>::from)).await;
    let (head, body) = response.map_err(failed(FailureKind::Interrupted))?.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(|error| {
        let kind = if error.is::<LengthLimitError>() { FailureKind::BodyTooLarge } else { FailureKind::Interrupted };
        Failure::new(kind, "")
    })?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

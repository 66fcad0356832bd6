//! A load behind a socket: every page is rendered, and compressed, before the first request comes.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::body::Answer;
use super::gzip;
use crate::Load;

/// A running server of a [`Load`], over plain http: it answers each delta query, whoever asks. For measuring clients.
/// Dropped, it stops.
#[derive(Debug)]
pub struct LoadServer {
    root: String,
    task: JoinHandle<()>,
}

/// The pages of each round, as they are sent.
struct Rendered {
    root: String,
    load: Load,
    gzip: bool,
    rounds: Vec<Vec<Response<Bytes>>>,
}

impl LoadServer {
    /// Renders everything, compresses it if it shall be, and serves it in the background on a free port of the loopback
    /// address.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub async fn bind(load: Load, gzip: bool) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let root = format!("http://{}", listener.local_addr()?);
        let mut rendered = Rendered { root: root.clone(), load, gzip, rounds: Vec::new() };
        rendered.rounds = (0..=load.rounds).map(|round| rendered.round(round)).collect();
        let task = tokio::spawn(accept(listener, Arc::new(rendered)));
        Ok(Self { root, task })
    }

    /// Where a client finds Graph, without the API version.
    pub fn graph_root(&self) -> &str {
        &self.root
    }
}

impl Drop for LoadServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, rendered: Arc<Rendered>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&rendered)));
    }
}

async fn serve(stream: TcpStream, rendered: Arc<Rendered>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let answer = rendered.answer(&request);
        async move { Ok::<_, Infallible>(answer.map(|body| Answer::new(body, None))) }
    });
    // A client that goes away is not the server's business.
    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

impl Rendered {
    fn round(&self, round: usize) -> Vec<Response<Bytes>> {
        (0..self.load.pages(round)).map(|page| self.page(round, page)).collect()
    }

    fn page(&self, round: usize, page: usize) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(self.load.page(&self.root, round, page)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.gzip { gzip::compress(response) } else { response }
    }

    /// Whoever can't take gzip should not ask a server that has nothing else.
    fn answer(&self, request: &Request<Incoming>) -> Response<Bytes> {
        let (round, page) = Load::asked(request.uri().query().unwrap_or_default());
        let rendered = self.rounds.get(round).and_then(|pages| pages.get(page));
        // Rounds without changes are endless, and next to nothing to render.
        rendered.cloned().unwrap_or_else(|| self.page(round, page))
    }
}

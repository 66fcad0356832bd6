//! The simulator behind a socket.
//!
//! A [`Server`] listens, speaks HTTP/1.1 and HTTP/2, with or without TLS, and hands every request to one shared
//! [`Simulator`]. It decides nothing about Graph; it only adds what belongs to the wire: an absolute URI, so that links
//! lead back to where the client came from, a limit on bodies, gzip, and what a [`FaultEffect`] does to a connection.

mod body;
mod gzip;
mod options;
mod rendered;
mod tls;

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use self::body::Answer;
pub use self::options::{Access, ServerOptions};
pub use self::rendered::LoadServer;
use crate::{FaultEffect, InFlight, Simulator, Strike};

/// How long a shutdown waits for the requests that are being answered.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// How long to wait when the system has no more connections to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running server. Dropped, it stops at once; [`shutdown`](Self::shutdown) lets it finish what it is doing.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    certificate: Option<String>,
    simulator: Arc<Mutex<Simulator>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// What all connections share.
struct Shared {
    simulator: Arc<Mutex<Simulator>>,
    options: ServerOptions,
}

impl Server {
    /// Listens on `address`, where port 0 means any free one, and serves the simulator in the background.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on, or no certificate can be made.
    pub async fn bind(address: impl ToSocketAddrs, simulator: Simulator, options: ServerOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let identity =
            if options.tls { Some(tls::Identity::for_address(address.ip(), SystemTime::now())?) } else { None };
        let (certificate, acceptor) =
            identity.map_or((None, None), |identity| (Some(identity.authority), Some(identity.acceptor)));
        let simulator = Arc::new(Mutex::new(simulator));
        let shared = Arc::new(Shared { simulator: Arc::clone(&simulator), options });
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(run(listener, acceptor, shared, stopped));
        Ok(Self { address, certificate, simulator, stop, task })
    }

    /// The address that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Where a client finds Graph, such as `http://127.0.0.1:8080`, without the API version. A server that listens on
    /// all addresses names the loopback one.
    pub fn graph_root(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
        }
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    }

    /// The certificate, in PEM, of the authority that a client must trust; none without TLS.
    pub fn certificate_pem(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// The simulator, to be looked at or changed between requests. While it is locked no request is answered.
    pub fn simulator(&self) -> &Arc<Mutex<Simulator>> {
        &self.simulator
    }

    /// Stops listening, and waits some seconds for the requests that are being answered.
    pub async fn shutdown(mut self) {
        let (unused, _) = oneshot::channel();
        // An error means that the task has ended already.
        let _ = std::mem::replace(&mut self.stop, unused).send(());
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    mut stopped: oneshot::Receiver<()>,
) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, acceptor.clone(), Arc::clone(&shared), graceful.watcher()));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            _ = &mut stopped => break,
        }
    }
    drop(listener);
    // Whoever is not done by then is cut off, as the set of connections is dropped.
    let _ = tokio::time::timeout(SHUTDOWN_GRACE, graceful.shutdown()).await;
}

async fn connection(stream: TcpStream, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>, watcher: Watcher) {
    // Answers are small and written whole; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    match acceptor {
        None => serve(stream, Scheme::HTTP, shared, watcher).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, Scheme::HTTPS, shared, watcher).await;
            }
        }
    }
}

async fn serve<S>(stream: S, scheme: Scheme, shared: Arc<Shared>, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request| {
        let (shared, scheme) = (Arc::clone(&shared), scheme.clone());
        async move { Ok::<_, Infallible>(shared.answer(request, scheme).await) }
    });
    let builder = Builder::new(TokioExecutor::new());
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    // A client that breaks a connection off is not the server's business.
    let _ = watcher.watch(connection).await;
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>, scheme: Scheme) -> Response<Answer> {
        let (mut parts, body) = request.into_parts();
        parts.uri = absolute(&parts, scheme);
        let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
        let takes_gzip = self.options.gzip && gzip::is_accepted(&parts.headers);
        let mut under_way = None;
        let response = match Limited::new(body, self.options.max_request_body).collect().await {
            Ok(body) => {
                let mut request = Request::from_parts(parts, body.to_bytes());
                under_way = Some(UnderWay::new(&self.simulator, self.options.now(), &mut request));
                lock(&self.simulator).handle(self.options.now(), request)
            }
            Err(error) if error.is::<http_body_util::LengthLimitError>() => empty(StatusCode::PAYLOAD_TOO_LARGE),
            Err(_) => empty(StatusCode::BAD_REQUEST),
        };
        let fault = response.extensions().get::<Strike>().cloned();
        self.options.observe(&Access { method, path, status: response.status(), fault });
        let effect = response.extensions().get::<FaultEffect>().copied();
        if let Some(FaultEffect::Delay(pause)) = effect {
            tokio::time::sleep(pause).await;
        }
        drop(under_way);
        // An effect on the body counts its bytes as they are.
        let to_be_whole = matches!(effect, None | Some(FaultEffect::Delay(_)));
        let response = if takes_gzip && to_be_whole { gzip::compress(response) } else { response };
        response.map(|body| Answer::new(body, effect))
    }
}

/// A request that the simulator takes for under way until this is dropped, as it is when the client goes away.
struct UnderWay<'a> {
    simulator: &'a Mutex<Simulator>,
    request: Option<InFlight>,
}

impl<'a> UnderWay<'a> {
    fn new(simulator: &'a Mutex<Simulator>, now: SystemTime, request: &mut Request<Bytes>) -> Self {
        Self { request: Some(lock(simulator).arrive(now, request)), simulator }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(request) = self.request.take() {
            lock(self.simulator).leave(request);
        }
    }
}

fn lock(simulator: &Mutex<Simulator>) -> MutexGuard<'_, Simulator> {
    simulator.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The URI with scheme and authority: HTTP/1.1 has the authority in the `Host` header, HTTP/2 in the URI.
fn absolute(parts: &http::request::Parts, scheme: Scheme) -> Uri {
    let host = || parts.headers.get(HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let mut uri = parts.uri.clone().into_parts();
    uri.authority = uri.authority.or_else(host);
    uri.scheme = uri.authority.is_some().then_some(scheme);
    Uri::from_parts(uri).unwrap_or_else(|_| parts.uri.clone())
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

//! How requests get to the server: the one seam between the engine and an HTTP client.

use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use delta_core::Failure;
use http::{Request, Response};

/// Sends one request and brings the response back.
///
/// What a transport must do, so that the guarantees of the engine hold on any of them:
///
/// - send the request to the URI's own origin and follow no redirect: a 3xx is a response like any other;
/// - leave status, headers and body as they are; bodies are inflated by the engine, which asks for gzip itself;
/// - stop reading a body that gets larger than its cap, with [`FailureKind::BodyTooLarge`](delta_core::FailureKind);
/// - end each request in bounded time, with [`FailureKind::Timeout`](delta_core::FailureKind);
/// - keep URLs and headers out of the failure's message: they hold tokens.
///
/// Any response is `Ok`, whatever its status. [`conformance`](crate::conformance) tests all of it.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends the request.
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, Failure>;
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for std::sync::Arc<T> {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, Failure> {
        (**self).send(request).await
    }
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Box<T> {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, Failure> {
        (**self).send(request).await
    }
}

/// How long a transport may take, and how much it may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportLimits {
    /// How long a connection may take, until a request can be sent: proxy and TLS included.
    pub connect_timeout: Duration,
    /// How long the server may be silent. Large pages of long series take Graph half a minute (observed).
    pub read_timeout: Duration,
    /// How long a request may take, from its start to the end of the body.
    pub timeout: Duration,
    /// The most bytes of a body, as they come over the wire.
    pub max_body: usize,
}

impl Default for TransportLimits {
    /// 10 s, 60 s, 300 s and 64 MiB.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            timeout: Duration::from_secs(300),
            max_body: 64 << 20,
        }
    }
}

/// Makes a transport of a function.
///
/// ```
/// use bytes::Bytes;
/// use sync::transport_fn;
///
/// let transport = transport_fn(|_request| async {
///     Ok(http::Response::new(Bytes::from_static(br#"{"value":[]}"#)))
/// });
/// # fn is_transport(_: impl sync::Transport) {}
/// # is_transport(transport);
/// ```
pub fn transport_fn<F, R>(send: F) -> impl Transport
where
    F: Fn(Request<Vec<u8>>) -> R + Send + Sync,
    R: Future<Output = Result<Response<Bytes>, Failure>> + Send,
{
    TransportFn(send)
}

struct TransportFn<F>(F);

#[async_trait]
impl<F, R> Transport for TransportFn<F>
where
    F: Fn(Request<Vec<u8>>) -> R + Send + Sync,
    R: Future<Output = Result<Response<Bytes>, Failure>> + Send,
{
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, Failure> {
        (self.0)(request).await
    }
}

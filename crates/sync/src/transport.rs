//! How requests get to the server: the one seam between the engine and an HTTP client.

use std::future::Future;

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
/// Any response is `Ok`, whatever its status.
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

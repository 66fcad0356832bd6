//! Limits in time, which hyper leaves to its users.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use delta_core::{Failure, FailureKind};
use http::Uri;
use tower_service::Service;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Waits no longer than this.
pub(crate) async fn in_time<T>(limit: Duration, future: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout(limit, future).await.map_err(|_| Failure::new(FailureKind::Timeout, waited(limit)))
}

fn waited(limit: Duration) -> String {
    format!("waited {} s", limit.as_secs_f64())
}

/// Whether time ran out, by ours or the system's clock, somewhere below an error.
pub(crate) fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    let timed_out = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    error.downcast_ref().is_some_and(timed_out) || error.source().is_some_and(is_timeout)
}

/// A connector that connects within a time: name, proxy and TLS included.
#[derive(Clone, Debug)]
pub(crate) struct Punctual<C> {
    connector: C,
    limit: Duration,
}

impl<C> Punctual<C> {
    pub(crate) fn new(connector: C, limit: Duration) -> Self {
        Self { connector, limit }
    }
}

impl<C> Service<Uri> for Punctual<C>
where
    C: Service<Uri>,
    C::Response: Send + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let limit = self.limit;
        let connecting = self.connector.call(uri);
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, waited(limit)).into()),
            }
        })
    }
}

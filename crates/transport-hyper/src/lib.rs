//! Sends the engine's requests with hyper. It never follows a redirect or inflates a body, and leaves trying again to the
//! engine: only what a closing connection has not taken is sent once more.
//!
//! [`HyperTransport::new`] connects by itself: rustls with the platform's certificates, HTTP/2 where the server speaks
//! it, tunnels through proxies ([`ProxyConnector`]). [`HyperTransport::with_connector`] takes any connector of
//! hyper-util's. On top of either stand the limits, which hyper leaves to its users.

mod connect;
mod limit;

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use delta_core::{Failure, FailureKind};
use http::header::USER_AGENT;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::rt::{Read, Write};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::Connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use sync::{Transport, TransportLimits};
use tower_service::Service;
use transport_common::{CappedBody, Tls, failure, tls_config};

pub use connect::ProxyConnector;
pub use transport_common::{BuildError, CertificateDer, Options, Proxies, certificates_from_pem};

use limit::{BoxError, Punctual, in_time, is_timeout};

/// A [`Transport`] over hyper-util's client, which keeps connections and shares them.
#[derive(Clone)]
pub struct HyperTransport<C = HttpsConnector<ProxyConnector>> {
    client: Client<Punctual<C>, Full<Bytes>>,
    limits: TransportLimits,
    user_agent: HeaderValue,
    /// What is worth knowing when a certificate is refused.
    tls_hint: Option<&'static str>,
}

impl HyperTransport {
    /// A transport that connects by itself.
    ///
    /// # Errors
    /// [`BuildError`] if an extra root is not a certificate, or the user agent does not fit into a header.
    pub fn new(options: Options) -> Result<Self, BuildError> {
        let Options { limits, proxies, extra_roots, user_agent } = options;
        let user_agent = user_agent.try_into().map_err(|_| BuildError::Client("the user agent is no header".into()))?;
        let Tls { config, hint } = tls_config(extra_roots)?;
        let proxied = ProxyConnector::new(&proxies, config.clone());
        let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_all_versions();
        let transport = Self::with_connector(connector.wrap_connector(proxied), limits);
        Ok(Self { user_agent, tls_hint: hint, ..transport })
    }
}

impl<C> HyperTransport<C>
where
    C: Service<http::Uri> + Clone + Send + Sync + 'static,
    C::Response: Read + Write + Connection + Unpin + Send + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    /// A transport over any connector. What makes https secure is then up to the connector.
    pub fn with_connector(connector: C, limits: TransportLimits) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(Punctual::new(connector, limits.connect_timeout));
        let user_agent = HeaderValue::from_static(concat!("caldelta/", env!("CARGO_PKG_VERSION")));
        Self { client, limits, user_agent, tls_hint: None }
    }

    /// The request as hyper wants it.
    fn prepare(&self, request: Request<Vec<u8>>) -> Result<Request<Full<Bytes>>, Failure> {
        let uri = request.uri();
        if uri.scheme().is_none() || uri.authority().is_none() {
            return Err(Failure::new(FailureKind::Request, "its URL has no origin"));
        }
        let mut request = request.map(|body| Full::new(body.into()));
        request.headers_mut().entry(USER_AGENT).or_insert_with(|| self.user_agent.clone());
        Ok(request)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Failure> {
        let response = in_time(self.limits.read_timeout, self.client.request(request)).await?;
        let (head, body) = response.map_err(|error| self.unsent(&error))?.into_parts();
        Ok(Response::from_parts(head, self.read(body).await?))
    }

    async fn read(&self, mut body: Incoming) -> Result<Bytes, Failure> {
        let mut whole = CappedBody::new(body.size_hint().upper(), self.limits.max_body)?;
        while let Some(frame) = in_time(self.limits.read_timeout, body.frame()).await? {
            let frame = frame.map_err(|error| failure(&error, FailureKind::Interrupted, self.tls_hint))?;
            if let Some(data) = frame.data_ref() {
                whole.push(data)?;
            }
        }
        Ok(whole.into_bytes())
    }

    /// What it means that there is no response.
    fn unsent(&self, error: &hyper_util::client::legacy::Error) -> Failure {
        let kind = match () {
            () if is_timeout(error) => FailureKind::Timeout,
            () if error.is_connect() => FailureKind::Connect,
            () => FailureKind::Interrupted,
        };
        failure(error, kind, self.tls_hint)
    }
}

#[async_trait]
impl<C> Transport for HyperTransport<C>
where
    C: Service<http::Uri> + Clone + Send + Sync + 'static,
    C::Response: Read + Write + Connection + Unpin + Send + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, Failure> {
        in_time(self.limits.timeout, self.exchange(self.prepare(request)?)).await?
    }
}

impl<C> fmt::Debug for HyperTransport<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransport").field("limits", &self.limits).finish_non_exhaustive()
    }
}

//! Sends the engine's requests with reqwest. It never follows a redirect, inflates a body or sends a request twice.
//!
//! [`ReqwestTransport::new`] makes a client of its own: rustls with the platform's certificates, HTTP/2 where the
//! server speaks it, proxies from the environment, no redirects. [`ReqwestTransport::from_client`] takes one that is
//! already there.

mod failure;
mod tls;

use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use delta_core::{Failure, FailureKind};
use http::{Request, Response};
use reqwest::Client;
use reqwest::redirect::Policy;
use sync::Transport;

pub use rustls::pki_types::CertificateDer;
pub use tls::{TlsError, certificates_from_pem};

/// How a client is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long the server may be silent. Large pages of long series take Graph half a minute (observed).
    pub read_timeout: Duration,
    /// How long a request may take, from its start to the end of the body.
    pub timeout: Duration,
    /// The most bytes of a body, as they come over the wire.
    pub max_body: usize,
    /// Whether to use the proxies that the environment names (`HTTPS_PROXY` and its relatives).
    pub use_proxies: bool,
    /// Certificate authorities to trust besides the platform's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// What goes into the `User-Agent` header.
    pub user_agent: String,
}

impl Default for Options {
    /// 10 s, 60 s, 300 s, 64 MiB, with proxies, no other authorities, `caldelta/VERSION`.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            timeout: Duration::from_secs(300),
            max_body: 64 << 20,
            use_proxies: true,
            extra_roots: Vec::new(),
            user_agent: concat!("caldelta/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// A [`Transport`] over a reqwest client.
#[derive(Clone, Debug)]
pub struct ReqwestTransport {
    client: Client,
    max_body: usize,
    /// What is worth knowing when a certificate is refused.
    tls_hint: Option<&'static str>,
}

impl ReqwestTransport {
    /// A transport with a client of its own.
    ///
    /// # Errors
    /// [`TlsError`] if an extra root is not a certificate, or the client can't be made.
    pub fn new(options: Options) -> Result<Self, TlsError> {
        let (tls, tls_hint) = tls::config(options.extra_roots)?;
        let builder = Client::builder();
        let client = if options.use_proxies { builder } else { builder.no_proxy() }
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(options.connect_timeout)
            .read_timeout(options.read_timeout)
            .timeout(options.timeout)
            .user_agent(options.user_agent)
            .build()
            .map_err(|error| TlsError::Client(failure::words(&error)))?;
        Ok(Self { client, max_body: options.max_body, tls_hint })
    }

    /// A transport over a client that is already there. Bodies are capped at 64 MiB on the wire.
    ///
    /// The client must not follow redirects (`redirect::Policy::none()`): a token must not go elsewhere. It should
    /// have timeouts, and none of reqwest's decompression features, which neither cap nor keep up.
    pub fn from_client(client: Client) -> Self {
        Self { client, max_body: Options::default().max_body, tls_hint: None }
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Response<Bytes>, Failure> {
        let too_large = || Failure::new(FailureKind::BodyTooLarge, format!("{} bytes are allowed", self.max_body));
        let announced = response.content_length().unwrap_or(0);
        if usize::try_from(announced).map_or(true, |announced| announced > self.max_body) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(&error))? {
            if body.len().saturating_add(chunk.len()) > self.max_body {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let mut whole = Response::new(body.freeze());
        *whole.status_mut() = response.status();
        *whole.version_mut() = response.version();
        *whole.headers_mut() = std::mem::take(response.headers_mut());
        Ok(whole)
    }

    fn failure(&self, error: &reqwest::Error) -> Failure {
        failure::classify(error, self.tls_hint)
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, Failure> {
        let request = reqwest::Request::try_from(request).map_err(|error| self.failure(&error))?;
        let response = self.client.execute(request).await.map_err(|error| self.failure(&error))?;
        self.read(response).await
    }
}

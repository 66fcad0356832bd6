//! Sends the engine's requests with reqwest. It never follows a redirect or inflates a body, and leaves trying again to the
//! engine: only what the server has declared not to have looked at is sent once more.
//!
//! [`ReqwestTransport::new`] makes a client of its own: rustls with the platform's certificates, HTTP/2 where the
//! server speaks it, no redirects. [`ReqwestTransport::from_client`] takes one that is already there.

use async_trait::async_trait;
use bytes::Bytes;
use delta_core::{Failure, FailureKind};
use http::{Request, Response};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Proxy};
use sync::{Transport, TransportLimits};
use transport_common::{CappedBody, Tls, tls_config, words};

pub use transport_common::{BuildError, CertificateDer, Options, Proxies, certificates_from_pem};

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
    /// [`BuildError`] if an extra root is not a certificate, or the client can't be made.
    pub fn new(options: Options) -> Result<Self, BuildError> {
        let Options { limits, proxies, extra_roots, user_agent } = options;
        let Tls { mut config, hint } = tls_config(extra_roots)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let client = through(Client::builder(), &proxies)?
            .tls_backend_preconfigured(config)
            .redirect(Policy::none())
            // Another crate of the same program may have switched on what would inflate without a cap.
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .referer(false)
            .connect_timeout(limits.connect_timeout)
            .read_timeout(limits.read_timeout)
            .timeout(limits.timeout)
            .user_agent(user_agent)
            .build()
            .map_err(|error| BuildError::Client(words(&error)))?;
        Ok(Self { client, max_body: limits.max_body, tls_hint: hint })
    }

    /// A transport over a client that is already there. Bodies are capped at 64 MiB on the wire.
    ///
    /// The client must not follow redirects (`redirect::Policy::none()`): a token must not go elsewhere. It should
    /// have timeouts, and none of reqwest's decompression features, which neither cap nor keep up. With
    /// `connection_verbose`, which is off by default, reqwest logs tokens and links at the level `TRACE`.
    pub fn from_client(client: Client) -> Self {
        Self { client, max_body: TransportLimits::default().max_body, tls_hint: None }
    }

    fn failure(&self, error: &reqwest::Error) -> Failure {
        let kind = match () {
            () if error.is_timeout() => FailureKind::Timeout,
            () if error.is_connect() => FailureKind::Connect,
            () if error.is_builder() => FailureKind::Request,
            () => FailureKind::Interrupted,
        };
        transport_common::failure(error, kind, self.tls_hint)
    }
}

fn through(builder: ClientBuilder, proxies: &Proxies) -> Result<ClientBuilder, BuildError> {
    match proxies {
        Proxies::Environment => Ok(builder),
        Proxies::Https(uri) => Ok(builder.proxy(Proxy::https(uri.to_string()).map_err(|_| BuildError::Proxy)?)),
        _ => Ok(builder.no_proxy()),
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, Failure> {
        let request = reqwest::Request::try_from(request).map_err(|error| self.failure(&error))?;
        let mut response = self.client.execute(request).await.map_err(|error| self.failure(&error))?;
        let mut body = CappedBody::new(response.content_length(), self.max_body)?;
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(&error))? {
            body.push(&chunk)?;
        }
        let mut whole = Response::new(body.into_bytes());
        *whole.status_mut() = response.status();
        *whole.version_mut() = response.version();
        *whole.headers_mut() = std::mem::take(response.headers_mut());
        Ok(whole)
    }
}

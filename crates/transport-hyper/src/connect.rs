//! Connections to a server, or through a proxy to it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;
use transport_common::Proxies;

use crate::limit::BoxError;

/// Connects to https servers through the proxy that is meant for them, if there is one: by `CONNECT`, so that the
/// proxy sees which host is meant and nothing else. Plain http goes straight: it is for loopback addresses, as
/// [`ServiceRoot`](delta_core::ServiceRoot) has it.
#[derive(Clone, Debug)]
pub struct ProxyConnector {
    tcp: HttpConnector,
    /// Reaches the proxies, some of which want TLS themselves.
    to_proxy: HttpsConnector<HttpConnector>,
    proxies: Option<Arc<Matcher>>,
}

impl ProxyConnector {
    /// A connector with these proxies. `tls` is for the way to a proxy, not for the way through it.
    pub(crate) fn new(proxies: &Proxies, tls: ClientConfig) -> Self {
        let mut tcp = HttpConnector::new();
        // What stands above makes https of it.
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let to_proxy = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let proxies = match proxies {
            Proxies::Environment => Some(Matcher::from_env()),
            Proxies::Https(uri) => Some(Matcher::builder().https(uri.to_string()).build()),
            _ => None,
        };
        Self { to_proxy: to_proxy.wrap_connector(tcp.clone()), tcp, proxies: proxies.map(Arc::new) }
    }

    fn proxy(&self, uri: &Uri) -> Option<Intercept> {
        let proxies = self.proxies.as_ref().filter(|_| uri.scheme_str() == Some("https"))?;
        proxies.intercept(uri)
    }

    fn tunnel(&self, proxy: &Intercept) -> Result<Tunnel<HttpsConnector<HttpConnector>>, ProxyError> {
        let uri = proxy.uri().clone();
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(ProxyError);
        }
        let tunnel = Tunnel::new(uri, self.to_proxy.clone());
        Ok(match proxy.basic_auth() {
            Some(auth) => tunnel.with_auth(auth.clone()),
            None => tunnel,
        })
    }
}

impl Service<Uri> for ProxyConnector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        match self.proxy(&uri).map(|proxy| self.tunnel(&proxy)) {
            None => {
                let connecting = self.tcp.call(uri);
                Box::pin(async { Ok(connecting.await?.into()) })
            }
            Some(Ok(mut tunnel)) => Box::pin(async move { Ok(tunnel.call(uri).await?) }),
            Some(Err(error)) => Box::pin(async move { Err(error.into()) }),
        }
    }
}

/// The environment names a proxy that this transport can't use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProxyError;

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the proxy speaks neither http nor https: name one that does in HTTPS_PROXY")
    }
}

impl std::error::Error for ProxyError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn connector(proxies: Matcher) -> ProxyConnector {
        let tls = transport_common::tls_config(Vec::new()).unwrap().config;
        ProxyConnector { proxies: Some(Arc::new(proxies)), ..ProxyConnector::new(&Proxies::None, tls) }
    }

    #[test]
    fn the_proxy_for_https_is_for_https_that_is_not_exempt() {
        let proxies = Matcher::builder().all("http://user:SECRET@proxy.contoso.com:8080").no("intra.contoso.com");
        let connector = connector(proxies.build());
        let proxy = |uri| connector.proxy(&Uri::from_static(uri));
        assert_eq!(proxy("https://graph.microsoft.com/").unwrap().uri(), "http://proxy.contoso.com:8080/");
        assert!(proxy("https://graph.intra.contoso.com/").is_none());
        assert!(proxy("http://127.0.0.1:8080/").is_none());
        assert!(!format!("{connector:?}").contains("SECRET"));
    }

    #[test]
    fn a_proxy_of_another_kind_is_refused_instead_of_passed_by() {
        let connector = connector(Matcher::builder().all("socks5://127.0.0.1:1080").build());
        let proxy = connector.proxy(&Uri::from_static("https://graph.microsoft.com/")).unwrap();
        assert_eq!(connector.tunnel(&proxy).unwrap_err(), ProxyError);
    }
}

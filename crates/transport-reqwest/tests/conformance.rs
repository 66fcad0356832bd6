//! The transport does what every transport must do.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use sync::Transport;
use sync::conformance::{Server, Then, request};
use transport_reqwest::ReqwestTransport;

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

transport_common::options_conformance! { run: block_on, new: ReqwestTransport::new }

#[test]
fn a_client_that_is_already_there_can_be_taken() {
    block_on(async {
        let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Then::Next);
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let client = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).build().unwrap();
        let transport = ReqwestTransport::from_client(client);
        assert_eq!(transport.send(request(&server.root())).await.unwrap().body().as_ref(), b"ok");
    });
}

//! The transport does what every transport must do.
#![allow(clippy::unwrap_used)]

use hyper_util::client::legacy::connect::HttpConnector;
use sync::conformance::{Server, Then, request};
use sync::{Transport, TransportLimits};
use transport_hyper::HyperTransport;

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

transport_common::options_conformance! { run: block_on, new: HyperTransport::new }

#[test]
fn any_connector_will_do() {
    block_on(async {
        let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Then::Next);
        let transport = HyperTransport::with_connector(HttpConnector::new(), TransportLimits::default());
        assert_eq!(transport.send(request(&server.root())).await.unwrap().body().as_ref(), b"ok");
    });
}

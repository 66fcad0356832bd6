//! Connections are kept, and failures to make one can be told apart.

use std::net::{SocketAddr, TcpListener};
use std::task::Poll;
use std::time::Duration;

use delta_core::FailureKind;

use super::{Make, Server, Then, ask, kind, request, usual};
use crate::transport::{Transport, TransportLimits};

/// Requests one after the other go over one connection.
///
/// Clients take a connection back on a task of their own. Between two requests that task gets a chance, which is enough
/// on a runtime with one thread; on others a second connection may be made now and then.
pub async fn a_hundred_requests_share_a_connection(make: Make<'_>) {
    let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Then::Next);
    let transport = usual(make);
    for _ in 0..100 {
        assert_eq!(ask(&transport, &server).await.unwrap().body().as_ref(), b"ok");
        let_others_run().await;
    }
    assert_eq!(server.received().len(), 100);
    assert_eq!(server.connections(), 1);
}

async fn let_others_run() {
    for _ in 0..10 {
        let mut yielded = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

/// Where nobody listens, no connection can be made.
pub async fn a_refused_connection_can_be_told(make: Make<'_>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let transport = usual(make);
    for root in [format!("http://{address}"), format!("https://{address}")] {
        assert_eq!(kind(transport.send(request(&root)).await), FailureKind::Connect, "{root}");
    }
}

/// A server that takes a connection and never shakes hands is given up.
pub async fn a_silent_handshake_is_a_timeout(make: Make<'_>) {
    let server = Server::start(|connection| connection.await_hang_up());
    let limits = TransportLimits { connect_timeout: Duration::from_millis(100), ..TransportLimits::default() };
    let root = format!("https://{}", server.address());
    assert_eq!(kind(make(limits).send(request(&root)).await), FailureKind::Timeout);
}

/// Something that is not TLS where TLS should be is a matter of TLS: trying again does not help.
pub async fn plain_words_on_a_tls_port_are_a_tls_failure(make: Make<'_>) {
    let server = Server::start(|connection| {
        connection.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")?;
        connection.await_hang_up()
    });
    let outcome = usual(make).send(request(&format!("https://{}", server.address()))).await;
    assert_eq!(kind(outcome), FailureKind::Tls);
}

/// A certificate by an authority that nobody trusts is refused. `root` is an https server with such a certificate.
pub async fn an_unknown_authority_is_refused(make: Make<'_>, root: &str) {
    let outcome = usual(make).send(request(root)).await;
    let words = outcome.as_ref().err().map(ToString::to_string).unwrap_or_default();
    assert_eq!(kind(outcome), FailureKind::Tls);
    assert!(words.contains("UnknownIssuer"), "{words}");
}

/// Makes a transport that uses the proxy with this URL for https.
pub type MakeProxied<'a> = &'a dyn Fn(&str) -> Box<dyn Transport>;

/// What goes to an https server goes through a tunnel, and the proxy learns nothing but whom it is for.
///
/// At `address` is an https server that the transport trusts.
pub async fn https_goes_through_the_proxy(make: MakeProxied<'_>, address: SocketAddr) {
    let proxy = Server::start(move |connection| {
        connection.receive()?;
        connection.write(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        connection.tunnel_to(address)
    });
    let transport = make(&format!("http://user:password@{}", proxy.address()));
    transport.send(request(&format!("https://{address}"))).await.unwrap();
    let received = proxy.received();
    let [connect] = received.as_slice() else { panic!("the proxy was asked {} times", received.len()) };
    assert!(connect.head.starts_with(&format!("CONNECT {address} HTTP/1.1\r\n")), "{}", connect.head);
    assert_eq!(connect.header("proxy-authorization"), ["Basic dXNlcjpwYXNzd29yZA=="]);
    assert!(connect.header("authorization").is_empty(), "the proxy has the token");
}

/// A proxy that lets nobody through is a connection that could not be made.
pub async fn a_proxy_that_refuses_is_a_failed_connection(make: MakeProxied<'_>) {
    for status in [403, 407, 502] {
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
        let proxy = Server::saying(answer, Then::Close);
        let transport = make(&proxy.root());
        // The server is asked by the proxy alone, so it need not exist.
        let outcome = transport.send(request("https://graph.contoso.com")).await;
        assert_eq!(kind(outcome), FailureKind::Connect, "{status}");
    }
}

//! What the transport makes of servers that behave and of servers that don't, over loopback.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::sync::Arc;
use std::time::Duration;

use delta_core::FailureKind;
use http::{Request, StatusCode};
use sync::Transport;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use transport_reqwest::{CertificateDer, Options, ReqwestTransport};

fn options() -> Options {
    Options { use_proxies: false, extra_roots: Vec::new(), ..Options::default() }
}

/// Reads a request's head.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// Serves these bytes to the first request, then closes, or stays silent. Gives the root and the request's head.
async fn serve(answer: &[u8], silent: bool) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}", listener.local_addr().unwrap());
    let answer = answer.to_vec();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = head(&mut stream).await;
        stream.write_all(&answer).await.unwrap();
        if silent {
            std::future::pending::<()>().await;
        }
        head
    });
    (root, served)
}

fn get(root: &str) -> Request<Vec<u8>> {
    Request::get(format!("{root}/v1.0/me?$deltatoken=SECRET"))
        .header("authorization", "Bearer SECRET")
        .body(Vec::new())
        .unwrap()
}

async fn failure_of(answer: &[u8], silent: bool, options: Options) -> FailureKind {
    let (root, _served) = serve(answer, silent).await;
    let failure = ReqwestTransport::new(options).unwrap().send(get(&root)).await.unwrap_err();
    assert!(!format!("{failure} {failure:?}").contains("SECRET"), "{failure:?}");
    failure.kind
}

#[tokio::test]
async fn status_headers_and_body_pass_through_untouched() {
    let answer = b"HTTP/1.1 418 Odd\r\ncontent-encoding: gzip\r\nx-ms-ags-diagnostic: a\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x00\x01";
    let (root, served) = serve(answer, false).await;
    let response = ReqwestTransport::new(options()).unwrap().send(get(&root)).await.unwrap();
    assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert_eq!(response.headers()["x-ms-ags-diagnostic"], "a");
    assert_eq!(response.body().as_ref(), b"\x1f\x8b\x00\x01");
    let head = served.await.unwrap();
    assert!(head.starts_with("GET /v1.0/me?$deltatoken=SECRET HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: Bearer SECRET") && head.contains("user-agent: caldelta/"), "{head}");
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let (elsewhere, asked) = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false).await;
    let answer = format!("HTTP/1.1 302 Found\r\nlocation: {elsewhere}/v1.0/me\r\ncontent-length: 0\r\n\r\n");
    let (root, _served) = serve(answer.as_bytes(), false).await;
    let response = ReqwestTransport::new(options()).unwrap().send(get(&root)).await.unwrap();
    assert_eq!(response.status(), StatusCode::FOUND);
    assert!(!asked.is_finished(), "nobody went there");
}

#[tokio::test]
async fn each_way_to_fail_has_its_kind() {
    let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n01234567890123456789";
    let small = || Options { max_body: 19, ..options() };
    assert_eq!(failure_of(whole, false, small()).await, FailureKind::BodyTooLarge);
    let chunked =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n";
    assert_eq!(failure_of(chunked, false, small()).await, FailureKind::BodyTooLarge);
    assert_eq!(failure_of(&whole[..50], false, options()).await, FailureKind::Interrupted);
    assert_eq!(failure_of(b"", false, options()).await, FailureKind::Interrupted);
    assert_eq!(failure_of(b"SSH-2.0-OpenSSH\r\n", false, options()).await, FailureKind::Interrupted);

    let hasty =
        || Options { read_timeout: Duration::from_millis(50), timeout: Duration::from_millis(200), ..options() };
    assert_eq!(failure_of(b"", true, hasty()).await, FailureKind::Timeout);
    assert_eq!(failure_of(&whole[..50], true, hasty()).await, FailureKind::Timeout);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let failure = ReqwestTransport::new(options()).unwrap().send(get(&root)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Connect, "{failure}");
}

/// Serves https with a certificate of its own; gives the root and the authority.
async fn serve_tls() -> (String, CertificateDer<'static>) {
    let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let authority = certified.cert.der().clone();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![authority.clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                answer_ok(stream).await;
            }
        }
    });
    (root, authority)
}

async fn answer_ok(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    head(&mut stream).await;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    stream.flush().await.unwrap();
}

#[tokio::test]
async fn an_unknown_authority_is_refused_and_a_given_one_is_trusted() {
    let (root, authority) = serve_tls().await;
    let failure = ReqwestTransport::new(options()).unwrap().send(get(&root)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Tls, "{failure:?}");
    assert!(failure.message.contains("UnknownIssuer"), "{failure:?}");

    let trusting = Options { extra_roots: vec![authority], ..options() };
    let response = ReqwestTransport::new(trusting).unwrap().send(get(&root)).await.unwrap();
    assert_eq!(response.body().as_ref(), b"ok");
}

#[tokio::test]
async fn a_client_that_is_already_there_can_be_taken() {
    let (root, _served) = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", false).await;
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let client = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).build().unwrap();
    let response = ReqwestTransport::from_client(client).send(get(&root)).await.unwrap();
    assert_eq!(response.body().as_ref(), b"ok");
}

//! The server over loopback: what the wire adds to the simulator.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use graph_sim::server::{Access, LoadServer, Server, ServerOptions};
use graph_sim::{Fault, FaultPlan, Load, Rule, Simulator, seeds};
use reqwest::{Client, Response, Version, redirect};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};

fn simulator() -> Simulator {
    let mut simulator = Simulator::default();
    simulator.load(SystemTime::UNIX_EPOCH, &seeds::five_events()).unwrap();
    simulator
}

async fn server(options: ServerOptions) -> Server {
    Server::bind("127.0.0.1:0", simulator(), options).await.unwrap()
}

/// A client that trusts these certificates and no others.
fn client(trusted: Option<&str>, protocols: &[&[u8]]) -> Client {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = trusted {
        roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let client = Client::builder().tls_backend_preconfigured(config).redirect(redirect::Policy::none()).no_proxy();
    client.build().unwrap()
}

async fn get(client: &Client, url: &str) -> Response {
    client.get(url).bearer_auth("secret").send().await.unwrap()
}

async fn json(response: Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

fn initial(server: &Server) -> String {
    let (start, end) = (seeds::WINDOW_START, seeds::WINDOW_END);
    format!("{}/v1.0/me/calendarView/delta?startDateTime={start}&endDateTime={end}", server.graph_root())
}

/// Follows a round with pages of two and returns how many items came.
async fn drain(client: &Client, url: String, origin: &str) -> (usize, String) {
    let (mut count, mut link) = (0, url);
    loop {
        let request = client.get(&link).bearer_auth("secret").header("prefer", "odata.maxpagesize=2");
        let page = json(request.send().await.unwrap()).await;
        count += page["value"].as_array().unwrap().len();
        let (next, delta) = (&page["@odata.nextLink"], &page["@odata.deltaLink"]);
        link = next.as_str().or(delta.as_str()).unwrap().to_owned();
        assert!(link.starts_with(&format!("{origin}/v1.0/")), "{link}");
        if delta.is_string() {
            return (count, link);
        }
    }
}

#[tokio::test]
async fn a_round_over_http_leads_back_to_the_same_origin() {
    let server = server(ServerOptions::new()).await;
    assert!(server.certificate_pem().is_none());
    let client = client(None, &[]);
    let (count, delta) = drain(&client, initial(&server), &server.graph_root()).await;
    assert_eq!(count, 5);

    server.simulator().lock().unwrap().load(SystemTime::now(), &seeds::sixth_event()).unwrap();
    let page = json(get(&client, &delta).await).await;
    assert_eq!(page["value"][0]["subject"], "Attend service");

    let by_name = format!("http://localhost:{}", server.local_addr().port());
    let (count, _) = drain(&client, initial(&server).replace(&server.graph_root(), &by_name), &by_name).await;
    assert_eq!(count, 6);
    server.shutdown().await;
}

#[tokio::test]
async fn https_works_over_both_protocols_for_those_who_trust_its_authority() {
    let server = server(ServerOptions::new().tls_self_signed()).await;
    let root = server.graph_root();
    assert!(root.starts_with("https://127.0.0.1:"));
    for (protocols, version) in [(&[b"h2".as_slice()], Version::HTTP_2), (&[b"http/1.1".as_slice()], Version::HTTP_11)]
    {
        let client = client(server.certificate_pem(), protocols);
        assert_eq!(get(&client, &format!("{root}/v1.0/me")).await.version(), version);
        assert_eq!(drain(&client, initial(&server), &root).await.0, 5);
    }
    let stranger = client(None, &[b"h2"]);
    assert!(stranger.get(&root).send().await.unwrap_err().is_connect());
    server.shutdown().await;
}

#[tokio::test]
async fn nonsense_on_one_connection_disturbs_no_other() {
    for options in [ServerOptions::new(), ServerOptions::new().tls_self_signed()] {
        let server = server(options).await;
        for nonsense in [b"".as_slice(), b"\x16\x03\x01 hello", b"GET http:// HTTP/9\r\n\r\n", &[0xff; 3000]] {
            let mut stream = TcpStream::connect(server.local_addr()).unwrap();
            stream.write_all(nonsense).unwrap();
        }
        let client = client(server.certificate_pem(), &[]);
        assert_eq!(drain(&client, initial(&server), &server.graph_root()).await.0, 5);
        server.shutdown().await;
    }
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_ask() {
    let server = server(ServerOptions::new()).await;
    let client = client(None, &[]);
    let plain = get(&client, &initial(&server)).await;
    assert!(plain.headers().get("content-encoding").is_none());
    let request = client.get(initial(&server)).bearer_auth("secret").header("accept-encoding", "gzip");
    let packed = request.send().await.unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let bytes = packed.bytes().await.unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes.as_ref()).read_to_string(&mut text).unwrap();
    let (packed, plain): (Value, Value) = (serde_json::from_str(&text).unwrap(), json(plain).await);
    assert_eq!(packed["value"], plain["value"]);

    let server = self::server(ServerOptions::new().gzip(false)).await;
    let request = client.get(initial(&server)).bearer_auth("secret").header("accept-encoding", "gzip");
    assert!(request.send().await.unwrap().headers().get("content-encoding").is_none());
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_and_the_server_lives_on() {
    let server = server(ServerOptions::new().max_request_body(1000)).await;
    let client = client(None, &[]);
    let events = format!("{}/v1.0/me/events", server.graph_root());
    let post = |body: String| client.post(&events).bearer_auth("secret").body(body).send();
    assert_eq!(post("x".repeat(1001)).await.unwrap().status(), 413);
    let event = json!({
        "start": {"dateTime": "2026-01-01T10:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-01-01T11:00:00", "timeZone": "UTC"},
    });
    assert_eq!(post(event.to_string()).await.unwrap().status(), 201);
}

#[tokio::test]
async fn the_observer_sees_neither_queries_nor_tokens() {
    let seen: Arc<Mutex<Vec<Access>>> = Arc::default();
    let log = Arc::clone(&seen);
    let server = server(ServerOptions::new().observer(move |access| log.lock().unwrap().push(access.clone()))).await;
    let client = client(None, &[]);
    let (_, delta) = drain(&client, initial(&server), &server.graph_root()).await;
    get(&client, &delta).await;
    client.get(&delta).send().await.unwrap();
    strike(&server, Fault::NoLink);
    get(&client, &delta).await;
    server.shutdown().await;
    let seen = seen.lock().unwrap();
    assert_eq!(seen.iter().map(|access| access.status.as_u16()).collect::<Vec<_>>(), [200, 200, 200, 200, 401, 200]);
    let faults: Vec<_> = seen.iter().map(|access| access.fault.as_ref().map(|strike| strike.fault.as_str())).collect();
    assert_eq!(faults, [None, None, None, None, None, Some("noLink")]);
    assert!(seen.iter().all(|access| access.method == "GET" && access.path == "/v1.0/me/calendarView/delta"));
    let text = format!("{seen:?}");
    assert!(!text.contains("secret") && !text.contains("token="), "{text}");
}

#[tokio::test]
async fn time_is_what_the_clock_says() {
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_480_000_000);
    let server = server(ServerOptions::new().clock(move || then)).await;
    let response = get(&client(None, &[]), &format!("{}/v1.0/me", server.graph_root())).await;
    assert_eq!(response.headers()["date"], "Thu, 24 Nov 2016 15:06:40 GMT");
}

#[tokio::test]
async fn many_clients_are_answered_at_once() {
    let server = server(ServerOptions::new()).await;
    let root = server.graph_root();
    let clients = (0..20).map(|_| {
        let (url, root) = (initial(&server), root.clone());
        tokio::spawn(async move { drain(&client(None, &[]), url, &root).await.0 })
    });
    for client in clients.collect::<Vec<_>>() {
        assert_eq!(client.await.unwrap(), 5);
    }
}

#[tokio::test]
async fn a_server_that_was_shut_down_listens_no_more() {
    let server = server(ServerOptions::new()).await;
    let client = client(None, &[]);
    let url = format!("{}/v1.0/me", server.graph_root());
    assert_eq!(get(&client, &url).await.status(), 200);
    server.shutdown().await;
    assert!(client.get(&url).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn a_server_on_all_addresses_names_one_that_can_be_reached() {
    let server = Server::bind("0.0.0.0:0", simulator(), ServerOptions::new()).await.unwrap();
    assert!(server.graph_root().starts_with("http://127.0.0.1:"));
    assert_eq!(get(&client(None, &[]), &format!("{}/v1.0/me", server.graph_root())).await.status(), 200);
}

/// Strikes the next request with this fault, and no other.
fn strike(server: &Server, fault: Fault) {
    let plan = FaultPlan::new(1).rule(Rule::new(fault).times(1));
    server.simulator().lock().unwrap().set_faults(Some(plan));
}

#[tokio::test]
async fn a_cut_body_breaks_the_connection_and_the_next_answer_is_whole() {
    for (options, version) in [
        (ServerOptions::new(), Version::HTTP_11),
        (ServerOptions::new().tls_self_signed(), Version::HTTP_11),
        (ServerOptions::new().tls_self_signed(), Version::HTTP_2),
    ] {
        let server = server(options).await;
        let protocol = if version == Version::HTTP_2 { b"h2".as_slice() } else { b"http/1.1" };
        let client = client(server.certificate_pem(), &[protocol]);
        let whole = get(&client, &initial(&server)).await.bytes().await.unwrap();
        strike(&server, Fault::Cut);
        let request = client.get(initial(&server)).bearer_auth("secret").header("accept-encoding", "gzip");
        let mut cut = request.send().await.unwrap();
        assert_eq!((cut.status().as_u16(), cut.version()), (200, version));
        let mut received = Vec::new();
        let error = loop {
            match cut.chunk().await {
                Ok(chunk) => received.extend(chunk.expect("the body must not end")),
                Err(error) => break error,
            }
        };
        assert!(!error.is_timeout() && received.len() < whole.len());
        assert_eq!(drain(&client, initial(&server), &server.graph_root()).await.0, 5);
    }
}

#[tokio::test]
async fn a_stalled_body_stops_in_the_middle_and_disturbs_no_other() {
    let server = server(ServerOptions::new()).await;
    let client = client(None, &[]);
    let (root, me) = (server.graph_root(), format!("{}/v1.0/me", server.graph_root()));
    let whole = get(&client, &me).await.bytes().await.unwrap();
    strike(&server, Fault::Stall { milliseconds: None });
    let mut stalled = get(&client, &me).await;
    let first = stalled.chunk().await.unwrap().unwrap();
    assert!(first.len() < whole.len() && whole.starts_with(&first));
    tokio::select! {
        chunk = stalled.chunk() => panic!("{chunk:?}"),
        (count, _) = drain(&client, initial(&server), &root) => assert_eq!(count, 5),
    }
    strike(&server, Fault::Stall { milliseconds: Some(1) });
    assert_eq!(get(&client, &me).await.bytes().await.unwrap(), whole);
}

#[tokio::test]
async fn a_delayed_answer_comes_after_others() {
    let server = server(ServerOptions::new()).await;
    let client = client(None, &[]);
    strike(&server, Fault::Delay { milliseconds: 3_600_000 });
    let (root, me) = (server.graph_root(), format!("{}/v1.0/me", server.graph_root()));
    let mut late = std::pin::pin!(get(&client, &me));
    let others = async {
        while server.simulator().lock().unwrap().faults_struck().is_empty() {
            tokio::task::yield_now().await;
        }
        drain(&client, initial(&server), &root).await.0
    };
    tokio::select! {
        answer = &mut late => panic!("{answer:?}"),
        count = others => assert_eq!(count, 5),
    }
    strike(&server, Fault::Delay { milliseconds: 1 });
    assert_eq!(get(&client, &me).await.status(), 200);
}

#[tokio::test]
async fn a_load_is_served_as_it_was_rendered() {
    let load = Load { events: 45, page_size: 20, rounds: 1, changed: 3 };
    let server = LoadServer::bind(load, false).await.unwrap();
    let (client, root) = (client(None, &[b"http/1.1"]), server.graph_root());
    let initial = format!("{root}/v1.0/me/calendarView/delta?startDateTime=2026-01-01&endDateTime=2027-01-01");
    let (count, link) = drain(&client, initial, root).await;
    let (changed, link) = drain(&client, link, root).await;
    let (nothing, _) = drain(&client, link, root).await;
    assert_eq!((count, changed, nothing), (45, 3, 0));

    let compressed = LoadServer::bind(load, true).await.unwrap();
    let response = get(&client, &format!("{}/v1.0/me/calendarView/delta", compressed.graph_root())).await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let wire = response.bytes().await.unwrap();
    let mut page = String::new();
    flate2::read::GzDecoder::new(&wire[..]).read_to_string(&mut page).unwrap();
    assert_eq!(page, load.page(compressed.graph_root(), 0, 0));
}

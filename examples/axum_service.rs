//! The engine inside an axum application: a task keeps a memory store up to date, and a route reads it.
//!
//! `cargo run --example axum_service`

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::{Router, extract::State, http::StatusCode, routing::get};
use delta_core::Timestamp;
use examples::{Agenda, LocalGraph, now, replica};
use store::{MemoryStore, Store, reader};
use sync::{AccessToken, Replica, Synchronizer, Timer, Transport};
use tokio::{net::TcpListener, sync::oneshot};
use transport_reqwest::{Options, Proxies, ReqwestTransport};

const POLL: Duration = Duration::from_secs(300);

#[tokio::main(flavor = "current_thread")]
async fn main() -> examples::Result {
    let graph = LocalGraph::start()?;
    let transport = Arc::new(ReqwestTransport::new(Options { proxies: Proxies::None, ..Options::default() })?);
    let synchronizer = Synchronizer::new(Arc::clone(&transport), AccessToken::new("any")?, Tokio, 0);
    let (replica, store) = (replica(graph.root())?, Arc::new(MemoryStore::new()));

    // The first run before the doors open, so that nobody sees an empty calendar.
    synchronizer.run(&replica, store.as_ref()).await?;
    let poll = tokio::spawn(keep_up_to_date(synchronizer, replica, Arc::clone(&store)));

    let app = Router::new().route("/events", get(events)).with_state(store);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/events", listener.local_addr()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async { stopped.await.unwrap_or_default() });
    let server = tokio::spawn(async { server.await });

    // Somebody asks, once; then the service ends.
    let response = transport.send(http::Request::get(url).body(Vec::new())?).await?;
    print!("{}", String::from_utf8_lossy(response.body()));
    poll.abort();
    drop(stop);
    Ok(server.await??)
}

/// The only writer of the store. Readers go on reading, and see each run whole or not at all.
async fn keep_up_to_date(synchronizer: Synchronizer, replica: Replica, store: Arc<MemoryStore>) {
    loop {
        tokio::time::sleep(POLL).await;
        if let Err(error) = synchronizer.run(&replica, store.as_ref()).await {
            eprintln!("the calendar stays as it was: {error}");
        }
    }
}

async fn events(State(store): State<Arc<MemoryStore>>) -> Result<String, (StatusCode, String)> {
    let failed = |error: store::Error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    let view = store.view().await.map_err(failed)?;
    let all = reader::TimeRange::utc(Timestamp::MIN..Timestamp::MAX);
    let (events, _) = reader::events(view.as_ref(), &all, None, 100).await.map_err(failed)?;
    Ok(Agenda::of_rows(&events).to_string())
}

/// The machine's clock and tokio's timer.
struct Tokio;

#[async_trait]
impl Timer for Tokio {
    fn now(&self) -> Timestamp {
        now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

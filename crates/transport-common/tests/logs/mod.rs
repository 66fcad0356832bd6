//! `secrets_never_print`, for what the libraries below a transport say: everything that is logged or traced at the
//! finest level, while rounds run over http, https and into errors.
//!
//! A module for the tests of each transport, which depend on `log` and `tracing` for it. It wants a process of its own:
//! there is one logger for all.

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use delta_core::{DeltaLink, Preferences, Round, RoundOptions, ServiceRoot, Step, Target, Window};
use graph_sim::server::{Server, ServerOptions};
use graph_sim::{Simulator, SimulatorOptions, seeds};
use sync::Transport;
use transport_common::{Options, Proxies, certificates_from_pem};

/// A token as they really are: long, and different from all that may be printed.
const TOKEN: &str = "eyJ0eXAiOiJKV1QiLCJub25jZSI6IlNFQ1JFVCJ9.c2VjcmV0LXBheWxvYWQ.c2VjcmV0LXNpZ25hdHVyZQ";

/// Runs rounds with transports that `new` makes, and looks through everything that was logged meanwhile.
pub(crate) async fn secrets_never_print<T: Transport>(new: impl Fn(Options) -> T) {
    listen();
    let mut secrets = BTreeSet::from([TOKEN.to_owned()]);
    for tls in [false, true] {
        let server = serve(tls).await;
        let options = Options { proxies: Proxies::None, ..Options::default() };
        let transport = match server.certificate_pem() {
            Some(pem) => {
                let extra_roots = certificates_from_pem(pem.as_bytes()).unwrap();
                // Nobody trusts the server yet: an error that is worth being logged.
                let failure = round(&new(options.clone()), &server.graph_root(), None, &mut secrets).await.unwrap_err();
                hear(failure);
                new(Options { extra_roots, ..options })
            }
            None => new(options),
        };
        let link = round(&transport, &server.graph_root(), None, &mut secrets).await.unwrap();
        round(&transport, &server.graph_root(), Some(&link), &mut secrets).await.unwrap();
        let root = server.graph_root();
        server.shutdown().await;
        // Nobody is there any more.
        let failure = round(&transport, &root, Some(&link), &mut secrets).await.unwrap_err();
        hear(failure);
    }
    assert!(secrets.len() >= 9, "a token, and for each server two next links and two delta links: {}", secrets.len());
    let lines = LINES.lock().unwrap();
    assert!(lines.len() > 100, "the libraries have been listened to: {} lines", lines.len());
    assert!(lines.iter().any(|line| line.starts_with("log ")) && lines.iter().any(|line| line.starts_with("trace ")));
    for line in lines.iter() {
        let leaked = secrets.iter().any(|secret| line.contains(secret.as_str()));
        let lower = line.to_ascii_lowercase();
        assert!(!leaked && !lower.contains("token=") && !lower.contains("bearer"), "{line}");
    }
}

/// The five events of Graph's documentation, for whoever has the token.
async fn serve(tls: bool) -> Server {
    let mut simulator = Simulator::new(SimulatorOptions::new().seed(tls.into()).accept_only([TOKEN]));
    simulator.load(std::time::SystemTime::now(), &seeds::five_events()).unwrap();
    let options = if tls { ServerOptions::new().tls_self_signed() } else { ServerOptions::new() };
    Server::bind("127.0.0.1:0", simulator, options).await.unwrap()
}

/// A whole round, or what became of it in words. What may not be printed is added to `secrets`.
///
/// The token is not marked as sensitive here, as the engine does it: nobody is to rely on that.
async fn round(
    transport: &impl Transport,
    root: &str,
    link: Option<&DeltaLink>,
    secrets: &mut BTreeSet<String>,
) -> Result<DeltaLink, String> {
    let window = Window::parse(seeds::WINDOW_START, seeds::WINDOW_END).unwrap();
    let target = Target::calendar_view(ServiceRoot::parse(root).unwrap(), "me".parse().unwrap(), window).unwrap();
    let round = match link {
        Some(link) => Round::incremental(target, link).unwrap(),
        None => Round::full(target),
    };
    let preferences = Preferences { page_size: NonZeroU32::new(2), ..Preferences::default() };
    let mut round = round.with_options(RoundOptions { preferences, ..RoundOptions::default() });
    loop {
        let mut request = round.request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
        secrets.extend(request.uri().query().and_then(state_token));
        let response = transport.send(request).await.map_err(|failure| format!("{failure} {failure:?}"))?;
        match round.receive(response).map_err(|error| format!("{error} {error:?}"))? {
            Step::Page { .. } => {}
            Step::Complete { link, .. } => {
                secrets.extend(state_token(link.expose()));
                return Ok(link);
            }
            other => return Err(format!("{other:?}")),
        }
    }
}

/// The part of a link that is secret.
fn state_token(link: &str) -> Option<String> {
    link.split_once("token=").map(|(_, token)| token.to_owned())
}

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn hear(line: String) {
    LINES.lock().unwrap().push(line);
}

fn listen() {
    static LOGGER: Listener = Listener(AtomicU64::new(1));
    log::set_logger(&LOGGER).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    tracing::subscriber::set_global_default(Listener(AtomicU64::new(1))).unwrap();
}

/// Hears everything, at every level. It counts spans, which need an id each.
struct Listener(AtomicU64);

impl log::Log for Listener {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        hear(format!("log {} {} {}", record.level(), record.target(), record.args()));
    }

    fn flush(&self) {}
}

/// The fields of a span or an event, as a line.
struct Line(String);

impl tracing::field::Visit for Line {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Line {
    fn of(metadata: &tracing::Metadata<'_>) -> Self {
        Self(format!("trace {} {} {}", metadata.level(), metadata.target(), metadata.name()))
    }
}

impl tracing::Subscriber for Listener {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        let mut line = Line::of(span.metadata());
        span.record(&mut line);
        hear(line.0);
        tracing::span::Id::from_u64(self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        let mut line = Line("trace".to_owned());
        values.record(&mut line);
        hear(line.0);
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line::of(event.metadata());
        event.record(&mut line);
        hear(line.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

//! From the server to the disk: a full round over loopback, by each way, in a process of its own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use delta_core::{Resource, Round, ServiceRoot, Step, Timestamp};
use graph_sim::Load;
use http::Response;
use store::{FileOptions, FileStore, MemoryStore, Store};
use sync::{
    AccessToken, Limits, Replica, Synchronizer, Timer, TokenError, TokenProvider, Transport, Want, WindowPolicy,
};
use transport_common::Options;

use crate::child::{Server, Usage, Work, ask, runtime};
use crate::disk::Counted;
use crate::figures::{Row, Table, median};
use crate::pages::{target, window};
use crate::{Outcome, usual};

/// What transfers once.
pub const TRANSFER: &str = "--transfer";

const WAYS: [&str; 7] = [
    "raw TCP read",
    "raw TCP read, parse",
    "reqwest, memory store",
    "reqwest, file store",
    "hyper, memory store",
    "hyper, file store",
    "usual: reqwest, Value, SQLite",
];

pub fn measure(events: usize, page_size: usize, gzip: bool, rounds: usize) -> Outcome<Table> {
    let server = Server::start(Load { events, page_size, rounds: 0, changed: 0 }, gzip)?;
    // Reading by hand neither inflates nor has to.
    let ways: Vec<&str> = WAYS.into_iter().filter(|way| !gzip || *way != "raw TCP read, parse").collect();
    let mut works = vec![Vec::new(); ways.len()];
    for round in 0..=rounds {
        for (way, works) in ways.iter().zip(&mut works) {
            let work: Work = ask(&[TRANSFER, way, &server.root, &events.to_string(), &page_size.to_string()])?;
            if round > 0 {
                works.push(work);
            }
        }
    }
    let of = |works: &[Work], figure: fn(&Work) -> f64| median(works.iter().map(figure).collect());
    let usual = works.last().map_or(f64::NAN, |works| of(works, |work| work.seconds));
    let kind = if gzip { "gzip" } else { "not compressed" };
    let mut table = Table::new(format!("A full round of {events} events over loopback, {page_size} a page, {kind}"));
    for (way, works) in ways.iter().zip(&works) {
        let seconds = of(works, |work| work.seconds);
        table.rows.push(Row::new(
            *way,
            [
                ("s", seconds),
                ("events/s", events as f64 / seconds),
                ("× usual", usual / seconds),
                ("CPU µs/event", of(works, |work| work.cpu) * 1e6 / events as f64),
                ("peak RSS MiB", of(works, |work| work.peak as f64) / 1_048_576.0),
                ("requests", of(works, |work| work.requests as f64)),
            ],
        ));
    }
    Ok(table)
}

/// Transfers once and prints what it took.
pub fn transfer(way: &str, root: &str, events: usize, page_size: usize) -> Outcome<()> {
    let dir = tempfile::tempdir()?;
    let before = Usage::now()?.cpu;
    let began = Instant::now();
    let (events, requests) = match way {
        "raw TCP read" => read(root, Load { events, page_size, rounds: 0, changed: 0 })?,
        "raw TCP read, parse" => read_and_parse(root)?,
        "usual: reqwest, Value, SQLite" => runtime()?.block_on(usual::sync(root, page_size, dir.path()))?,
        way => {
            let (transport, store) = way.split_once(", ").ok_or("not a way")?;
            let store: Box<dyn Store> = match store {
                "memory store" => Box::new(MemoryStore::default()),
                _ => Box::new(FileStore::open(dir.path().join("replica"))?),
            };
            runtime()?.block_on(engine_round(transport, root, page_size, store.as_ref()))?
        }
    };
    let seconds = began.elapsed().as_secs_f64();
    let usage = Usage::now()?;
    let work = Work { events, requests, seconds, cpu: usage.cpu - before, peak: usage.peak };
    println!("{}", serde_json::to_string(&work)?);
    Ok(())
}

/// A connection that asks and reads, and does nothing with what it reads.
struct Raw {
    stream: TcpStream,
    authority: String,
    buffer: Vec<u8>,
}

impl Raw {
    fn connect(root: &str) -> Outcome<Self> {
        let authority = root.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&authority)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, authority, buffer: vec![0; 1 << 20] })
    }

    /// The body of a response.
    fn get(&mut self, path: &str) -> Outcome<&[u8]> {
        write!(self.stream, "GET {path} HTTP/1.1\r\nhost: {}\r\naccept-encoding: gzip\r\n\r\n", self.authority)?;
        let mut read = 0;
        let (start, length) = loop {
            read += self.stream.read(&mut self.buffer[read..])?;
            let head = &self.buffer[..read];
            if let Some(end) = head.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&head[..end]).to_ascii_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
                break (end + 4, length.ok_or("no length")?.trim().parse::<usize>()?);
            }
        };
        if self.buffer.len() < start + length {
            self.buffer.resize(start + length, 0);
        }
        self.stream.read_exact(&mut self.buffer[read..start + length])?;
        Ok(&self.buffer[start..start + length])
    }
}

fn read(root: &str, load: Load) -> Outcome<(u64, u64)> {
    let mut raw = Raw::connect(root)?;
    for page in 0..load.pages(0) {
        raw.get(&format!("/v1.0/me/calendarView/delta?$skiptoken=0-{page}"))?;
    }
    Ok((load.events as u64, load.pages(0) as u64))
}

fn read_and_parse(root: &str) -> Outcome<(u64, u64)> {
    let mut raw = Raw::connect(root)?;
    let mut round = Round::full(target(root)?);
    let (mut events, mut requests) = (0, 0);
    while let Some(request) = round.request() {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
        match round.receive(Response::new(raw.get(&path)?))? {
            Step::Page { page, .. } | Step::Complete { page, .. } => events += page.changes().count() as u64,
            step => return Err(format!("{step:?}").into()),
        }
        requests += 1;
    }
    Ok((events, requests))
}

async fn engine_round(transport: &str, root: &str, page_size: usize, store: &dyn Store) -> Outcome<(u64, u64)> {
    let report = engine(transport)?.run(&replica(root, page_size)?, store).await?;
    Ok((store.view().await?.row_count(), u64::from(report.run.requests)))
}

/// The engine as the command line has it, but for the limits: nobody counts requests here.
pub fn engine(transport: &str) -> Outcome<Synchronizer> {
    let transport: Arc<dyn Transport> = match transport {
        "reqwest" => Arc::new(transport_reqwest::ReqwestTransport::new(Options::default())?),
        _ => Arc::new(transport_hyper::HyperTransport::new(Options::default())?),
    };
    let limits = Limits { requests: 100_000_000, full_rounds: 1_000_000, ..Limits::default() };
    Ok(Synchronizer::new(transport, NoToken, Clock, 1).with_limits(limits))
}

pub fn replica(root: &str, page_size: usize) -> Outcome<Replica> {
    let replica = Replica::new(ServiceRoot::parse(root)?, "me".parse::<Resource>()?);
    let page_size = std::num::NonZeroU32::new(page_size as u32);
    Ok(Replica { page_size, window: WindowPolicy::Fixed(window()?), ..replica })
}

/// A file store whose disk is counted.
pub fn counted_store(path: &std::path::Path) -> Outcome<(FileStore, Counted)> {
    let disk = Counted::default();
    Ok((FileStore::open_with(Arc::new(disk.clone()), path, FileOptions::default())?, disk))
}

struct NoToken;

#[async_trait]
impl TokenProvider for NoToken {
    async fn token(&self, _: &Want) -> Result<AccessToken, TokenError> {
        AccessToken::new("none")
    }
}

struct Clock;

#[async_trait]
impl Timer for Clock {
    fn now(&self) -> Timestamp {
        let ticks = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() / 100);
        Timestamp::from_ticks(ticks as i64)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

//! What comes after the first round: a hundred rounds in which a hundredth changes, and rounds in which nothing does.

use std::time::Instant;

use graph_sim::Load;
use serde::{Deserialize, Serialize};
use sync::Synchronizer;

use crate::Outcome;
use crate::child::{Server, Usage, ask, runtime};
use crate::disk::Counts;
use crate::figures::{Row, Table, median};
use crate::transfer::{counted_store, engine, replica};

/// What runs all rounds once.
pub const ROUNDS: &str = "--rounds";

const CHURNING: usize = 100;
const IDLE: usize = 20;
const PAGE_SIZE: usize = 200;

#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    churning: Vec<Sample>,
    idle: Vec<Sample>,
    /// Bytes that the rounds with changes were about.
    payload: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Sample {
    seconds: f64,
    cpu: f64,
    bytes: u64,
    writes: u64,
    syncs: u64,
    requests: u64,
}

pub fn measure(sizes: &[usize]) -> Outcome<Table> {
    let mut table = Table::new("Incremental rounds, hyper and the file store");
    for events in sizes {
        let load = Load { events: *events, page_size: PAGE_SIZE, rounds: CHURNING, changed: events / 100 };
        let server = Server::start(load, false)?;
        let measured: Measured = ask(&[ROUNDS, &server.root])?;
        let written: u64 = measured.churning.iter().map(|sample| sample.bytes).sum();
        let mut row = row(format!("{events} events, {} change", events / 100), &measured.churning);
        row.figures.push(("bytes/payload", written as f64 / measured.payload as f64));
        table.rows.push(row);
        table.rows.push(self::row(format!("{events} events, nothing changes"), &measured.idle));
    }
    Ok(table)
}

fn row(name: String, samples: &[Sample]) -> Row {
    let of = |figure: fn(&Sample) -> f64| median(samples.iter().map(figure).collect());
    Row::new(
        name,
        [
            ("ms", of(|sample| sample.seconds) * 1e3),
            ("CPU ms", of(|sample| sample.cpu) * 1e3),
            ("requests", of(|sample| sample.requests as f64)),
            ("bytes written", of(|sample| sample.bytes as f64)),
            ("writes", of(|sample| sample.writes as f64)),
            ("syncs", of(|sample| sample.syncs as f64)),
        ],
    )
}

/// Runs all rounds once and prints what each took.
pub fn run(root: &str) -> Outcome<()> {
    let dir = tempfile::tempdir()?;
    let (store, disk) = counted_store(&dir.path().join("replica"))?;
    let (engine, replica): (Synchronizer, _) = (engine("hyper")?, replica(root, PAGE_SIZE)?);
    let runtime = runtime()?;
    runtime.block_on(engine.run(&replica, &store))?;
    let mut payload = 0;
    let mut samples = Vec::new();
    for _ in 0..CHURNING + IDLE {
        let (before, cpu, began): (Counts, f64, Instant) = (disk.counts(), Usage::now()?.cpu, Instant::now());
        let report = runtime.block_on(engine.run(&replica, &store))?;
        let (seconds, cpu, counts) = (began.elapsed().as_secs_f64(), Usage::now()?.cpu - cpu, disk.counts());
        if samples.len() < CHURNING {
            payload += report.bytes;
        }
        samples.push(Sample {
            seconds,
            cpu,
            bytes: counts.bytes - before.bytes,
            writes: counts.writes - before.writes,
            syncs: counts.syncs - before.syncs,
            requests: u64::from(report.run.requests),
        });
    }
    let idle = samples.split_off(CHURNING);
    println!("{}", serde_json::to_string(&Measured { churning: samples, idle, payload })?);
    Ok(())
}

//! Reading pages, without anything else.

use delta_core::{Round, Step};
use http::Response;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::Outcome;
use crate::figures::{Row, Subject, Table, interleaved};
use crate::pages::{ROOT, bodies, target};
use crate::typed::Envelope;

/// Bytes per sample: more than a core's own caches hold, as pages come.
const BYTES: usize = 7_000_000;

/// Pages of so many events, all of them last pages, so that nothing but parsing is measured.
pub fn last_pages(page_size: usize) -> Vec<Vec<u8>> {
    let pages = bodies((BYTES / 3_500 / page_size).max(2) * page_size, page_size);
    let last =
        |page: Vec<u8>| String::from_utf8_lossy(&page).replace("@odata.nextLink", "@odata.deltaLink").into_bytes();
    pages.into_iter().map(last).collect()
}

/// The ways of reading a page: how many events each finds.
pub fn ways(pages: &[Vec<u8>]) -> Outcome<Vec<Subject<'_>>> {
    let round = Round::full(target(ROOT)?);
    let mut copy = vec![0; pages.iter().map(Vec::len).max().unwrap_or(0)];
    let all = move |mut read: Box<dyn FnMut(&[u8]) -> usize>| {
        Box::new(move || pages.iter().map(|page| read(page)).sum()) as Box<dyn FnMut() -> usize>
    };
    Ok(vec![
        (
            "memcpy",
            all(Box::new(move |page| {
                copy[..page.len()].copy_from_slice(page);
                std::hint::black_box(&copy);
                1
            })),
        ),
        (
            "caldelta",
            all(Box::new(move |page| match round.clone().receive(Response::new(page)) {
                Ok(Step::Complete { page, .. }) => page.len(),
                _ => 0,
            })),
        ),
        (
            "serde_json IgnoredAny",
            all(Box::new(|page| usize::from(serde_json::from_slice::<IgnoredAny>(page).is_ok()))),
        ),
        (
            "serde_json typed",
            all(Box::new(|page| serde_json::from_slice::<Envelope>(page).map_or(0, |page| page.value.len()))),
        ),
        ("serde_json Value", all(Box::new(|page| usize::from(serde_json::from_slice::<Value>(page).is_ok())))),
    ])
}

pub fn measure(rounds: usize) -> Outcome<Vec<Table>> {
    [10, 50, 200, 1000].into_iter().map(|page_size| at(page_size, rounds)).collect()
}

fn at(page_size: usize, rounds: usize) -> Outcome<Table> {
    let pages = last_pages(page_size);
    let bytes: usize = pages.iter().map(Vec::len).sum();
    let events = (pages.len() * page_size) as f64;
    let mut ways = ways(&pages)?;
    let seconds = interleaved(rounds, &mut ways);
    let typed =
        ways.iter().zip(&seconds).find(|((name, _), _)| *name == "serde_json typed").map_or(f64::NAN, |(_, s)| *s);
    let mut table = Table::new(format!("Parsing pages of {page_size} ({} bytes an event)", bytes / events as usize));
    for ((name, _), seconds) in ways.iter().zip(seconds) {
        table.rows.push(Row::new(
            *name,
            [
                ("MB/s", bytes as f64 / seconds / 1e6),
                ("µs/event", seconds * 1e6 / events),
                ("× typed", typed / seconds),
            ],
        ));
    }
    Ok(table)
}

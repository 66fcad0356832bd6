//! Counts what each way of reading a page allocates, in a process of its own: counting costs time.

use std::alloc::System;

use bench::parse::{last_pages, ways};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> bench::Outcome<()> {
    for page_size in [10, 50, 200, 1000] {
        let pages = last_pages(page_size);
        let events = (pages.len() * page_size) as f64;
        for (name, mut read) in ways(&pages)? {
            let before = Region::new(COUNTING);
            read();
            let stats = before.change();
            println!("{page_size}\t{name}\t{}", (stats.allocations + stats.reallocations) as f64 / events);
        }
    }
    Ok(())
}

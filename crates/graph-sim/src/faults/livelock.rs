//! Rounds that do not end.
//!
//! Each of these shows pages that were honest once and withholds the link behind them. An item that has two versions
//! among the repeated pages comes in its latest one only, so that even here the last word on an id is the right one.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use serde_json::Value;

use super::holds::Hold;
use super::kinds::Fault;
use super::page::{NEXT, Page, id};
use super::visit::Visit;

/// The next page of the livelock, if the fault is one and the request is for a page of a round.
pub(super) fn strike(fault: &Fault, rule: usize, visit: &mut Visit<'_>) -> Option<Page> {
    if !visit.asked.is_of_a_round() {
        return None;
    }
    match fault {
        Fault::SameLink => same_link(visit),
        Fault::EmptyPages => go_on(visit, rule, 1, |_, _| Vec::new(), true),
        Fault::Dotnet3082 => go_on(visit, rule, 1, cycle, false),
        Fault::Dotnet3070 { group, repeated } if visit.asked.prefers_less_than(group.get()) => {
            let repeated = repeated.map(NonZeroUsize::get);
            go_on(visit, rule, 1, |pages, step| shrunk(pages, step, repeated), false)
        }
        Fault::PageCycle { period } => go_on(visit, rule, period.get(), cycle, false),
        Fault::ShiftingPages { pages } => go_on(visit, rule, pages.get(), shifted, false),
        _ => None,
    }
}

/// Begins or continues a livelock over the first `period` pages. Those who get out of it continue with the withheld
/// link, or, if they have `seen_nothing`, with the page itself.
fn go_on(
    visit: &mut Visit<'_>,
    rule: usize,
    period: usize,
    items: impl Fn(&[Page], usize) -> Vec<Value>,
    seen_nothing: bool,
) -> Option<Page> {
    let own = visit.followed.filter(|followed| visit.holds.get(followed.hold).and_then(|hold| hold.rule) == Some(rule));
    let (hold, step) = match own {
        Some(followed) => (followed.hold, followed.step),
        None => {
            let page = Page::read(visit.honest())?;
            let resume = if seen_nothing { visit.query() } else { page.link()?.query };
            (visit.holds.open(Hold::new(visit.path(), resume).livelock(rule, page)), 0)
        }
    };
    let held = visit.holds.get(hold)?;
    if held.pages.len() == step && step < period && !held.complete && record(visit, hold).is_none() {
        visit.holds.get_mut(hold)?.complete = true;
    }
    let pages = &visit.holds.get(hold)?.pages;
    // The first time round the pages are what they are.
    let first = pages.get(step).filter(|_| !seen_nothing);
    let mut page = first.or(pages.first())?.clone();
    if first.is_none() {
        let repeated = items(pages, step);
        page.change_items(|items| *items = repeated);
    }
    let link = page.link()?;
    visit.holds.withhold(&mut page, &link, hold, step.saturating_add(1));
    Some(page)
}

/// Takes the next honest page into the hold, unless the round ended with the one before.
fn record(visit: &mut Visit<'_>, hold: usize) -> Option<()> {
    if visit.holds.get(hold)?.pages.last()?.link()?.key != NEXT {
        return None;
    }
    let page = Page::read(visit.honest())?;
    let link = page.link()?;
    let hold = visit.holds.get_mut(hold)?;
    hold.pages.push(page);
    hold.resume.push(link.query);
    let latest: BTreeMap<String, Value> =
        all_items(&hold.pages).filter_map(|item| Some((id(item)?.to_owned(), item.clone()))).collect();
    for page in &mut hold.pages {
        page.change_items(|items| {
            for item in items {
                if let Some(word) = id(item).and_then(|id| latest.get(id)) {
                    *item = word.clone();
                }
            }
        });
    }
    Some(())
}

fn all_items(pages: &[Page]) -> impl Iterator<Item = &Value> {
    pages.iter().flat_map(Page::items)
}

fn cycle(pages: &[Page], step: usize) -> Vec<Value> {
    let page = step.checked_rem(pages.len()).and_then(|at| pages.get(at));
    page.map(|page| page.items().to_vec()).unwrap_or_default()
}

fn shrunk(pages: &[Page], step: usize, repeated: Option<usize>) -> Vec<Value> {
    let mut items = cycle(pages, step);
    items.truncate(repeated.unwrap_or(items.len().div_ceil(2)));
    items
}

/// As many items as a page has on average, beginning one further each time.
fn shifted(pages: &[Page], step: usize) -> Vec<Value> {
    let pool: Vec<&Value> = all_items(pages).collect();
    let size = pool.len().div_ceil(pages.len().max(1));
    let start = step.wrapping_mul(size.saturating_add(1)).checked_rem(pool.len()).unwrap_or(0);
    pool.iter().cycle().skip(start).take(size).map(|item| (*item).clone()).collect()
}

/// The page with the very link that it was asked for with: whoever follows it gets the page again.
fn same_link(visit: &mut Visit<'_>) -> Option<Page> {
    let mut page = Page::read(visit.honest())?;
    let link = page.link()?;
    page.set_only_link(NEXT, Value::String(format!("{}?{}", link.base, visit.original_query())));
    Some(page)
}

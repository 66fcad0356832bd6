//! Rounds that do not end, and what is behind them.

use graph_sim::{Fault, On, Quirks, RequestKind, Rule, SimulatorOptions};

use crate::common::{event, id};
use crate::{INITIAL, Raw, WINDOW, all_different, assert_pages, delta, follow, json, next, size, subjects};

#[test]
fn livelock_3082_repeats_one_page_under_ever_new_links() {
    let mut raw = Raw::new(5).fault(Rule::new(Fault::Dotnet3082));
    let (pages, links) = follow(&mut raw, 2, 40);
    assert!(pages.iter().all(|page| page == &["0", "1"]), "{pages:?}");
    assert!(all_different(&links));
    assert_eq!(raw.struck(), 40);
    assert_eq!(raw.client.simulator.faults_struck()[39].fault, "msgraph-sdk-dotnet-3082");

    raw.client.simulator.clear_faults();
    // Every one of its links leads on to what it withheld.
    for link in &links[1..] {
        let (pages, _) = raw.drain(link);
        assert_pages(&pages, &["2 3", "4"]);
    }
}

#[test]
fn a_livelock_ends_with_its_plan_though_the_next_one_has_the_same_rule() {
    let mut raw = Raw::new(5).fault(Rule::new(Fault::Dotnet3082));
    let (_, links) = follow(&mut raw, 2, 3);
    let mut raw = raw.fault(Rule::new(Fault::Dotnet3082).times(2));
    assert_pages(&raw.drain(&links[3]).0, &["2 3", "2 3", "4"]);
}

#[test]
fn livelock_3082_withholds_even_a_delta_link() {
    let mut raw = Raw::new(2).fault(Rule::new(Fault::Dotnet3082).times(3));
    let (pages, delta) = raw.drain(INITIAL);
    assert_pages(&pages, &["0 1", "0 1", "0 1", ""]);
    raw.client.create("/me", &event("new", "2026-03-05T10:00:00", "2026-03-05T11:00:00"));
    assert_pages(&raw.drain(&delta).0, &["new"]);
}

#[test]
fn livelock_3070_ends_when_a_page_can_hold_the_group() {
    let group = Fault::Dotnet3070 { group: size(4), repeated: Some(size(1)) };
    let mut raw = Raw::new(5).fault(Rule::new(group));
    let (pages, links) = follow(&mut raw, 3, 10);
    assert_eq!(pages[0], ["0", "1", "2"]);
    assert!(pages[1..].iter().all(|page| page == &["0"]), "{pages:?}");
    assert!(all_different(&links));
    let rest = json(&raw.get_sized(links.last().unwrap(), 4));
    assert_eq!(subjects(&rest), ["3", "4"]);
    assert!(delta(&rest).is_some());
    assert_eq!(subjects(&json(&raw.get_sized(INITIAL, 4))), ["0", "1", "2", "3"]);
}

#[test]
fn a_page_cycle_comes_round_after_its_period() {
    let options = SimulatorOptions::new().quirks(Quirks { kept_generations: 9, ..Quirks::default() });
    let mut raw = Raw::with(options, 9).fault(Rule::new(Fault::PageCycle { period: size(3) }).times(8));
    let (pages, links) = follow(&mut raw, 2, 8);
    assert_pages(&pages, &["0 1", "2 3", "4 5", "0 1", "2 3", "4 5", "0 1", "2 3"]);
    assert!(all_different(&links));
    assert_pages(&raw.drain(links.last().unwrap()).0, &["6 7", "8"]);
    // Who lost an answer of the first time round loses nothing by asking again.
    assert_pages(&raw.drain(&links[1]).0, &["2 3", "4 5", "6 7", "8"]);
}

#[test]
fn a_page_cycle_is_no_longer_than_the_round() {
    let mut raw = Raw::new(3).fault(Rule::new(Fault::PageCycle { period: size(5) }).times(5));
    assert_pages(&raw.drain(INITIAL).0, &["0 1", "2", "0 1", "2", "0 1", ""]);
}

#[test]
fn what_a_cycle_repeats_is_the_last_word_on_each_id() {
    let mut raw = Raw::new(5).fault(Rule::new(Fault::PageCycle { period: size(4) }).times(8));
    let first = json(&raw.get(INITIAL));
    let url = format!("/me/events/{}", id(&first["value"][0]));
    raw.client.patch(&url, &serde_json::json!({"subject": "event 0b"}));
    assert_pages(&raw.drain(&next(&first).unwrap()).0, &["2 3", "4 0b", "0b 1", "2 3", "4 0b", "0b 1", "2 3", ""]);
}

#[test]
fn shifting_pages_divide_the_same_items_ever_anew() {
    let mut raw = Raw::new(7).fault(Rule::new(Fault::ShiftingPages { pages: size(2) }).times(5));
    let (pages, links) = follow(&mut raw, 2, 5);
    assert_pages(&pages, &["0 1", "2 3", "2 3", "1 2", "0 1"]);
    assert!(all_different(&links));
    assert_pages(&raw.drain(links.last().unwrap()).0, &["4 5", "6"]);
}

#[test]
fn empty_pages_come_before_the_page_and_not_in_its_place() {
    let mut raw = Raw::new(3).fault(Rule::new(Fault::EmptyPages).skip(1).times(4));
    assert_pages(&raw.drain(INITIAL).0, &["0 1", "", "", "", "", "2"]);
}

#[test]
fn a_same_link_leads_back_to_itself_until_it_ends() {
    let mut raw = Raw::new(3).fault(Rule::new(Fault::SameLink).on_kind(RequestKind::NextLink).times(3));
    let link = next(&json(&raw.get(INITIAL))).unwrap();
    for _ in 0..3 {
        let page = json(&raw.get(&link));
        assert_eq!((subjects(&page), next(&page)), (vec!["2".to_owned()], Some(link.clone())));
    }
    assert!(delta(&json(&raw.get(&link))).is_some());
}

#[test]
fn livelocks_leave_plain_listings_alone() {
    for fault in [Fault::Dotnet3082, Fault::EmptyPages, Fault::SameLink, Fault::PageCycle { period: size(1) }] {
        let mut raw = Raw::new(3).fault(Rule::new(fault));
        let page = json(&raw.get(&format!("/me/calendarView?{WINDOW}")));
        assert_eq!(subjects(&page), ["0", "1"]);
        assert!(next(&page).unwrap().contains("$skip=2"));
        assert_eq!(raw.struck(), 0);
    }
}

#[test]
fn whoever_is_in_a_livelock_stays_in_it_though_the_rule_is_for_first_requests() {
    let on = On { page_size_below: Some(size(3)), ..RequestKind::Initial.into() };
    let mut raw = Raw::new(5).fault(Rule::new(Fault::Dotnet3082).on(on));
    let (pages, links) = follow(&mut raw, 2, 5);
    assert!(pages.iter().all(|page| page == &["0", "1"]));
    assert_eq!(subjects(&json(&raw.get_sized(&links[5], 3))), ["2", "3", "4"]);
}

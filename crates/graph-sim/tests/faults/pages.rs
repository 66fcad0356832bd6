//! Pages that are wrong in one way, and right when they are asked for again.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use graph_sim::{BadLink, BadValue, CorruptItem, Fault, MalformedItem, PageKey, Rule, Spot, Within};
use serde_json::Value;

use crate::common::id;
use crate::{
    INITIAL, OWN, Raw, assert_comes_right, assert_pages, delta, header, json, next, size, struck, struck_page, subjects,
};

#[test]
fn a_repeated_page_comes_twice_and_the_round_goes_on() {
    let mut raw = Raw::new(5).fault(Rule::new(Fault::RepeatPage).skip(1).times(1));
    assert_pages(&raw.drain(INITIAL).0, &["0 1", "2 3", "2 3", "4"]);
}

#[test]
fn duplicates_come_beside_all_that_is_right() {
    for within in [Within::Page, Within::NextPage] {
        let mut raw = Raw::new(5).fault(Rule::new(Fault::Duplicates { within }).times(1));
        let (pages, _) = raw.drain(INITIAL);
        let again = if within == Within::Page { &pages[0][2..] } else { &pages[1][..pages[1].len() - 2] };
        assert!(!again.is_empty() && again.iter().all(|subject| ["0", "1"].contains(&subject.as_str())), "{pages:?}");
        let all: BTreeSet<&String> = pages.iter().flatten().collect();
        assert_eq!((all.len(), pages.iter().flatten().count()), (5, 5 + again.len()));
    }
    let mut raw = Raw::new(2).fault(Rule::new(Fault::Duplicates { within: Within::NextPage }));
    raw.drain(INITIAL);
    assert_eq!(raw.struck(), 0);
}

#[test]
fn a_reordered_page_has_the_same_items() {
    let mut raw = Raw::new(20).fault(Rule::new(Fault::Reorder).times(1));
    let shuffled = subjects(&json(&raw.get_sized(INITIAL, 20)));
    let right = subjects(&json(&raw.get_sized(INITIAL, 20)));
    assert_ne!(shuffled, right);
    assert_eq!(shuffled.iter().collect::<BTreeSet<_>>(), right.iter().collect());
}

#[test]
fn a_page_has_the_size_of_the_plan_and_not_of_the_request() {
    let mut raw = Raw::new(9).fault(Rule::new(Fault::PageSize { size: size(4) }).times(2));
    let first = raw.get(INITIAL);
    assert_eq!(header(&first, "preference-applied").matches("maxpagesize").count(), 1);
    assert!(header(&first, "preference-applied").contains("ImmutableId"));
    assert_pages(&raw.drain(INITIAL).0, &["0 1 2 3", "4 5", "6 7", "8"]);
}

#[test]
fn foreign_links_lead_anywhere_but_home() {
    let mut seen = BTreeSet::new();
    let mut raw = Raw::new(5).fault(Rule::new(Fault::ForeignLink { link: None }).times(200));
    let honest = |link: &str| link.starts_with(OWN);
    for _ in 0..200 {
        let link = next(&json(&raw.get(INITIAL))).unwrap();
        assert!(!honest(&link), "{link}");
        seen.insert(link.split("/v1.0").next().unwrap().to_owned());
    }
    assert_eq!(seen.len(), 12, "{seen:?}");
    assert!(honest(&next(&json(&raw.get(INITIAL))).unwrap()));

    let mut raw = Raw::new(5).fault(Rule::new(Fault::ForeignLink { link: None }));
    let near = INITIAL.replace("https://graph.microsoft.com", "http://127.0.0.1:8080");
    let links: Vec<String> = (0..50).map(|_| next(&json(&raw.get(&near))).unwrap()).collect();
    assert!(links.iter().all(|link| !link.starts_with("http://127.0.0.1:8080/")));
    assert!(links.iter().any(|link| link.starts_with("https://127.0.0.1@")), "{links:?}");

    let there = "https://links.contoso.com/v1.0/me/calendarView/delta?$deltatoken=x";
    let mut raw = Raw::new(1).fault(Rule::new(Fault::ForeignLink { link: Some(there.to_owned()) }));
    assert_eq!(delta(&json(&raw.get(INITIAL))).unwrap(), there);
}

#[test]
fn of_both_links_each_leads_on() {
    for key in ["@odata.nextLink", "@odata.deltaLink"] {
        let (mut raw, page) = struck_page(Fault::BothLinks);
        assert_pages(&raw.drain(page[key].as_str().unwrap()).0, &["2 3", "4"]);
        assert!(
            page[key]
                .as_str()
                .unwrap()
                .contains(&key.replace("@odata.", "$").replace("next", "skip").replace("Link", "token"))
        );
    }
    let mut raw = Raw::new(1).fault(Rule::new(Fault::BothLinks).times(1));
    let page = json(&raw.get(INITIAL));
    assert_pages(&raw.drain(&next(&page).unwrap()).0, &[""]);
    assert_pages(&raw.drain(&delta(&page).unwrap()).0, &[""]);
}

#[test]
fn links_may_be_missing_or_no_urls() {
    let (mut raw, page) = struck_page(Fault::NoLink);
    assert!(page.get("@odata.nextLink").is_none() && page.get("@odata.deltaLink").is_none());
    assert_comes_right(&mut raw);
    for (form, is_right) in [
        (BadLink::Null, (|link| link.is_null()) as fn(&Value) -> bool),
        (BadLink::Number, |link| link.is_number()),
        (BadLink::Object, |link| link.is_object()),
        (BadLink::Empty, |link| link == ""),
        (BadLink::Relative, |link| link.as_str().unwrap().starts_with("/v1.0/me/calendarView/delta?$skiptoken=")),
    ] {
        let (mut raw, page) = struck_page(Fault::BadLink { form });
        assert!(is_right(&page["@odata.nextLink"]), "{page}");
        assert_comes_right(&mut raw);
    }
}

#[test]
fn a_malformed_item_comes_beside_the_real_ones() {
    use MalformedItem::{EmptyId, NoId, Null, NullId, NumberId, Text};
    for form in [NoId, NullId, EmptyId, NumberId, Null, Text] {
        let (mut raw, page) = struck_page(Fault::MalformedItem { form });
        let items = page["value"].as_array().unwrap();
        let readable = |item: &&Value| item["id"].as_str().is_some_and(|id| !id.is_empty());
        assert_eq!((items.len(), items.iter().filter(readable).count()), (3, 2), "{page}");
        assert_comes_right(&mut raw);
    }
}

#[test]
fn a_corrupt_item_keeps_its_id_and_is_whole_the_next_time() {
    use CorruptItem::{DuplicateKey, NumberType, ObjectEtag, TextRemoved};
    for form in [NumberType, ObjectEtag, TextRemoved, DuplicateKey] {
        let (mut raw, answer) = struck(Fault::CorruptItem { form });
        let page = json(&answer);
        let bad = |item: &&Value| match form {
            NumberType => item["type"].is_number(),
            ObjectEtag => item["@odata.etag"].is_object(),
            TextRemoved => item["@removed"].is_string(),
            DuplicateKey => false,
        };
        let items = page["value"].as_array().unwrap();
        assert_eq!(items.iter().filter(bad).count(), usize::from(form != DuplicateKey), "{page}");
        let types = String::from_utf8_lossy(answer.body()).matches("\"type\":\"singleInstance\"").count();
        assert_eq!(
            types,
            match form {
                DuplicateKey => 3,
                NumberType => 1,
                _ => 2,
            }
        );
        assert!(items.iter().all(|item| !id(item).is_empty()));
        assert_comes_right(&mut raw);
    }
}

#[test]
fn value_may_be_anything_but_an_array() {
    for (form, is_right) in [
        (BadValue::Missing, (|page| page.get("value").is_none()) as fn(&Value) -> bool),
        (BadValue::Null, |page| page["value"].is_null() && page.get("value").is_some()),
        (BadValue::Object, |page| page["value"].is_object()),
        (BadValue::Text, |page| page["value"].is_string()),
    ] {
        let (mut raw, page) = struck_page(Fault::BadValue { form });
        assert!(is_right(&page) && next(&page).is_some(), "{page}");
        assert_comes_right(&mut raw);
    }
}

#[test]
fn a_truncated_body_is_the_beginning_of_the_right_one() {
    let whole = Raw::new(5).get(INITIAL);
    let (mut raw, answer) = struck(Fault::Truncated);
    assert!(whole.body().starts_with(&answer.body()[..20]) && answer.body().len() < whole.body().len());
    assert!(serde_json::from_slice::<Value>(answer.body()).is_err());
    assert_comes_right(&mut raw);
}

#[test]
fn a_content_type_may_be_wrong_or_missing_and_the_body_right() {
    for (value, expected) in [(Some("text/plain"), "text/plain"), (None, "")] {
        let (mut raw, answer) = struck(Fault::ContentType { value: value.map(str::to_owned) });
        assert_eq!(header(&answer, "content-type"), expected);
        assert_eq!(subjects(&json(&answer)), ["0", "1"]);
        assert_comes_right(&mut raw);
    }
}

#[test]
fn a_byte_order_mark_stands_in_front_of_the_right_body() {
    let (mut raw, answer) = struck(Fault::Bom);
    let body = answer.body().strip_prefix(b"\xef\xbb\xbf").unwrap();
    assert_eq!(subjects(&serde_json::from_slice(body).unwrap()), ["0", "1"]);
    assert_comes_right(&mut raw);
}

#[test]
fn a_key_of_the_page_may_be_there_twice() {
    for (key, text) in [(PageKey::Value, "\"value\":["), (PageKey::Link, "\"@odata.nextLink\":\"")] {
        let (mut raw, answer) = struck(Fault::DuplicateKey { key });
        assert_eq!(String::from_utf8_lossy(answer.body()).matches(text).count(), 2);
        // Whoever takes the last one reads the right page.
        let page = json(&answer);
        assert_eq!(subjects(&page), ["0", "1"]);
        assert_pages(&raw.drain(&next(&page).unwrap()).0, &["2 3", "4"]);
        assert_comes_right(&mut raw);
    }
}

#[test]
fn odd_texts_stand_in_an_annotation_of_the_page_or_of_one_item() {
    for place in [Spot::Page, Spot::Item] {
        let depth = NonZeroU64::new(100).unwrap();
        for (fault, text) in [
            (Fault::InvalidUtf8 { place }, b"\"caf\xc3( ".as_slice()),
            (Fault::LoneSurrogate { place }, br"\ud83d"),
            (Fault::HugeNumber { place }, b":-1234567890"),
            (Fault::DeepNesting { depth, place }, &b"[".repeat(100)),
        ] {
            let (mut raw, answer) = struck(fault.clone());
            let at = answer.body().windows(text.len()).position(|window| window == text);
            let at = at.unwrap_or_else(|| panic!("{fault:?}: {answer:?}"));
            let value = answer.body().windows(9).position(|window| window == b"\"value\":[").unwrap();
            assert_eq!(at > value, place == Spot::Item);
            let utf8 = std::str::from_utf8(answer.body());
            assert_eq!(utf8.is_err(), matches!(fault, Fault::InvalidUtf8 { .. }));
            if matches!(fault, Fault::DeepNesting { .. }) {
                assert_eq!(subjects(&json(&answer)), ["0", "1"]);
            } else {
                assert!(serde_json::from_slice::<Value>(answer.body()).is_err());
            }
            assert_comes_right(&mut raw);
        }
    }
}

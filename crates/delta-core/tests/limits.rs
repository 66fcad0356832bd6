//! What a page may hold, and what becomes of what is beyond: refused by name, kept byte for byte, never a panic.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::path::Path;

use delta_core::{
    Change, Cloud, Error, Event, Malformation, Page, PageError, Round, ServiceRoot, Step, Target, Window,
};
use http::Response;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde::Deserialize;
use serde_json::value::RawValue;

const LINK: &str = r#""@odata.deltaLink":"/v1.0/me/calendarView/delta?$deltatoken=x""#;

fn round() -> Round {
    let window = Window::parse("2016-12-01", "2016-12-30").unwrap();
    Round::full(Target::calendar_view(ServiceRoot::cloud(Cloud::Global), "me".parse().unwrap(), window).unwrap())
}

/// Reads a body as the answer to a round's first request.
fn read<B: AsRef<[u8]>>(body: B) -> Result<Page<B>, PageError> {
    match round().receive(Response::new(body)) {
        Ok(Step::Page { page, .. } | Step::Complete { page, .. }) => Ok(page),
        Err(Error::NotAPage { error, .. }) => Err(error),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("a page is a page"),
    }
}

fn with_items(items: &str) -> String {
    format!(r#"{{"value":[{items}],{LINK}}}"#)
}

/// What becomes of an item between two good ones: none if it is good. The good ones are always there, and each item's
/// JSON is as it was sent.
fn malformation(item: &str) -> Option<(Option<String>, Malformation)> {
    let page = read(with_items(&format!(r#"{{"id":"before"}}, {item} ,{{"id":"after"}}"#))).unwrap();
    let changes: Vec<_> = page.changes().collect();
    assert_eq!(changes.len(), 3);
    assert!(matches!((changes[0], changes[2]), (Change::Upsert(_), Change::Upsert(_))));
    assert_eq!((changes[0].id(), changes[2].id()), (Some("before"), Some("after")));
    assert!(changes[1].raw() == item, "the item's JSON is kept");
    match changes[1] {
        Change::Malformed { id, why, .. } => Some((id.map(str::to_owned), why)),
        _ => None,
    }
}

fn named(id: &str, why: Malformation) -> Option<(Option<String>, Malformation)> {
    Some((Some(id.to_owned()), why))
}

#[test]
fn a_page_of_too_many_items_is_refused() {
    let of = |count: usize, item: &str| with_items(vec![item; count].join(",").as_str());
    assert_eq!(read(of(100_000, "1")).unwrap().len(), 100_000);
    assert_eq!(read(of(100_001, "1")).unwrap_err(), PageError::TooManyItems);
    assert_eq!(read(of(3_000_000, r#"{"id":"a"}"#)).unwrap_err(), PageError::TooManyItems);
}

#[test]
fn an_item_that_is_too_large_is_malformed_and_the_page_goes_on() {
    let of = |size: usize| {
        let start = r#"{"id":"large","body":""#;
        format!(r#"{start}{}"}}"#, "x".repeat(size - start.len() - 2))
    };
    assert_eq!(malformation(&of(16 << 20)), None);
    assert_eq!(malformation(&of((16 << 20) + 1)), named("large", Malformation::TooLarge));
    let removed = of((16 << 20) + 100).replace(r#""body""#, r#""@removed":{},"body""#);
    assert_eq!(malformation(&removed), named("large", Malformation::TooLarge));
}

#[test]
fn an_item_with_too_many_properties_is_malformed_and_the_page_goes_on() {
    let of = |count: usize| format!(r#"{{"id":"many"{}}}"#, r#","":[1,2,{"x":0}]"#.repeat(count - 1));
    assert_eq!(malformation(&of(1_024)), None);
    assert_eq!(malformation(&of(1_025)), named("many", Malformation::TooManyProperties));
    assert_eq!(malformation(&of(500_000)), named("many", Malformation::TooManyProperties));
    let shortest = format!(r#"{{"id":"many"{}}}"#, r#","":0"#.repeat(1_024));
    assert_eq!(malformation(&shortest), named("many", Malformation::TooManyProperties));
}

#[test]
fn an_id_or_etag_that_is_too_long_is_malformed_and_the_page_goes_on() {
    let (limit, beyond) = ("i".repeat(4_096), "i".repeat(4_097));
    let escaped = r"\u0069".repeat(4_097);
    assert_eq!(
        malformation(&format!(r#"{{"id":"{limit}","@odata.etag":"{limit}","seriesMasterId":"{limit}"}}"#)),
        None
    );
    assert_eq!(malformation(&format!(r#"{{"id":"  {limit}\t"}}"#)), None);
    for id in [&beyond, &escaped] {
        assert_eq!(malformation(&format!(r#"{{"id":"{id}"}}"#)), Some((None, Malformation::TooLongText)));
        assert_eq!(
            malformation(&format!(r#"{{"id":"{id}","@removed":{{"reason":"deleted"}}}}"#)),
            Some((None, Malformation::TooLongText))
        );
        for name in ["@odata.etag", "seriesMasterId"] {
            let item = format!(r#"{{"id":"a","{name}":"{id}"}}"#);
            assert_eq!(malformation(&item), named("a", Malformation::TooLongText), "{name}");
        }
    }
    // What is not kept need not be short, and neither need what nobody reads.
    for name in ["type", "subject", "@odata.type", &beyond] {
        assert_eq!(malformation(&format!(r#"{{"id":"a","{name}":"{beyond}"}}"#)), None);
    }
}

#[test]
fn an_id_that_cannot_be_one_is_none() {
    for id in ["", " ", r"\t\r\n", r"\u0000", r"a\u0000", r"a\nb", r"\u001b[2J", r"\u0085", ".", "..", " .. ", "%2e."] {
        assert_eq!(malformation(&format!(r#"{{"id":"{id}"}}"#)), Some((None, Malformation::NoId)), "{id}");
        assert_eq!(malformation(&format!(r#"{{"id":"a","seriesMasterId":"{id}"}}"#)), None, "{id}");
    }
    for item in ["{}", r#"{"subject":"x"}"#, r#"{"id":null}"#, r#"{"ID":"a"}"#] {
        assert_eq!(malformation(item), Some((None, Malformation::NoId)), "{item}");
    }
    for item in ["null", "true", "0", r#""a""#, "[]", r#"["a"]"#, r#"[{"id":"a"}]"#] {
        assert_eq!(malformation(item), Some((None, Malformation::NotAnObject)), "{item}");
    }
}

#[test]
fn a_body_nests_64_deep_and_no_deeper() {
    // The page, its items and the item itself are three.
    let of = |depth: usize| format!(r#"{{"id":"a","x":{}{}}}"#, "[".repeat(depth - 3), "]".repeat(depth - 3));
    assert_eq!(malformation(&of(64)), None);
    assert!(matches!(read(with_items(&of(65))), Err(PageError::TooDeep(_))));
    assert!(matches!(read(with_items(&of(1_000_000))), Err(PageError::TooDeep(_))));
    assert!(matches!(read(format!(r#"{{"a":{}"#, "[".repeat(1_000_000))), Err(PageError::TooDeep(68))));
    assert!(matches!(read(r#"{"a":"#.repeat(1_000_000)), Err(PageError::TooDeep(_))));
}

#[test]
fn keys_that_the_protocol_reads_are_there_once() {
    for (item, id) in [
        (r#"{"id":"a","id":"a"}"#, None),
        (r#"{"id":"a","Id":"b"}"#, None),
        (r#"{"id":"a","\u0069d":"b"}"#, None),
        (r#"{"id":"a","@odata.etag":"1","@odata.etag":"1"}"#, Some("a")),
        (r#"{"id":"a","type":"occurrence","Type":"exception"}"#, Some("a")),
        (r#"{"id":"a","seriesMasterId":"m","seriesMasterId":null}"#, Some("a")),
        (r#"{"id":"a","@removed":{"reason":"deleted"},"@removed":null}"#, Some("a")),
        (r#"{"id":"a","@removed":{"reason":"deleted","reason":"changed"}}"#, Some("a")),
    ] {
        assert_eq!(malformation(item), Some((id.map(str::to_owned), Malformation::Property)), "{item}");
    }
    let item = r#"{"id":"a","subject":"x","subject":"y","Subject":"z","start":{"a":1,"a":2}}"#;
    assert_eq!(malformation(item), None);
    assert_eq!(Event::parse(item).unwrap().subject().as_deref(), Some("y"), "the last one, as most readers take it");

    for (body, error) in [
        (r#"{"value":[],"value":[]}"#, PageError::Duplicate("value")),
        (r#"{"value":null,"value":[]}"#, PageError::Duplicate("value")),
        (r#"{"value":[],"v\u0061lue":[]}"#, PageError::Duplicate("value")),
        (r#"{"@odata.nextLink":null,"value":[],"@odata.nextLink":"/v1.0/x"}"#, PageError::Duplicate("@odata.nextLink")),
        (r#"{"@odata.deltaLink":"/v1.0/x","@odata.deltaLink":"/v1.0/x"}"#, PageError::Duplicate("@odata.deltaLink")),
    ] {
        assert_eq!(read(body).unwrap_err(), error, "{body}");
    }
    assert!(read(format!(r#"{{"@odata.context":1,"value":[],"@odata.context":2,{LINK}}}"#)).is_ok());
}

#[test]
fn a_lone_surrogate_is_no_text() {
    for half in [r"\ud800", r"\uDFFF", r"a\ud83db", r"\ud83d\u0041", r"\ude00\ud83d"] {
        assert_eq!(malformation(&format!(r#"{{"id":"{half}"}}"#)), Some((None, Malformation::Property)), "{half}");
        for name in ["@odata.etag", "type", "seriesMasterId"] {
            let item = format!(r#"{{"id":"a","{name}":"{half}"}}"#);
            assert_eq!(malformation(&item), named("a", Malformation::Property), "{item}");
        }
        // The name of a property, which everybody reads.
        assert_eq!(malformation(&format!(r#"{{"id":"a","{half}":1}}"#)).unwrap().1, Malformation::Property);

        // Nobody read these: they stay as they are, and read as nothing.
        let item =
            format!(r#"{{"id":"a","subject":"{half}","x":{{"{half}":["{half}"]}},"body":{{"content":"{half}"}}}}"#);
        assert_eq!(malformation(&item), None);
        let event = Event::parse(&item).unwrap();
        assert_eq!((event.subject(), event.body().unwrap().content), (None, None));
        assert_eq!(event.property("subject"), Some(format!(r#""{half}""#).as_str()));

        let body = format!(r#"{{"value":[],"@odata.nextLink":"/v1.0/{half}"}}"#);
        assert_eq!(read(body).unwrap_err(), PageError::LinkNotText("@odata.nextLink"));
    }
    assert_eq!(malformation(r#"{"id":"\ud83d\ude00"}"#), None, "two halves are a whole");
}

#[test]
fn numbers_of_any_size_are_kept_and_never_looked_at() {
    let huge = "9".repeat(100_000);
    for number in ["18446744073709551616", "-9223372036854775809", "1e999", "-1e-999", "1E+99999999999999999999", &huge]
    {
        let item = format!(r#"{{"id":"a","x":{number},"reminderMinutesBeforeStart":{number},"y":[{{"z":{number}}}]}}"#);
        assert_eq!(malformation(&item), None);
        let event = Event::parse(&item).unwrap();
        assert_eq!((event.property("x"), event.reminder_minutes_before_start()), (Some(number), None));
        for name in ["@odata.etag", "type", "seriesMasterId", "@removed"] {
            let item = format!(r#"{{"id":"a","{name}":{number}}}"#);
            assert_eq!(malformation(&item), named("a", Malformation::Property), "{name}");
        }
        assert_eq!(malformation(&format!(r#"{{"id":{number}}}"#)), Some((None, Malformation::Property)));
        assert!(read(format!(r#"{{"@odata.count":{number},"value":[],{LINK}}}"#)).is_ok());
    }
    for bad in ["01", "+1", "1.", ".5", "1e", "0x1", "NaN", "Infinity", "-"] {
        let body = with_items(&format!(r#"{{"id":"a","x":{bad}}}"#));
        assert!(matches!(read(body), Err(PageError::NotJson(_))), "{bad} is not JSON");
    }
}

#[test]
fn bytes_that_are_not_utf_8_make_the_page_bad_wherever_they_are() {
    let at = |bytes: &[u8], item: &str| {
        let text = with_items(item);
        let (before, after) = text.split_once('?').unwrap();
        let body = [before.as_bytes(), bytes, after.as_bytes()].concat();
        assert_eq!(read(body).unwrap_err(), PageError::NotUtf8(before.len()), "{bytes:x?} in {item}");
    };
    for bytes in [
        &b"\xff"[..],
        b"\x80",
        b"\xc3(",
        b"\xc0\xaf",             // `/` in two bytes
        b"\xe0\x80\xaf",         // and in three
        b"\xed\xa0\x80",         // half a surrogate pair
        b"\xf4\x90\x80\x80",     // beyond U+10FFFF
        b"\xf8\x88\x80\x80\x80", // five bytes
        b"\xe2\x82",             // cut off
    ] {
        for item in [r#"{"id":"?"}"#, r#"{"id":"a","subject":"?"}"#, r#"{"id":"a","x":{"?":1}}"#, "?"] {
            at(bytes, item);
        }
    }
    let utf_16: Vec<u8> = with_items("").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read([b"\xff\xfe", &utf_16[..]].concat()).unwrap_err(), PageError::NotUtf8(0));
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let page = read(format!("\u{feff}{}", with_items(r#"{"id":"a"}"#))).unwrap();
    assert_eq!(
        page.changes().map(|change| (change.id(), change.raw())).collect::<Vec<_>>(),
        [(Some("a"), r#"{"id":"a"}"#)]
    );
    assert!(page.body().starts_with("\u{feff}".as_bytes()), "the body stays as it is");
    for body in ["\u{feff}", "\u{feff}\u{feff}{}", " \u{feff}{}", "{\u{feff}}", "{}\u{feff}"] {
        assert!(matches!(read(body), Err(PageError::NotJson(_))), "{body:?}");
    }
}

/// The bodies of all fixtures.
fn fixtures() -> Vec<Vec<u8>> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")];
    let mut bodies = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(".response.http") {
                let bytes = std::fs::read(path).unwrap();
                let head = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap();
                bodies.push(bytes[head + 2..].to_vec());
            }
        }
    }
    bodies.sort();
    assert!(bodies.len() > 200, "{}", bodies.len());
    bodies
}

/// How another reader sees a page.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
}

/// What holds for every body: if it is a page, its items are those that another reader finds, each a slice of the body.
fn check(body: &[u8]) {
    let step = round().receive(Response::new(body));
    let Ok(Step::Page { page, .. } | Step::Complete { page, .. }) = step else { return };
    let text = std::str::from_utf8(body).unwrap();
    let other: Envelope<'_> = serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).unwrap();
    assert_eq!(page.len(), other.value.len());
    let range = body.as_ptr_range();
    for (change, other) in page.changes().zip(other.value) {
        assert_eq!(change.raw(), other.get());
        assert!(range.contains(&change.raw().as_ptr()), "raw JSON is a part of the body");
        assert!(change.id().is_none_or(|id| !id.is_empty() && id == id.trim_ascii()));
        let event = Event::parse(change.raw());
        assert!(event.is_ok() || matches!(change, Change::Malformed { .. }));
        let Ok(event) = event else { continue };
        if let Change::Upsert(item) = change {
            assert_eq!(Some(item.id()), event.id().as_deref());
        }
        let _ =
            (event.start(), event.recurrence(), event.attendees(), event.locations(), event.is_stub(), event.created());
    }
}

/// A change to a body: a byte set, a part cut out, a part doubled, or something put in.
#[derive(Clone, Debug)]
enum Edit {
    Set(u8),
    Cut(usize),
    Double(usize),
    Insert(&'static str),
}

fn edit() -> impl Strategy<Value = Edit> {
    const PIECES: &[&str] = &[
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "-",
        "1e999",
        "\u{feff}",
        "\\ud800",
        "\\u0000",
        "é",
        "\"id\":1,",
        "\"id\":\"a\",",
        "\"value\":[],",
        "{},",
        "[],",
        "\"@removed\":{\"reason\":\"deleted\"},",
        " ",
        "\n",
        "\0",
    ];
    prop_oneof![
        any::<u8>().prop_map(Edit::Set),
        (1..40_usize).prop_map(Edit::Cut),
        (1..400_usize).prop_map(Edit::Double),
        prop::sample::select(PIECES).prop_map(Edit::Insert),
    ]
}

fn edited(mut body: Vec<u8>, edits: &[(prop::sample::Index, Edit)]) -> Vec<u8> {
    for (at, edit) in edits {
        let at = at.index(body.len() + 1);
        let end = |length: &usize| (at + length).min(body.len());
        match edit {
            Edit::Set(byte) => body.splice(at..end(&1), [*byte]).for_each(drop),
            Edit::Cut(length) => body.drain(at..end(length)).for_each(drop),
            Edit::Double(length) => {
                let part = body[at..end(length)].to_vec();
                body.splice(at..at, part).for_each(drop);
            }
            Edit::Insert(piece) => body.splice(at..at, piece.bytes()).for_each(drop),
        }
    }
    body
}

fn cases() -> u32 {
    std::env::var("CALDELTA_PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_000)
}

#[test]
fn every_fixture_reads_as_another_reader_reads_it() {
    fixtures().iter().for_each(|body| check(body));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_broken_fixture_never_panics_and_its_items_stay_slices_of_the_body(
        body in prop::sample::select(fixtures()),
        edits in prop::collection::vec((any::<prop::sample::Index>(), edit()), 1..4),
    ) {
        check(&edited(body, &edits));
    }
}

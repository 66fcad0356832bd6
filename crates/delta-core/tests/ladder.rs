//! What a round does when the server forgets, loops, or is asked for too much.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;

use common::{checkpoint, incremental, last, link, next, options, page, query, refused, restart, size, target};
use delta_core::{
    DeltaLink, Error, Failure, FailureKind, Phase, Preferences, Refusal, Round, RoundKind, RoundOptions, Stall, Step,
};
use http::Response;

/// Every resync code, and what has none: as observed, as documented, and in other cases.
const FORGOTTEN: [(u16, &str); 8] = [
    (410, "SyncStateNotFound"),
    (410, "syncStateNotFound"),
    (410, "resyncRequired"),
    (410, "fullSyncRequired"),
    (410, "RESYNCCHANGESUPLOADDIFFERENCES"),
    (410, ""),
    (400, "SyncStateInvalid"),
    (404, "ErrorInvalidSyncStateData"),
];

/// What means the same at a link, although it has other names.
const DEAD: [(u16, &str); 4] =
    [(400, "BadRequest"), (400, "NeverHeardOf"), (404, "ErrorItemNotFound"), (404, "UnknownError")];

#[test]
fn a_forgotten_delta_link_makes_a_full_round_of_a_new_id() {
    for (status, code) in FORGOTTEN.into_iter().chain(DEAD) {
        let mut round = incremental();
        let id = round.id();
        let restart = restart(round.receive(refused(status, code)).unwrap());
        assert_eq!((restart.void, restart.kind), (id, RoundKind::Full), "{status} {code}");
        assert_eq!((round.kind(), round.phase(), round.page()), (RoundKind::Full, Phase::Initial, 0));
        assert_ne!(round.id(), id);
        assert!(query(&round).contains("startDateTime="));
    }
}

#[test]
fn a_dead_next_link_falls_back_to_the_delta_link_and_then_to_a_full_round() {
    for (status, code) in FORGOTTEN.into_iter().chain(DEAD) {
        let mut round = incremental();
        let first = checkpoint(round.receive(next(&["A"], "$skiptoken=1")).unwrap());
        let resumed = Round::resume(target(), &first).unwrap();
        let resumed = resumed.with_origin(&DeltaLink::new(link("$deltatoken=old"))).unwrap();
        for mut round in [round, resumed] {
            let id = round.id();
            let again = restart(round.receive(refused(status, code)).unwrap());
            assert_eq!((again.void, again.kind), (id, RoundKind::Incremental), "{status} {code}");
            assert_eq!((query(&round).as_str(), round.page()), ("$deltatoken=old", 0));
            let mut later = round.clone();
            let _ = later.receive(next(&["A"], "$skiptoken=2")).unwrap();
            for mut round in [round, later] {
                let again = restart(round.receive(refused(status, code)).unwrap());
                assert_eq!(again.kind, RoundKind::Full, "only once from the delta link");
                assert!(query(&round).contains("startDateTime="));
            }
        }
        let mut alone = Round::resume(target(), &first).unwrap();
        let again = restart(alone.receive(refused(status, code)).unwrap());
        assert_eq!(again.kind, RoundKind::Full, "a checkpoint does not know the delta link");
    }
}

#[test]
fn a_full_round_that_is_forgotten_begins_anew_within_its_budget() {
    for budget in 0..4 {
        let mut round = Round::full(target()).with_options(options(budget));
        let mut ids = vec![round.id()];
        for _ in 0..budget {
            let _ = round.receive(next(&["A"], "$skiptoken=1")).unwrap();
            let again = restart(round.receive(refused(410, "SyncStateNotFound")).unwrap());
            assert_eq!((Some(&again.void), again.reason.as_str()), (ids.last(), "SyncStateNotFound"));
            assert_eq!(again.ids.request_id.as_deref(), Some("r-1"));
            ids.push(round.id());
        }
        let error = round.receive(refused(410, "SyncStateNotFound")).unwrap_err();
        assert!(matches!(error, Error::Refused { refusal: Refusal::Forgotten, .. }), "{error}");
        assert!(error.escapes_to_snapshot());
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), budget as usize + 1);
    }
}

#[test]
fn what_is_wrong_at_the_initial_request_is_not_the_links_fault() {
    for (status, code) in DEAD {
        let error = Round::full(target()).receive(refused(status, code)).unwrap_err();
        let expected = if status == 404 { Refusal::NotFound } else { Refusal::BadRequest };
        assert!(matches!(error, Error::Refused { refusal, .. } if refusal == expected), "{error}");
        assert!(!error.escapes_to_snapshot());
        let mut round = incremental();
        let _ = round.receive(refused(status, code)).unwrap();
        assert!(matches!(round.receive(refused(status, code)).unwrap_err(), Error::Refused { .. }), "once only");
    }
}

#[test]
fn what_a_plain_listing_may_answer_is_told_apart() {
    for (status, code, refusal) in [
        (403, "ErrorQuotaExceeded", Refusal::QuotaExceeded),
        (507, "", Refusal::QuotaExceeded),
        (501, "NotImplemented", Refusal::NoDelta),
        (405, "", Refusal::NoDelta),
    ] {
        let error = incremental().receive(refused(status, code)).unwrap_err();
        assert!(matches!(error, Error::Refused { refusal: found, .. } if found == refusal), "{error}");
        assert!(error.escapes_to_snapshot());
    }
    let error = Round::full(target()).receive(refused(403, "ErrorAccessDenied")).unwrap_err();
    assert!(!error.escapes_to_snapshot(), "{error}");
    let mut round = Round::full(target());
    let _ = round.receive(next(&["A"], "$skiptoken=1")).unwrap();
    let error = round.receive(refused(403, "ErrorAccessDenied")).unwrap_err();
    assert!(matches!(error, Error::Refused { refusal: Refusal::ForbiddenLink, .. }), "{error}");
    assert!(error.escapes_to_snapshot());
}

/// msgraph-sdk-dotnet#3082: the identical page again and again, each with another next link.
#[test]
fn a_rotating_livelock_is_left_with_larger_pages() {
    let mut round = incremental();
    let mut read = 0;
    for size_then in [200, 800] {
        assert_eq!(size(&round), size_then);
        let again = loop {
            read += 1;
            match round.receive(next(&["A", "B"], &format!("$skiptoken={read}"))).unwrap() {
                Step::Restart(restart) => break restart,
                Step::Page { .. } => {}
                step => panic!("{step:?}"),
            }
        };
        assert_eq!((again.kind, query(&round).as_str()), (RoundKind::Incremental, "$deltatoken=old"));
    }
    assert_eq!((size(&round), round.page_size().unwrap().get()), (1000, 1000));
    let error = loop {
        read += 1;
        match round.receive(next(&["A", "B"], &format!("$skiptoken={read}"))) {
            Ok(Step::Page { .. }) => {}
            Ok(step) => panic!("{step:?}"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Stalled { stall: Stall::Repeating, pages: 4, .. }), "{error}");
    assert!(error.escapes_to_snapshot());
    assert_eq!(read, 12, "no more than three repeated pages for each page size");
}

#[test]
fn a_livelock_that_ends_with_larger_pages_ends_the_round() {
    let mut round = Round::full(target());
    for token in 0..3 {
        let _ = round.receive(next(&["A"], &token.to_string())).unwrap();
    }
    let again = restart(round.receive(next(&["A"], "$skiptoken=3")).unwrap());
    assert_eq!(again.reason, "3 pages in a row brought nothing new, so it asks for pages of 800");
    assert!(matches!(round.receive(last()).unwrap(), Step::Complete { .. }));
    assert_eq!(round.page_size().unwrap().get(), 800);
}

#[test]
fn a_livelock_of_full_rounds_keeps_within_the_budget_of_full_rounds() {
    let mut round = Round::full(target()).with_options(options(0));
    for token in 0..3 {
        let _ = round.receive(next(&["A"], &token.to_string())).unwrap();
    }
    assert!(matches!(round.receive(next(&["A"], "$skiptoken=3")).unwrap_err(), Error::Stalled { .. }));
}

#[test]
fn budgets_of_pages_and_bytes_end_a_round() {
    let stall = |options: RoundOptions| {
        let mut round = Round::full(target()).with_options(options);
        for page in 0_u32.. {
            let response = next(&[&page.to_string()], &format!("$skiptoken={page}"));
            if let Err(Error::Stalled { stall, pages, .. }) = round.receive(response) {
                assert_eq!(round.page() + 1, pages);
                return (stall, pages);
            }
        }
        panic!()
    };
    assert_eq!(stall(RoundOptions { max_pages: 7, ..RoundOptions::default() }), (Stall::Pages, 7));
    let length = next(&["0"], "$skiptoken=0").into_body().len() as u64;
    assert_eq!(stall(RoundOptions { max_bytes: 5 * length, ..RoundOptions::default() }), (Stall::Bytes, 6));
}

#[test]
fn what_was_too_much_twice_is_asked_for_with_a_smaller_page_and_no_restart() {
    let mut round = incremental();
    let _ = round.receive(next(&["A"], "$skiptoken=1")).unwrap();
    let mut sizes = Vec::new();
    for status in [503, 504, 504, 503, 503, 503, 504] {
        assert!(matches!(round.receive(refused(status, "")).unwrap(), Step::Wait(_)));
        assert_eq!(query(&round), "$skiptoken=1");
        sizes.push(size(&round));
    }
    assert_eq!(sizes, [200, 50, 50, 12, 12, 12, 12]);
    let checkpoint = checkpoint(round.receive(next(&["B"], "$skiptoken=2")).unwrap());
    assert_eq!(size(&round), 12, "what worked is kept");
    assert_eq!(size(&Round::resume(target(), &checkpoint).unwrap()), 12, "also by a checkpoint");

    let mut round = incremental();
    for (kind, expected) in [
        (FailureKind::Timeout, 200),
        (FailureKind::Connect, 200),
        (FailureKind::Timeout, 50),
        (FailureKind::BodyTooLarge, 12),
    ] {
        assert!(matches!(round.fail::<Vec<u8>>(Failure::new(kind, "")).unwrap(), Step::Wait(_)));
        assert_eq!(size(&round), expected);
    }
    let too_large = Failure::new(FailureKind::BodyTooLarge, "");
    assert!(matches!(round.fail::<Vec<u8>>(too_large).unwrap_err(), Error::NoResponse { .. }));
}

#[test]
fn a_page_size_of_the_callers_is_a_hint() {
    let preferences = Preferences { page_size: std::num::NonZeroU32::new(40), ..Preferences::default() };
    let mut round = incremental().with_options(RoundOptions { preferences, ..RoundOptions::default() });
    assert_eq!(size(&round), 40);
    let _ = round.receive(refused(503, "")).unwrap();
    let _ = round.receive(refused(503, "")).unwrap();
    assert_eq!(size(&round), 12);
}

#[test]
fn waits_say_whether_they_are_the_mailboxes_or_the_requests() {
    let of_mailbox = |status: u16, retry: Option<&str>| {
        let mut response = Response::builder().status(status);
        if let Some(retry) = retry {
            response = response.header("retry-after", retry);
        }
        let Step::Wait(wait) = incremental().receive(response.body("").unwrap()).unwrap() else { panic!() };
        wait.of_mailbox
    };
    assert!(of_mailbox(429, None) && of_mailbox(503, Some("1")) && of_mailbox(429, Some("soon")));
    assert!(!of_mailbox(503, None) && !of_mailbox(500, Some("soon")));
}

#[test]
fn both_links_go_on_and_neither_moves_nothing() {
    let mut round = incremental();
    let before = query(&round);
    assert!(matches!(round.receive(Response::new(r#"{"value":[]}"#)).unwrap_err(), Error::NoLink { .. }));
    assert_eq!(query(&round), before);
    assert!(matches!(round.receive(page(&[], "nextLink", "/v1.0/me?x=1")).unwrap(), Step::Page { .. }), "relative");
}

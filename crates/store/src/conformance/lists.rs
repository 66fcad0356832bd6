//! Finding rows and reading lists in pages.

use delta_core::RoundKind::Full;
use delta_core::Timestamp;

use super::fixture::{DAY, Fixture, event, instant, master, stub, tile};
use crate::reader::{TimeRange, events};
use crate::{Store, View};

async fn found(view: &dyn View, from: i64, to: i64) -> Vec<String> {
    let rows = view.overlapping(instant(from)..instant(to), None, 1000).await.unwrap();
    rows.iter().map(|(_, row)| row.meta.id.to_string()).collect()
}

/// By overlap, also for long events and for those without duration; dates that no timestamp holds are clamped or left
/// out; all-day events count by the asker's dates.
pub async fn rows_are_found_by_time(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let timed = |id: &str, start: &str, end: &str, all_day: bool| {
        format!(
            r#"{{"id":"{id}","type":"singleInstance","isAllDay":{all_day},"start":{{"dateTime":"{start}","timeZone":"UTC"}},"end":{{"dateTime":"{end}","timeZone":"UTC"}}}}"#
        )
    };
    let items = [
        event("noon", 1, 1),
        master("series", 1),
        stub("occurrence", "series", 1, 3),
        timed("instant", "2026-01-03T00:00:00", "2026-01-03T00:00:00", false),
        timed("decade", "2020-06-01T00:00:00", "2030-06-01T00:00:00", false),
        timed("backwards", "2026-01-06T10:00:00", "2026-01-06T09:00:00", false),
        timed("day", "2026-01-08T00:00:00", "2026-01-09T00:00:00", true),
        timed("ancient", "0001-01-01T00:00:00", "9999-12-31T23:59:59.9999999", false),
        r#"{"id":"timeless","type":"singleInstance","subject":"no dates","start":null}"#.to_owned(),
    ];
    fixture.run(&tile(0, 0, 10), Full, &items).await;
    let view = fixture.view().await;
    let view = view.as_ref();
    let hour = 60 * 60;
    let always = |ids: &[&str]| {
        let mut all = vec!["ancient".to_owned(), "decade".to_owned()];
        all.extend(ids.iter().map(|id| (*id).to_owned()));
        all
    };
    assert_eq!(found(view, DAY, 2 * DAY).await, always(&["noon"]));
    assert_eq!(found(view, DAY, DAY + 12 * hour).await, always(&[]), "the end of a range is not in it");
    assert_eq!(found(view, DAY + 13 * hour, DAY + 14 * hour).await, always(&[]), "nor is an event's end");
    assert_eq!(found(view, DAY + 12 * hour + 1, DAY + 12 * hour + 2).await, always(&["noon"]));
    assert_eq!(found(view, DAY + 13 * hour - 1, DAY + 13 * hour).await, always(&["noon"]));
    assert_eq!(found(view, 2 * DAY, 2 * DAY + 1).await, always(&["instant"]));
    assert_eq!(found(view, 2 * DAY - 1, 2 * DAY).await, always(&[]));
    assert_eq!(found(view, 3 * DAY, 4 * DAY).await, always(&["occurrence"]));
    assert_eq!(found(view, 5 * DAY + 10 * hour, 5 * DAY + 11 * hour).await, always(&["backwards"]));
    assert!(found(view, 5 * DAY, 5 * DAY).await.is_empty() && found(view, 5 * DAY, 4 * DAY).await.is_empty());
    let everything = view.overlapping(Timestamp::MIN..Timestamp::MAX, None, 1000).await.unwrap();
    assert_eq!(everything.len(), 7, "all but the master and what has no start");

    // The asker is 14 hours ahead: the 8th starts there at 10:00 UTC on the 7th.
    let ahead = 14 * hour;
    let local = instant(7 * DAY)..instant(8 * DAY);
    let range = TimeRange { instants: instant(7 * DAY - ahead)..instant(8 * DAY - ahead), local: local.clone() };
    let shown = |range: TimeRange| async move {
        let (events, _) = events(view, &range, None, 100).await.unwrap();
        events.iter().map(|event| event.row.meta.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(shown(range).await, always(&["day"]));
    let first_hour = TimeRange {
        instants: instant(7 * DAY - ahead)..instant(7 * DAY - ahead + hour),
        local: instant(7 * DAY)..instant(7 * DAY + hour),
    };
    assert_eq!(shown(first_hour).await, always(&["day"]), "although its midnight in UTC is hours away");
    let day_after = TimeRange {
        instants: instant(8 * DAY - ahead)..instant(9 * DAY - ahead),
        local: instant(8 * DAY)..instant(9 * DAY),
    };
    assert_eq!(shown(day_after).await, always(&[]), "the same instants, but another date");
}

/// Whatever the page size, the pages of a list put together are the list.
pub async fn lists_come_in_pages(store: &dyn Store) {
    let fixture = Fixture::new(store);
    let ids: Vec<String> = (0..300).map(|number| format!("{number:03}")).collect();
    let items: Vec<String> = ids.iter().map(|id| stub(id, "m", 1, id.len() as i64)).collect();
    fixture.run(&tile(0, 0, 10), Full, &items).await;
    let view = fixture.view().await;
    for limit in [1, 7, 128, 299, 300, 301] {
        let (mut rows, mut members, mut times, mut notes) = (vec![], vec![], vec![], vec![]);
        loop {
            let page = view.rows(rows.last().map(String::as_str), limit).await.unwrap();
            rows.extend(page.iter().map(|row| row.meta.id.to_string()));
            let last = page.len() < limit;
            let page = view.members("m", members.last().map(String::as_str), limit).await.unwrap();
            members.extend(page.iter().map(|row| row.meta.id.to_string()));
            let page = view.overlapping(instant(0)..instant(10 * DAY), times.last(), limit).await.unwrap();
            times.extend(page.into_iter().map(|(key, _)| key));
            let page = view.journal(notes.len() as u64, limit).await.unwrap();
            assert!(page.iter().zip(notes.len() as u64 + 1..).all(|(entry, seq)| entry.seq == seq));
            notes.extend(page.into_iter().map(|entry| entry.note.id.to_string()));
            if last {
                break;
            }
        }
        let mut times: Vec<String> = times.iter().map(|key| key.id.to_string()).collect();
        let whole = view.rows(None, 1000).await.unwrap();
        assert!(rows.iter().eq(whole.iter().map(|row| row.meta.id.as_ref())), "in pages of {limit}");
        [&mut rows, &mut members, &mut times, &mut notes].into_iter().for_each(|list| list.sort_unstable());
        assert_eq!((&rows, &members, &times, &notes), (&ids, &ids, &ids, &ids), "in pages of {limit}");
    }
    assert!(view.members("l", None, 10).await.unwrap().is_empty());
    assert!(view.journal(300, 10).await.unwrap().is_empty() && view.journal(u64::MAX, 10).await.unwrap().is_empty());
    let range = TimeRange::utc(instant(0)..instant(10 * DAY));
    let (first, next) = events(view.as_ref(), &range, None, 299).await.unwrap();
    let (rest, end) = events(view.as_ref(), &range, next.as_ref(), 299).await.unwrap();
    assert_eq!((first.len(), rest.len(), end), (299, 1, None));
}

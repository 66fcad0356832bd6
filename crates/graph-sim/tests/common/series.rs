//! One series, and what tests of series ask of it.

use std::collections::BTreeSet;

use graph_sim::Quirks;
use serde_json::{Value, json};

use super::{Client, event, id};

pub(crate) const WINDOW: &str = "startDateTime=2026-03-09T00:00:00Z&endDateTime=2026-03-16T00:00:00Z";
pub(crate) const ALL: &str = "odata.maxpagesize=1000";

/// Every day from 2 March 2026 on, ten to eleven.
pub(crate) fn standup() -> Value {
    let mut series = event("Stand-up", "2026-03-02T10:00:00", "2026-03-02T11:00:00");
    series["recurrence"] = json!({
        "pattern": {"type": "daily", "interval": 1},
        "range": {"type": "noEnd", "startDate": "2026-03-02"},
    });
    series
}

pub(crate) fn at(time: &str) -> Value {
    json!({"dateTime": time, "timeZone": "UTC"})
}

pub(crate) fn moved(start: &str, end: &str) -> Value {
    json!({"start": at(start), "end": at(end)})
}

pub(crate) fn delta() -> String {
    format!("/me/calendarView/delta?{WINDOW}")
}

/// A simulator with one series, and the id of its master.
pub(crate) fn with_standup(quirks: Quirks) -> (Client, String) {
    let mut client = Client::with_quirks(quirks);
    let master = client.create("/me", &standup());
    (client, master)
}

pub(crate) fn view(client: &mut Client) -> Vec<Value> {
    client.get_preferring(&format!("/me/calendarView?{WINDOW}"), ALL).ok().items().to_vec()
}

/// The day in March on which an item starts.
pub(crate) fn day(item: &Value) -> &str {
    &item["start"]["dateTime"].as_str().unwrap()[8..10]
}

pub(crate) fn days(items: &[Value]) -> Vec<&str> {
    items.iter().map(day).collect()
}

/// The id of the instance on a day of March.
pub(crate) fn on(client: &mut Client, wanted: &str) -> String {
    view(client).iter().find(|item| day(item) == wanted).map(|item| id(item).to_owned()).unwrap()
}

pub(crate) fn of_type<'a>(items: &'a [Value], kind: &str) -> Vec<&'a Value> {
    items.iter().filter(|item| item["type"] == kind).collect()
}

pub(crate) fn tombstones(items: &[Value]) -> BTreeSet<&str> {
    items.iter().filter(|item| !item["@removed"].is_null()).map(id).collect()
}

//! What one would write in an afternoon: reqwest, `serde_json::Value`, and SQLite with its safe defaults.

use std::path::Path;

use rusqlite::{Connection, params};
use serde_json::Value;

use crate::Outcome;

/// Follows the links, and keeps each page with the link after it in one transaction. Gives events and requests.
pub async fn sync(root: &str, page_size: usize, dir: &Path) -> Outcome<(u64, u64)> {
    let mut sqlite = Connection::open(dir.join("events.sqlite"))?;
    sqlite.pragma_update(None, "journal_mode", "WAL")?;
    sqlite.pragma_update(None, "synchronous", "FULL")?;
    sqlite.execute_batch(
        "CREATE TABLE events (id TEXT PRIMARY KEY, json TEXT NOT NULL);
         CREATE TABLE state (name TEXT PRIMARY KEY, link TEXT NOT NULL);",
    )?;
    // Whoever installs one first wins, and here nobody else does.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let window = "startDateTime=2026-01-01T00:00:00Z&endDateTime=2027-01-01T00:00:00Z";
    let mut link = format!("{root}/v1.0/me/calendarView/delta?{window}");
    let (mut events, mut requests) = (0, 0);
    loop {
        let prefer = format!("odata.maxpagesize={page_size}");
        let body = client.get(&link).bearer_auth("none").header("prefer", prefer).send().await?.bytes().await?;
        requests += 1;
        let page: Value = serde_json::from_slice(&body)?;
        let (next, delta) = (page["@odata.nextLink"].as_str(), page["@odata.deltaLink"].as_str());
        let transaction = sqlite.transaction()?;
        {
            let mut put = transaction.prepare_cached("INSERT OR REPLACE INTO events VALUES (?1, ?2)")?;
            let mut remove = transaction.prepare_cached("DELETE FROM events WHERE id = ?1")?;
            for event in page["value"].as_array().ok_or("no value")? {
                let id = event["id"].as_str().ok_or("no id")?;
                if event.get("@removed").is_some() {
                    remove.execute(params![id])?;
                } else {
                    put.execute(params![id, event.to_string()])?;
                    events += 1;
                }
            }
        }
        let after = next.or(delta).ok_or("no link")?;
        transaction.execute("INSERT OR REPLACE INTO state VALUES ('link', ?1)", params![after])?;
        transaction.commit()?;
        match next {
            Some(next) => link = next.to_owned(),
            None => return Ok((events, requests)),
        }
    }
}

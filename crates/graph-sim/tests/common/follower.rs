//! A client that follows series, by rules that hold under every quirk.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Client, id};

/// A client that knows how series come.
pub(crate) struct Follower {
    initial: String,
    /// The query of the window that it asks instances for.
    window: &'static str,
    link: String,
    prefer: &'static str,
    /// What is known of each id, masters included.
    pub(crate) rows: BTreeMap<String, Value>,
    /// The pages of the running round.
    pages: Vec<Vec<Value>>,
    /// Whether instances are what it wants.
    pub(crate) wants_instances: bool,
}

impl Follower {
    pub(crate) fn new(initial: &str, window: &'static str, prefer: &'static str) -> Self {
        let initial = initial.to_owned();
        Self {
            link: initial.clone(),
            initial,
            window,
            prefer,
            rows: BTreeMap::new(),
            pages: Vec::new(),
            wants_instances: true,
        }
    }

    /// Gets one page and says whether it was the last of its round.
    pub(crate) fn page(&mut self, client: &mut Client, size: usize, advance: bool) -> bool {
        let page = client.get_preferring(&self.link, &format!("odata.maxpagesize={size}, {}", self.prefer));
        if page.status == 410 {
            self.link = self.initial.clone();
            return false;
        }
        let page = page.ok();
        if self.link == self.initial {
            self.pages.clear();
            self.rows.clear();
        }
        self.pages.push(page.items().to_vec());
        if !advance {
            return false;
        }
        let delta = page.delta_link();
        self.link = page.next_link().or(delta.clone()).unwrap();
        if delta.is_some() {
            self.finish_round(client);
        }
        delta.is_some()
    }

    /// The rules. The last word on an id counts. The last page that tells of a series tells all of it, so members that
    /// are not on it are gone; unless it has no member, or not the master: then the client asks.
    fn finish_round(&mut self, client: &mut Client) {
        let pages = std::mem::take(&mut self.pages);
        let mut touched: BTreeMap<String, usize> = BTreeMap::new();
        for (number, page) in pages.iter().enumerate() {
            for item in page {
                let own = self.is_series(id(item)) || item["type"] == "seriesMaster";
                let series = item["seriesMasterId"].as_str().or(own.then(|| id(item)));
                touched.extend(series.map(|series| (series.to_owned(), number)));
                if !item["@removed"].is_null() {
                    self.rows.remove(id(item));
                } else if item["createdDateTime"].is_null() && item["type"] != "occurrence" && self.wants_instances {
                    self.update(client, item);
                } else {
                    self.rows.insert(id(item).to_owned(), item.clone());
                }
            }
        }
        if !self.wants_instances {
            return;
        }
        for (series, number) in touched {
            let page = &pages[number];
            let told: BTreeSet<&str> = page
                .iter()
                .filter(|item| item["seriesMasterId"] == series.as_str() && item["@removed"].is_null())
                .map(id)
                .collect();
            let master = page.iter().any(|item| id(item) == series && item["type"] == "seriesMaster");
            if master && !told.is_empty() {
                self.rows.retain(|id, row| row["seriesMasterId"] != series.as_str() || told.contains(id.as_str()));
            } else {
                self.ask(client, &series);
            }
        }
    }

    /// Lays an item that lacks properties over what is known of it, or asks for all of them.
    fn update(&mut self, client: &mut Client, update: &Value) {
        if let Some(row) = self.rows.get_mut(id(update)) {
            row.as_object_mut().unwrap().extend(update.as_object().unwrap().clone());
        } else {
            let whole = client.get_preferring(&format!("/me/events/{}", id(update)), self.prefer);
            if whole.status == 200 {
                self.rows.insert(id(update).to_owned(), whole.body);
            }
        }
    }

    fn is_series(&self, id: &str) -> bool {
        self.rows.values().any(|row| row["seriesMasterId"] == id)
    }

    /// Makes the members of a series what `/instances` says they are.
    fn ask(&mut self, client: &mut Client, series: &str) {
        self.rows.retain(|_, row| row["seriesMasterId"] != series);
        let mut link = Some(format!("/me/events/{series}/instances?{}&$top=100", self.window));
        while let Some(url) = link {
            let page = client.get_preferring(&url, self.prefer);
            if page.status == 404 {
                return;
            }
            let page = page.ok();
            self.rows.extend(page.items().iter().map(|item| (id(item).to_owned(), item.clone())));
            link = page.next_link();
        }
        let master = client.get_preferring(&format!("/me/events/{series}"), self.prefer).ok().body;
        if master["type"] == "seriesMaster" {
            self.rows.insert(series.to_owned(), master);
        }
    }

    /// Finishes the running round, and then one more, on a server at rest.
    pub(crate) fn settle(&mut self, client: &mut Client) {
        for _ in 0..2 {
            let mut pages = 0;
            while !self.page(client, 20, true) {
                pages += 1;
                assert!(pages < 1000, "the round does not end");
            }
        }
    }

    /// What a user would see: stubs with what they have from their masters.
    pub(crate) fn shown(&self) -> BTreeMap<String, Value> {
        let visible = self.rows.iter().filter(|(_, row)| row["type"] != "seriesMaster");
        visible.map(|(id, row)| (id.clone(), self.joined(row))).collect()
    }

    fn joined(&self, row: &Value) -> Value {
        let mut shown = Map::new();
        if row["type"] == "occurrence" {
            let master = &self.rows[row["seriesMasterId"].as_str().unwrap()];
            shown = master.as_object().unwrap().clone();
            shown.insert("recurrence".to_owned(), Value::Null);
        }
        shown.extend(row.as_object().unwrap().clone());
        comparable(&Value::Object(shown))
    }
}

/// Without OData's annotations, and without a link that no stub has.
pub(crate) fn comparable(item: &Value) -> Value {
    let kept = item.as_object().unwrap().iter().filter(|(name, _)| !name.contains("@odata.") && *name != "webLink");
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

pub(crate) fn listing(client: &mut Client, url: &str, prefer: &str) -> BTreeMap<String, Value> {
    let (mut rows, mut link) = (BTreeMap::new(), Some(url.to_owned()));
    while let Some(url) = link {
        let page = client.get_preferring(&url, prefer).ok();
        rows.extend(page.items().iter().map(|item| (id(item).to_owned(), comparable(item))));
        link = page.next_link();
    }
    rows
}

//! The catalog: what there is to select, and what somebody has selected.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{KEYS, STREAM, columns, record};

/// What of the stream is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    selected: bool,
    /// Columns that are not wanted.
    without: BTreeSet<String>,
}

impl Default for Selection {
    /// All of it.
    fn default() -> Self {
        Self { selected: true, without: BTreeSet::new() }
    }
}

/// The parts of a catalog that decide; everything else in it is for others.
#[derive(Deserialize)]
struct Catalog {
    streams: Vec<Stream>,
}

#[derive(Deserialize)]
struct Stream {
    tap_stream_id: String,
    #[serde(default)]
    metadata: Vec<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    breadcrumb: Vec<String>,
    metadata: Value,
}

impl Selection {
    /// What a catalog selects: a stream, or a column, by its metadata's `selected`, or else `selected-by-default`. Columns
    /// without either are wanted, and so are keys in any case.
    ///
    /// # Errors
    /// What is wrong with the catalog.
    pub fn of_catalog(json: &str) -> Result<Self, String> {
        let catalog: Catalog = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let Some(stream) = catalog.streams.iter().find(|stream| stream.tap_stream_id == STREAM) else {
            return Ok(Self { selected: false, ..Self::default() });
        };
        let mut selection = Self { selected: false, ..Self::default() };
        for Metadata { breadcrumb, metadata } in &stream.metadata {
            let flag = |name: &str| metadata.get(name).and_then(Value::as_bool);
            let selected = flag("selected").or_else(|| flag("selected-by-default"));
            match breadcrumb.as_slice() {
                [] => selection.selected = selected == Some(true),
                [properties, column] if properties == "properties" && selected == Some(false) => {
                    selection.without.insert(column.clone());
                }
                _ => {}
            }
        }
        Ok(selection)
    }

    /// Whether the stream is wanted at all.
    pub fn is_selected(&self) -> bool {
        self.selected
    }

    /// Whether a column is wanted.
    pub(super) fn has(&self, column: &str) -> bool {
        is_automatic(column) || !self.without.contains(column)
    }
}

/// What a record can't go without: without its keys and its end it would say something else.
fn is_automatic(column: &str) -> bool {
    KEYS.contains(&column) || column == "_sdc_deleted_at"
}

/// The catalog of all that there is, as `--discover` prints it.
pub fn discover() -> Value {
    let of_stream = json!({
        "inclusion": "available",
        "selected-by-default": true,
        "table-key-properties": KEYS,
        "forced-replication-method": "LOG_BASED",
    });
    let of_column = |column: &&str| {
        let inclusion = if is_automatic(column) { "automatic" } else { "available" };
        let metadata = json!({"inclusion": inclusion, "selected-by-default": true});
        json!({"breadcrumb": ["properties", column], "metadata": metadata})
    };
    let mut metadata = vec![json!({"breadcrumb": [], "metadata": of_stream})];
    metadata.extend(columns().iter().map(of_column));
    json!({"streams": [{
        "tap_stream_id": STREAM,
        "stream": STREAM,
        "key_properties": KEYS,
        "schema": record::schema(|_| true),
        "metadata": metadata,
    }]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_discovered_selects_everything_until_somebody_says_otherwise() {
        let mut catalog = discover();
        let of = |catalog: &Value| Selection::of_catalog(&catalog.to_string()).unwrap();
        assert_eq!(of(&catalog), Selection::default());
        let metadata = catalog["streams"][0]["metadata"].as_array_mut().unwrap();
        for entry in metadata.iter_mut() {
            let breadcrumb = entry["breadcrumb"].clone();
            if breadcrumb == json!(["properties", "event"]) || breadcrumb == json!(["properties", "id"]) {
                entry["metadata"]["selected"] = json!(false);
            }
        }
        let selection = of(&catalog);
        assert!(selection.is_selected() && selection.has("subject"));
        assert!(!selection.has("event") && selection.has("id"), "keys can't be left out");
        catalog["streams"][0]["metadata"][0]["metadata"]["selected"] = json!(false);
        assert!(!of(&catalog).is_selected());
        assert!(!of(&json!({"streams": []})).is_selected());
        assert!(Selection::of_catalog("{}").is_err());
    }
}

//! Raw JSON over raw JSON, property by property.

use std::collections::BTreeSet;

use delta_core::Event;

/// Whether a property says something about others instead of the event, such as `@odata.etag` or
/// `calendar@odata.navigationLink`.
pub(crate) fn is_annotation(name: &str) -> bool {
    name.contains("@odata.")
}

/// One payload laid over another: `over` decides where both have a property, which keeps its place. Values stay as they
/// are, byte for byte.
pub(crate) fn merge(under: &str, over: &str) -> String {
    let (Ok(under), Ok(over)) = (Event::parse(under), Event::parse(over)) else {
        // Only objects are ever stored as layers.
        return over.to_owned();
    };
    let known: BTreeSet<&str> = under.properties().map(|(name, _)| name).collect();
    let kept = under.properties().map(|(name, value)| (name, exact(&over, name).unwrap_or(value)));
    let added = over.properties().filter(|(name, _)| !known.contains(name));
    object(kept.chain(added))
}

/// Whether `item` lacks a property, annotations aside, that `whole` has.
pub(crate) fn lacks(item: &str, whole: &str) -> bool {
    let (Ok(item), Ok(whole)) = (Event::parse(item), Event::parse(whole)) else { return false };
    let has: BTreeSet<&str> = item.properties().map(|(name, _)| name).collect();
    whole.properties().any(|(name, _)| !is_annotation(name) && !has.contains(name))
}

/// Whether each property of `item`, annotations aside, is in `shown` with the same value.
pub(crate) fn adds_nothing(item: &str, shown: &str) -> bool {
    let (Ok(item), Ok(shown)) = (Event::parse(item), Event::parse(shown)) else { return false };
    item.properties().all(|(name, value)| is_annotation(name) || exact(&shown, name) == Some(value))
}

/// A property by its exact name; the last one where there are several, as most readers do.
pub(crate) fn exact<'a>(event: &Event<'a>, name: &str) -> Option<&'a str> {
    event.properties().filter(|(found, _)| *found == name).last().map(|(_, value)| value)
}

/// An object of these properties, whose values are raw JSON.
pub(crate) fn object<'a>(properties: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut json = String::from("{");
    for (name, value) in properties {
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&serde_json::Value::from(name).to_string());
        json.push(':');
        json.push_str(value);
    }
    json.push('}');
    json
}

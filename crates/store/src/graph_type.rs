//! An event's `type` in what is stored: Graph's own words, and none for what Graph did not say.

use delta_core::EventType;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) fn serialize<S: Serializer>(kind: &EventType, serializer: S) -> Result<S::Ok, S::Error> {
    kind.as_graph().serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<EventType, D::Error> {
    let word = Option::<String>::deserialize(deserializer)?;
    Ok(word.as_deref().map(EventType::from_graph).unwrap_or_default())
}

/// Whether there is no word for it.
pub(crate) fn is_unknown(kind: &EventType) -> bool {
    kind.as_graph().is_none()
}

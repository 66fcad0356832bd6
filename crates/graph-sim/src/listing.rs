//! Plain collections: pages by `$top` and `$skip`, and `$select`.

use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::error::GraphError;
use crate::event::Object;

/// How many items a page has when nobody says (observed for events and calendars).
const DEFAULT_PAGE: usize = 10;
const LARGEST_PAGE: usize = 1000;

/// Answers with one page of the items; only those on it are shown.
pub(crate) fn page<T>(
    call: &Call,
    context: &str,
    items: Vec<T>,
    show: impl Fn(T) -> Object,
) -> Result<Reply, GraphError> {
    refuse_unsupported(call)?;
    let top = number(call, "$top")?.or(call.view.preferences.page_size).unwrap_or(DEFAULT_PAGE).min(LARGEST_PAGE);
    let skip = number(call, "$skip")?.unwrap_or(0);
    let end = skip.saturating_add(top);
    let more = items.len() > end && top > 0;
    let value: Vec<Value> =
        items.into_iter().skip(skip).take(top).map(|item| Value::Object(select(call, show(item)))).collect();
    let mut body = json!({"@odata.context": call.context(context), "value": value});
    if let (true, Some(body)) = (more, body.as_object_mut()) {
        let link = call.link(&call.query.replaced("$skip", &format!("$skip={end}")));
        body.insert("@odata.nextLink".to_owned(), link);
    }
    Ok(Reply::ok(body))
}

/// Answers with one object.
pub(crate) fn single(call: &Call, context: &str, object: Object) -> Value {
    let mut object = select(call, object);
    object.insert("@odata.context".to_owned(), call.context(&format!("{context}/$entity")));
    Value::Object(object)
}

/// Only the properties that `$select` names, beside the id and what OData itself says.
fn select(call: &Call, object: Object) -> Object {
    let Some(wanted) = call.query.get("$select") else { return object };
    let wanted: Vec<&str> = wanted.split(',').map(str::trim).collect();
    let keep =
        |name: &str| name == "id" || name.starts_with('@') || wanted.iter().any(|w| w.eq_ignore_ascii_case(name));
    object.into_iter().filter(|(name, _)| keep(name)).collect()
}

/// Silence about an option that is not simulated would be a wrong answer.
fn refuse_unsupported(call: &Call) -> Result<(), GraphError> {
    for option in ["$filter", "$search", "$expand"] {
        if call.query.get(option).is_some() {
            return Err(GraphError::not_implemented(option));
        }
    }
    // Calendar views come in this order anyway.
    let by_start = |order: &str| {
        let order = order.trim().to_ascii_lowercase();
        order.strip_suffix(" asc").unwrap_or(&order) == "start/datetime"
    };
    match call.query.get("$orderby") {
        Some(order) if !(by_start(order) && call.path.to_ascii_lowercase().ends_with("calendarview")) => {
            Err(GraphError::not_implemented("$orderby"))
        }
        _ => Ok(()),
    }
}

fn number(call: &Call, name: &str) -> Result<Option<usize>, GraphError> {
    let Some(value) = call.query.get(name) else { return Ok(None) };
    let message = || {
        format!(
            "Invalid value '{value}' for {name} query option found. The {name} query option requires a non-negative \
             integer value."
        )
    };
    let number = value.parse().map_err(|_| GraphError::new(http::StatusCode::BAD_REQUEST, "BadRequest", message()))?;
    Ok(Some(number))
}

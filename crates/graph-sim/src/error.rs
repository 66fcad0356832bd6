//! Graph's errors: a status, a code and a message, in Graph's JSON envelope.
//!
//! Where a code and text were captured from the service, the function says so; the others follow Graph's
//! documentation of errors, and clients should not depend on their exact words.

use http::StatusCode;
use serde_json::{Value, json};

use crate::time::{self, Instant};

/// An answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GraphError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// What the next token must have, in base64.
    pub(crate) claims: Option<String>,
}

impl GraphError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), claims: None }
    }

    fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn unauthenticated(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message)
    }

    /// The token was issued before something changed that its user's tenant wants checked (Graph's documentation of
    /// continuous access evaluation).
    pub(crate) fn claims_wanted(claims: String) -> Self {
        let message = "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: \
                       TokenIssuedBeforeRevocationTimestamp";
        Self { claims: Some(claims), ..Self::unauthenticated(message) }
    }

    /// Observed, for tokens of applications.
    pub(crate) fn no_me() -> Self {
        Self::bad_request("BadRequest", "/me request is only valid with delegated authentication flow.")
    }

    /// Observed, for tokens without the permission.
    pub(crate) fn access_denied() -> Self {
        let message = "Access is denied. Check credentials and try again.";
        Self::new(StatusCode::FORBIDDEN, "ErrorAccessDenied", message)
    }

    /// Observed, for events and calendars alike.
    pub(crate) fn item_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "ErrorItemNotFound", "The specified object was not found in the store.")
    }

    pub(crate) fn invalid_user(user: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "ErrorInvalidUser", format!("The requested user '{user}' is invalid."))
    }

    pub(crate) fn resource_not_found(id: &str) -> Self {
        let message =
            format!("Resource '{id}' does not exist or one of its queried reference-property objects are not present.");
        Self::new(StatusCode::NOT_FOUND, "Request_ResourceNotFound", message)
    }

    /// The code was observed in Softeria/ms-365-mcp-server#388.
    pub(crate) fn group_in_non_group_uri() -> Self {
        Self::bad_request("ErrorGroupIsUsedInNonGroupURI", "Group Shard is used in non-Groups URI.")
    }

    /// Observed with status 400, not 404, in microsoft-graph-docs#4052.
    pub(crate) fn unknown_segment(segment: &str) -> Self {
        Self::bad_request("BadRequest", format!("Resource not found for the segment '{segment}'."))
    }

    pub(crate) fn unknown_version(version: &str) -> Self {
        Self::bad_request("BadRequest", format!("Invalid version: {version}."))
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "Specified HTTP method is not allowed for the request target.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "Request_BadRequest", message)
    }

    pub(crate) fn not_implemented(what: &str) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", format!("graph-sim does not simulate {what}."))
    }

    pub(crate) fn unreadable_body() -> Self {
        let message = "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is \
                       of valid JSON format.";
        Self::bad_request("BadRequest", message)
    }

    /// A property of the wrong type, or an enumeration member that does not exist.
    pub(crate) fn bad_property(property: &str) -> Self {
        Self::bad_request("RequestBodyRead", format!("The value of property '{property}' cannot be read."))
    }

    /// What cannot be read as what it should be, such as a date of another form or an unknown pattern (observed in
    /// msgraph-sdk-javascript#404 and msgraph-sdk-php#355).
    pub(crate) fn undeserialisable() -> Self {
        Self::bad_request("UnableToDeserializePostBody", "were unable to deserialize ")
    }

    /// Code and message are those of Exchange Web Services.
    pub(crate) fn no_occurrence() -> Self {
        let message = "Recurrence has no occurrences in the specified range.";
        Self::bad_request("ErrorRecurrenceHasNoOccurrence", message)
    }

    /// By Graph's documentation of updating events: an occurrence may not reach or pass the day of its neighbours.
    pub(crate) fn crossing_boundary() -> Self {
        let message = "Modified occurrence is crossing or overlapping adjacent occurrence.";
        Self::bad_request("ErrorOccurrenceCrossingBoundary", message)
    }

    /// Observed in microsoft-graph-docs#7919, for an event that ended before it started.
    pub(crate) fn property_validation() -> Self {
        Self::bad_request("ErrorPropertyValidationFailure", "At least one property failed validation.")
    }

    pub(crate) fn not_midnight(property: &str) -> Self {
        let message = format!("The Event.{property} property for an all-day event needs to be set to midnight.");
        Self::bad_request("ErrorInvalidRequest", message)
    }

    /// Observed in microsoft-graph-docs#4758 and #6870.
    pub(crate) fn unknown_time_zone(name: &str) -> Self {
        let message = format!(
            "A valid TimeZone value must be specified. The following TimeZone value is not supported: '{name}'."
        );
        Self::bad_request("TimeZoneNotSupportedException", message)
    }

    /// Observed in msgraph-beta-sdk-dotnet#1015 and msgraph-sdk-javascript#529.
    pub(crate) fn invalid_parameter(name: &str, value: &str) -> Self {
        Self::bad_request("ErrorInvalidParameter", format!("The value '{value}' of parameter '{name}' is invalid."))
    }

    /// Observed in microsoft-graph-docs#57 and #4342.
    pub(crate) fn window_required() -> Self {
        let message = "This request requires a time window specified by the query string parameters StartDateTime and \
                       EndDateTime.";
        Self::bad_request("ErrorInvalidParameter", message)
    }

    /// Observed in microsoft-graph-docs#6284.
    pub(crate) fn window_too_long(days: i32) -> Self {
        let message = format!(
            "Your request can't be completed. The range between the start and end dates is greater than the allowed \
             range. Maximum number of days: {days}"
        );
        Self::bad_request("ErrorInvalidRequest", message)
    }

    pub(crate) fn window_reversed() -> Self {
        let message = "The value of parameter 'EndDateTime' must not be earlier than the value of 'StartDateTime'.";
        Self::bad_request("ErrorInvalidParameter", message)
    }

    /// Observed for calendar views.
    pub(crate) fn options_on_delta(resource: &str) -> Self {
        let message = format!(
            "The following parameters are not supported with change tracking over the '{resource}' resource: \
             '$orderby, $filter, $select, $expand, $search'."
        );
        Self::bad_request("ErrorInvalidUrlQuery", message)
    }

    /// Observed, over `CalendarView` and over `SyncEvents`.
    pub(crate) fn top_on_delta(resource: &str) -> Self {
        let message = format!(
            "The '$top' parameter is not supported with change tracking over the '{resource}' resource as page size \
             cannot be guaranteed. Express page size preferences using the Prefer: odata.maxpagesize= header instead."
        );
        Self::bad_request("ErrorInvalidUrlQuery", message)
    }

    pub(crate) fn end_on_events_delta() -> Self {
        let message =
            "The 'EndDateTime' parameter is not supported with change tracking over the 'SyncEvents' resource.";
        Self::bad_request("ErrorInvalidUrlQuery", message)
    }

    /// Observed in msgraph-metadata#608.
    pub(crate) fn no_change_tracking() -> Self {
        let message = "Unsupported request: Change tracking is not supported against 'microsoft.graph.event'.";
        Self::bad_request("BadRequest", message)
    }

    /// A batch that lacks what its parts need: an id, a method, a relative URL.
    pub(crate) fn bad_batch() -> Self {
        Self::bad_request("BadRequest", "Invalid batch payload format.")
    }

    /// Observed: people quote it from the changelogs of their clients.
    pub(crate) fn batch_too_large(most: usize) -> Self {
        let message = format!("Number of batch request steps exceeds the maximum value of {most}.");
        Self::bad_request("MaximumValueExceeded", message)
    }

    pub(crate) fn batch_id_twice(id: &str) -> Self {
        Self::bad_request("BadRequest", format!("Request Id : {id} has to be unique in a batch."))
    }

    /// The message was observed by the authors of PnP Core.
    pub(crate) fn batch_write_without_body(id: &str) -> Self {
        let message = format!("Write request id : {id} does not contain Content-Type header or body.");
        Self::bad_request("BadRequest", message)
    }

    /// What becomes of a part when one that it depends on has failed, by Graph's documentation of batches.
    pub(crate) fn failed_dependency() -> Self {
        Self::new(StatusCode::FAILED_DEPENDENCY, "FailedDependency", "A request that this one depends on has failed.")
    }

    /// Observed in microsoft-graph-docs#8760, for parts of a batch.
    pub(crate) fn mailbox_concurrency() -> Self {
        let message = "Application is over its MailboxConcurrency limit.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "ApplicationThrottled", message)
    }

    pub(crate) fn too_many_requests() -> Self {
        let message = "Application is over its request limit for this mailbox.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message)
    }

    pub(crate) fn bad_token() -> Self {
        Self::bad_request("BadRequest", "Badly formed token.")
    }

    /// The message was observed in microsoft-graph-docs#2350, #2839 and #2877: the generation asked for, the highest
    /// one, and those that are kept.
    pub(crate) fn sync_state_not_found(generation: u64, kept: &[u64]) -> Self {
        let (newest, older) = kept.split_last().map_or((None, kept), |(newest, older)| (Some(newest), older));
        let highest = newest.copied().unwrap_or_default();
        let ring: String = newest.into_iter().chain(older).map(|kept| format!("[{kept}]")).collect();
        let message =
            format!("The sync state generation is not found; generation={generation};[highest={highest}]{ring}.");
        Self::new(StatusCode::GONE, "SyncStateNotFound", message)
    }

    /// Graph's envelope around this error.
    pub(crate) fn body(&self, now: Instant, request_id: &str, client_request_id: &str) -> Value {
        json!({
            "error": {
                "code": self.code,
                "message": self.message,
                "innerError": {
                    "date": time::to_the_second(now),
                    "request-id": request_id,
                    "client-request-id": client_request_id,
                },
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expired_token_names_the_generations_as_graph_does() {
        let error = GraphError::sync_state_not_found(149, &[155, 156, 157]);
        assert_eq!(error.status, StatusCode::GONE);
        assert_eq!(
            error.message,
            "The sync state generation is not found; generation=149;[highest=157][157][155][156]."
        );
        let none = GraphError::sync_state_not_found(3, &[]);
        assert_eq!(none.message, "The sync state generation is not found; generation=3;[highest=0].");
    }
}

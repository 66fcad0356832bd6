//! The authority's errors: an OAuth error, and a number of Microsoft's own, from its reference of error codes.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::json;

use crate::time::{self, Instant};

/// A no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) error: &'static str,
    code: u32,
    message: String,
}

impl Refusal {
    fn new(error: &'static str, code: u32, message: impl Into<String>) -> Self {
        Self { error, code, message: message.into() }
    }

    pub(super) fn missing(parameter: &str) -> Self {
        let message = format!("The request body must contain the following parameter: '{parameter}'.");
        Self::new("invalid_request", 900_144, message)
    }

    pub(super) fn bad_request(message: &str) -> Self {
        Self::new("invalid_request", 900_561, message)
    }

    pub(super) fn unsupported_grant(grant: &str) -> Self {
        Self::new("unsupported_grant_type", 70_003, format!("The app requested an unsupported grant type '{grant}'."))
    }

    pub(super) fn unknown_client(client: &str, tenant: &str) -> Self {
        let message = format!("Application with identifier '{client}' was not found in the directory '{tenant}'.");
        Self::new("unauthorized_client", 700_016, message)
    }

    pub(super) fn bad_secret() -> Self {
        Self::new(
            "invalid_client",
            7_000_215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value.",
        )
    }

    pub(super) fn bad_assertion(why: &str) -> Self {
        Self::new(
            "invalid_client",
            700_027,
            format!(
                "The certificate with identifier used to sign the client assertion is not registered on application, or its signature is invalid: {why}."
            ),
        )
    }

    pub(super) fn assertion_out_of_time() -> Self {
        Self::new("invalid_client", 700_024, "Client assertion is not within its valid time range.")
    }

    pub(super) fn credential_wanted() -> Self {
        Self::new(
            "invalid_client",
            7_000_218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        )
    }

    pub(super) fn no_shared_tenant() -> Self {
        Self::new(
            "invalid_request",
            50_059,
            "No tenant-identifying information found in either the request or implied by any provided credentials.",
        )
    }

    pub(super) fn bad_redirect(uri: &str) -> Self {
        Self::new(
            "invalid_request",
            50_011,
            format!(
                "The redirect URI '{uri}' specified in the request does not match the redirect URIs configured for the application."
            ),
        )
    }

    pub(super) fn bad_scope() -> Self {
        Self::new(
            "invalid_scope",
            70_011,
            "The provided request must include a 'scope' input parameter, and it is not valid.",
        )
    }

    pub(super) fn expired_code() -> Self {
        Self::new(
            "invalid_grant",
            70_008,
            "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.",
        )
    }

    pub(super) fn used_code() -> Self {
        Self::new(
            "invalid_grant",
            54_005,
            "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.",
        )
    }

    pub(super) fn bad_verifier() -> Self {
        Self::new(
            "invalid_grant",
            501_481,
            "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
        )
    }

    pub(super) fn bad_grant() -> Self {
        Self::new("invalid_grant", 9_002_313, "Invalid request. Request is malformed or invalid.")
    }

    pub(super) fn expired_refresh_token() -> Self {
        Self::new("invalid_grant", 700_082, "The refresh token has expired due to inactivity.")
    }

    pub(super) fn revoked() -> Self {
        Self::new(
            "invalid_grant",
            50_173,
            "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.",
        )
    }

    pub(super) fn more_than_a_refresh() -> Self {
        Self::new(
            "interaction_required",
            50_076,
            "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access this resource.",
        )
    }

    pub(super) fn consent() -> Self {
        Self::new(
            "invalid_grant",
            65_001,
            "The user or administrator has not consented to use the application. Send an interactive authorization request for this user and resource.",
        )
    }

    pub(super) fn admin_consent() -> Self {
        Self::new(
            "access_denied",
            90_094,
            "The grant requires admin permission. Ask an admin to grant permission to this app before you can use it.",
        )
    }

    pub(super) fn declined() -> Self {
        Self::new("access_denied", 65_004, "User declined to consent to access the app.")
    }

    pub(super) fn device_code_blocked() -> Self {
        Self::new(
            "interaction_required",
            53_003,
            "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
        )
    }

    pub(super) fn pending() -> Self {
        Self::new(
            "authorization_pending",
            70_016,
            "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
        )
    }

    pub(super) fn too_fast() -> Self {
        Self::new("slow_down", 70_016, "OAuth 2.0 device flow error. Polling too often.")
    }

    pub(super) fn device_declined() -> Self {
        Self::new("authorization_declined", 70_018, "The end user denied the authorization request.")
    }

    pub(super) fn device_code_expired() -> Self {
        Self::new(
            "expired_token",
            70_020,
            "The provided value for the input parameter 'device_code' is not valid. This device code has expired.",
        )
    }

    /// The words, as they stand in a body and behind a redirect.
    pub(super) fn description(&self, now: Instant, trace: &str, correlation: &str) -> String {
        let stamp = time::to_the_second(now).replace('T', " ");
        let Self { code, message, .. } = self;
        format!("AADSTS{code}: {message} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}Z")
    }

    pub(super) fn response(&self, now: Instant, trace: &str, correlation: &str) -> Response<Bytes> {
        let body = json!({
            "error": self.error,
            "error_description": self.description(now, trace, correlation),
            "error_codes": [self.code],
            "timestamp": format!("{}Z", time::to_the_second(now).replace('T', " ")),
            "trace_id": trace,
            "correlation_id": correlation,
        });
        let status = if self.error == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        super::json(status, &body)
    }
}

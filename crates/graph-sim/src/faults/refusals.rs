//! The words for answers that are errors.

use serde::{Deserialize, Deserializer, Serialize};

/// An error of any status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatusFault {
    /// From 400 to 599.
    #[serde(deserialize_with = "failure")]
    pub status: u16,
    /// Graph's code; without, the usual one for the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// A code inside the inner error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner_code: Option<String>,
    /// Graph's message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What the body is.
    #[serde(default)]
    pub body: ErrorBody,
    /// One `Retry-After` header each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retry_after: Vec<RetryAfter>,
}

impl StatusFault {
    /// An error with Graph's body and its usual code.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            code: None,
            inner_code: None,
            message: None,
            body: ErrorBody::default(),
            retry_after: Vec::new(),
        }
    }

    /// With this code.
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// With this body.
    pub fn body(mut self, body: ErrorBody) -> Self {
        self.body = body;
        self
    }

    /// With one more `Retry-After` header, as it stands.
    pub fn retry_after(mut self, line: impl Into<String>) -> Self {
        self.retry_after.push(RetryAfter::Line(line.into()));
        self
    }

    /// With one more `Retry-After` header, a date so many seconds after the `Date` header; before it, if negative.
    pub fn retry_at(mut self, seconds: i64) -> Self {
        self.retry_after.push(RetryAfter::Date { http_date: seconds });
        self
    }
}

/// What the body of an error is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ErrorBody {
    /// Graph's JSON.
    #[default]
    Graph,
    /// Nothing, as 503 was seen to have.
    Empty,
    /// A web page, as gateways send it.
    Html,
    /// Bytes that are neither text nor JSON.
    Garbage,
}

/// One `Retry-After` header. Reports have seconds, fractions, lists such as `0,120` (msgraph-sdk-java-core#732), dates,
/// and several lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    rename_all_fields = "camelCase",
    deny_unknown_fields,
    expecting = "a header line as text, or {\"httpDate\": SECONDS}"
)]
pub enum RetryAfter {
    /// As it stands.
    Line(String),
    /// A date.
    Date {
        /// So many seconds after the `Date` header; before it, if negative.
        http_date: i64,
    },
}

/// A demand for another access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// From 400 to 499: 401, or 403, which conditional access uses.
    #[serde(default = "unauthorized", deserialize_with = "failure")]
    pub status: u16,
    /// The claims that the new token must have, as JSON text; without, the token is just no longer good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<String>,
    /// Where the claims stand.
    #[serde(default)]
    pub form: ClaimsForm,
}

impl Challenge {
    /// 401 without claims.
    pub fn expired() -> Self {
        Self { status: unauthorized(), claims: None, form: ClaimsForm::default() }
    }

    /// 401 with claims in this form.
    pub fn claims(claims: impl Into<String>, form: ClaimsForm) -> Self {
        Self { status: unauthorized(), claims: Some(claims.into()), form }
    }
}

/// Where claims stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClaimsForm {
    /// In the header, base64 with padding, as continuous access evaluation sends them.
    #[default]
    Base64,
    /// In the header, URL-safe base64 without padding.
    Base64Url,
    /// In the body, under the code `ClaimsChallengeRequiredException`.
    Body,
}

/// 410: the sync state is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gone {
    /// The code, in any spelling; `SyncStateNotFound` without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Whether a `Location` says where to begin anew.
    pub location: GoneLocation,
}

/// The `Location` header of a 410.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GoneLocation {
    /// None, as observed in microsoft-graph-docs#2350.
    #[default]
    None,
    /// The resource with an empty `$deltatoken`, as Graph's documentation has it.
    EmptyToken,
    /// A hostile place, drawn from the plan's seed.
    Foreign,
}

fn unauthorized() -> u16 {
    401
}

fn failure<'de, D: Deserializer<'de>>(reader: D) -> Result<u16, D::Error> {
    between(reader, 400, 599)
}

/// A status in these bounds.
pub(super) fn between<'de, D: Deserializer<'de>>(reader: D, first: u16, last: u16) -> Result<u16, D::Error> {
    let status = u16::deserialize(reader)?;
    let message = || serde::de::Error::custom(format!("the status {status} must be from {first} to {last}"));
    if (first..=last).contains(&status) { Ok(status) } else { Err(message()) }
}

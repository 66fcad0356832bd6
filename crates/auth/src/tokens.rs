//! What the token endpoint gives.

use std::fmt;
use std::time::Duration;

use delta_core::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::jwt::Identity;
use crate::scopes::{Scopes, permission};
use crate::secret::Secret;

/// An access token, and what came with it.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    /// What Graph wants to see.
    pub access_token: Secret,
    /// When it ends.
    pub expires_at: Timestamp,
    /// For how long it is good, from its beginning.
    pub lifetime: Duration,
    /// What the next tokens are had with. Each refresh gives a new one, which takes the place of this one.
    pub refresh_token: Option<Secret>,
    /// Which permissions it has, by their own names.
    pub permissions: Vec<String>,
    /// Whose it is; unknown for applications.
    pub identity: Option<Identity>,
}

#[derive(Deserialize)]
struct Wire {
    token_type: Option<String>,
    access_token: String,
    expires_in: Value,
    refresh_token: Option<String>,
    scope: Option<String>,
    id_token: Option<String>,
}

impl Tokens {
    /// Reads a success of the token endpoint; what is no such thing is named.
    pub(crate) fn read(body: &[u8], asked: &Scopes, now: Timestamp) -> Result<Self, &'static str> {
        let wire: Wire = serde_json::from_slice(body).map_err(|_| "has no access token with an expiry")?;
        if !wire.token_type.is_none_or(|kind| kind.eq_ignore_ascii_case("bearer")) {
            return Err("has a token of another type than Bearer");
        }
        let seconds = seconds(&wire.expires_in).ok_or("has no access token with an expiry")?;
        // Without `scope`, what was asked for was granted (RFC 6749, section 5.1).
        let granted = wire.scope.unwrap_or_else(|| asked.to_string());
        let whole = |text: String| Some(Secret::new(&text)).filter(|secret| !secret.is_empty());
        Ok(Self {
            access_token: whole(wire.access_token).ok_or("has an empty access token")?,
            expires_at: now.plus_seconds(i64::try_from(seconds).unwrap_or(i64::MAX)),
            lifetime: Duration::from_secs(seconds),
            refresh_token: wire.refresh_token.and_then(whole),
            permissions: granted.split_whitespace().map(|scope| permission(scope).to_owned()).collect(),
            identity: wire.id_token.as_deref().and_then(Identity::of_id_token),
        })
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expires_at, permissions, refresh_token, .. } = self;
        f.debug_struct("Tokens")
            .field("expires_at", expires_at)
            .field("permissions", permissions)
            .field("refreshable", &refresh_token.is_some())
            .finish_non_exhaustive()
    }
}

/// A number of seconds: some servers write it as a text.
pub(crate) fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

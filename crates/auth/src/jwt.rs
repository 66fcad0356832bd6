//! What can be read in tokens.
//!
//! An id token that came from the token endpoint over TLS needs no check of its signature (OpenID Connect Core, section
//! 3.1.3.7). Access tokens are Graph's business, not ours: where one happens to be readable it is good for a diagnosis
//! and for nothing else.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// The tenant of all personal Microsoft accounts (Microsoft's documentation of id tokens).
const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Whose tokens they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name to log in with, such as `samanthab@contoso.com`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The name that people read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The tenant's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The account's id in its tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_id: Option<String>,
}

/// The kinds of account, which differ in the permissions that they need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// A person at work or school.
    Work,
    /// A person with an account of their own, such as at outlook.com.
    Personal,
    /// No person: the application itself.
    Application,
}

impl Identity {
    pub(crate) fn of_id_token(token: &str) -> Option<Self> {
        let claims: IdToken = read(token)?;
        Some(Self {
            username: claims.preferred_username,
            name: claims.name,
            tenant_id: claims.tid,
            object_id: claims.oid,
        })
    }

    /// The kind of this person's account.
    pub fn kind(&self) -> AccountKind {
        if self.tenant_id.as_deref() == Some(PERSONAL) { AccountKind::Personal } else { AccountKind::Work }
    }
}

/// What an access token says to have been granted, if it can be read at all: those of personal accounts can't.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The permissions of a person's token.
    pub delegated: Vec<String>,
    /// The permissions of an application's token.
    pub application: Vec<String>,
}

impl Granted {
    /// Looks into an access token.
    pub fn of(token: &Secret) -> Option<Self> {
        let claims: AccessToken = read(token.expose())?;
        let delegated = claims.scp.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        Some(Self { delegated, application: claims.roles.unwrap_or_default() })
    }
}

#[derive(Deserialize)]
struct IdToken {
    preferred_username: Option<String>,
    name: Option<String>,
    tid: Option<String>,
    oid: Option<String>,
}

#[derive(Deserialize)]
struct AccessToken {
    scp: Option<String>,
    roles: Option<Vec<String>>,
}

/// The claims of a JWT.
fn read<T: serde::de::DeserializeOwned>(token: &str) -> Option<T> {
    let (_, rest) = token.split_once('.')?;
    let (claims, _) = rest.split_once('.')?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?).ok()
}

/// Sixteen random bytes as a GUID, marked as such (RFC 9562, version 4).
pub(crate) fn guid(bytes: [u8; 16]) -> String {
    let number = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{number:032x}");
    let mut text = String::with_capacity(36);
    for (at, digit) in hex.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(claims: &serde_json::Value) -> String {
        format!("e30.{}.sig", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn an_account_is_personal_by_its_tenant() {
        let of = |tid: &str| Identity::of_id_token(&token(&json!({"tid": tid, "preferred_username": "s@x"}))).unwrap();
        assert_eq!(of(PERSONAL).kind(), AccountKind::Personal);
        assert_eq!(of("11111111-2222-3333-4444-555555555555").kind(), AccountKind::Work);
    }

    #[test]
    fn a_token_that_is_no_jwt_says_nothing() {
        for text in ["", "EwBwA8l6BAAU", "a.b", "a.b.c", "a.e30.c.d", "..", "e30.W10.x"] {
            let granted = Granted::of(&Secret::new(text));
            assert!(granted.is_none_or(|granted| granted.delegated.is_empty()), "{text}");
        }
        let granted = Granted::of(&Secret::new(&token(&json!({"scp": "Calendars.Read openid"})))).unwrap();
        assert_eq!(granted.delegated, ["Calendars.Read", "openid"]);
    }

    #[test]
    fn a_guid_has_its_version() {
        assert_eq!(guid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}

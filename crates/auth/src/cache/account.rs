//! What is kept of an account.

use std::time::Duration;

use delta_core::{ServiceRoot, Timestamp};
use serde::{Deserialize, Serialize};

use super::source::{CredentialSource, SourceError};
use crate::authority::Authority;
use crate::claims::Claims;
use crate::client::Client;
use crate::jwt::{AccountKind, Identity};
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::tokens::Tokens;

/// The version of the file.
const FORMAT: u32 = 1;
/// How long before its end a token is renewed, at most: long enough for a request and for clocks that disagree a little.
const AHEAD: Duration = Duration::from_secs(300);

/// An account: how it logs in, and what it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    format: u32,
    /// Where it logs in.
    pub authority: Authority,
    /// The Graph that its tokens are for.
    pub graph_root: ServiceRoot,
    /// The application's registration.
    pub client_id: String,
    /// How the application proves who it is.
    pub credential: CredentialSource,
    /// What is asked for.
    pub scopes: Scopes,
    /// What kind of account it is.
    pub kind: AccountKind,
    /// Whose it is; unknown for applications.
    pub identity: Option<Identity>,
    /// When the login was.
    pub logged_in_at: Timestamp,
    /// What it has.
    pub kept: Kept,
    /// Claims that the server wants and that took more than a refresh: the next login asks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted_claims: Option<String>,
}

/// The tokens of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The access token.
    pub access_token: Secret,
    /// When it ends.
    pub expires_at: Timestamp,
    /// For how many seconds it was good.
    pub lifetime: u64,
    /// What the next one is had with; applications need none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
    /// Which permissions it has.
    pub permissions: Vec<String>,
}

impl Account {
    /// An account that has just logged in.
    pub fn new(
        client: &Client,
        credential: CredentialSource,
        graph_root: ServiceRoot,
        scopes: Scopes,
        tokens: &Tokens,
        now: Timestamp,
    ) -> Self {
        let kind = match &tokens.identity {
            Some(identity) => identity.kind(),
            None if tokens.refresh_token.is_some() => AccountKind::Work,
            None => AccountKind::Application,
        };
        Self {
            format: FORMAT,
            authority: client.authority().clone(),
            graph_root,
            client_id: client.id().to_owned(),
            credential,
            scopes,
            kind,
            identity: tokens.identity.clone(),
            logged_in_at: now,
            kept: Kept::of(tokens, None),
            wanted_claims: None,
        }
    }

    /// The application that logs in.
    ///
    /// # Errors
    /// [`SourceError`] if its credential can't be had.
    pub fn client(&self) -> Result<Client, SourceError> {
        Ok(Client::new(self.authority.clone(), &self.client_id, self.credential.load()?))
    }

    /// The access token, if it is good for a while yet.
    pub fn usable(&self, now: Timestamp) -> Option<&Secret> {
        let ahead = AHEAD.min(Duration::from_secs(self.kept.lifetime / 10));
        let until = self.kept.expires_at.plus_seconds(-i64::try_from(ahead.as_secs()).unwrap_or_default());
        (now < until).then_some(&self.kept.access_token)
    }

    /// Takes new tokens. A refresh token that did not come anew stays as it was.
    pub fn renew(&mut self, tokens: &Tokens) {
        self.kept = Kept::of(tokens, self.kept.refresh_token.take());
        self.identity = tokens.identity.clone().or(self.identity.take());
        self.wanted_claims = None;
    }

    /// The claims that the next login asks for.
    pub fn wanted_claims(&self) -> Option<Claims> {
        Claims::of_challenge(self.wanted_claims.as_deref()?).ok()
    }

    pub(super) fn from_json(json: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(json).ok().filter(|account| account.format == FORMAT)
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        // Nothing in it can't be written.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}

impl Kept {
    fn of(tokens: &Tokens, before: Option<Secret>) -> Self {
        Self {
            access_token: tokens.access_token.clone(),
            expires_at: tokens.expires_at,
            lifetime: tokens.lifetime.as_secs(),
            refresh_token: tokens.refresh_token.clone().or(before),
            permissions: tokens.permissions.clone(),
        }
    }
}

//! The authorization code flow with PKCE (RFC 6749, 7636) on a loopback redirect (RFC 8252): a browser is sent to the
//! authority, and brings a code back to this machine.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use delta_core::Timestamp;
use ring::digest;

use crate::claims::{self, Claims};
use crate::client::Client;
use crate::error::{Context, Error};
use crate::redeem::{Grant, Redemption};
use crate::scopes::Scopes;
use crate::secret::Secret;

/// The randomness of one login.
#[derive(Clone)]
pub struct Entropy {
    /// What the verifier is made of, which proves that who redeems the code is who began.
    pub verifier: [u8; 32],
    /// What the state is made of, which proves that the browser's answer belongs to this login.
    pub state: [u8; 16],
    /// What ids follow from.
    pub ids: [u8; 16],
}

/// A login by browser.
#[derive(Clone)]
pub struct Authorization {
    client: Client,
    scopes: Scopes,
    claims: Option<Claims>,
    redirect_uri: String,
    login_hint: Option<String>,
    verifier: Secret,
    state: Secret,
    ids: [u8; 16],
}

impl Authorization {
    /// Begins, with the address at which this machine waits for the browser, such as `http://localhost:8123`.
    pub fn new(client: &Client, scopes: &Scopes, redirect_uri: &str, entropy: &Entropy) -> Self {
        Self {
            client: client.clone(),
            scopes: scopes.clone(),
            claims: None,
            redirect_uri: redirect_uri.to_owned(),
            login_hint: None,
            verifier: Secret::new(&BASE64_URL_SAFE_NO_PAD.encode(entropy.verifier)),
            state: Secret::new(&BASE64_URL_SAFE_NO_PAD.encode(entropy.state)),
            ids: entropy.ids,
        }
    }

    /// Asks for tokens with these claims.
    #[must_use]
    pub fn with_claims(mut self, claims: Option<Claims>) -> Self {
        self.claims = claims;
        self
    }

    /// Says who is expected to log in; otherwise the person is asked.
    #[must_use]
    pub fn with_login_hint(mut self, login_hint: Option<String>) -> Self {
        self.login_hint = login_hint;
        self
    }

    /// Where to send the browser. Whoever reads it learns no secret that would be of use elsewhere.
    pub fn url(&self) -> String {
        let challenge = digest::digest(&digest::SHA256, self.verifier.expose().as_bytes());
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("client_id", &self.client.id)
            .append_pair("response_type", "code")
            .append_pair("response_mode", "query")
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", &self.scopes.to_string())
            .append_pair("state", self.state.expose())
            .append_pair("code_challenge", &BASE64_URL_SAFE_NO_PAD.encode(challenge))
            .append_pair("code_challenge_method", "S256")
            .append_pair("claims", &claims::parameter(self.claims.as_ref()));
        match &self.login_hint {
            Some(hint) => query.append_pair("login_hint", hint),
            // Who has several accounts wants to choose, and not to find out later.
            None => query.append_pair("prompt", "select_account"),
        };
        format!("{}?{}", self.client.authority.authorize(), query.finish())
    }

    /// Takes the query with which the browser came back.
    ///
    /// # Errors
    /// [`Error::Foreign`] if it does not belong to this login: then the right one may still come. [`Error::Refused`] if
    /// the authority said no.
    pub fn callback(&self, query: &str, now: Timestamp) -> Result<Redemption, Error> {
        let find = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
        };
        if find("state").as_deref() != Some(self.state.expose()) {
            return Err(Error::Foreign);
        }
        if let Some(error) = find("error") {
            let description = find("error_description").unwrap_or_default();
            let context = Context::new(&self.client, &[], false);
            return Err(context.named(&error, &description, None));
        }
        let code = find("code").filter(|code| !code.is_empty()).ok_or(Error::Foreign)?;
        let (redirect_uri, verifier) = (self.redirect_uri.clone(), self.verifier.clone());
        let grant = Grant::AuthorizationCode { code: Secret::new(&code), redirect_uri, verifier };
        Redemption::new(&self.client, grant, &self.scopes, self.claims.as_ref(), now, self.ids)
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization")
            .field("client", &self.client)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

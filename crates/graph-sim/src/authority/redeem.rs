//! The token endpoint.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::browser::{claims, scopes};
use super::client::{Client, Place, sha256};
use super::form::Form;
use super::issued::{Grant, Subject};
use super::refusal::Refusal;
use super::{Authority, TENANT, json as json_response};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

impl Authority {
    pub(super) fn token(&mut self, form: &Form, place: Place<'_>) -> Result<Response<Bytes>, Refusal> {
        let grant_type = form.need("grant_type")?;
        let client = Client::authenticate(&self.policy, form, place)?;
        let mut grant = match grant_type {
            "authorization_code" => self.code(form, place)?,
            "refresh_token" => self.refreshed(form, place)?,
            DEVICE_CODE => self.device(form, place)?,
            "client_credentials" => self.application(form, place, &client)?,
            other => return Err(Refusal::unsupported_grant(other)),
        };
        if grant.client != client.id {
            return Err(Refusal::bad_grant());
        }
        if let asked @ Value::Object(_) = claims(form)? {
            grant.claims = asked;
        }
        Ok(self.issue(&grant, place))
    }

    fn code(&mut self, form: &Form, place: Place<'_>) -> Result<Grant, Refusal> {
        let code = self.issued.codes.get_mut(form.need("code")?).ok_or_else(Refusal::bad_grant)?;
        if code.used {
            return Err(Refusal::used_code());
        }
        // Whatever becomes of it, nobody gets a second try.
        code.used = true;
        if code.until <= place.now {
            return Err(Refusal::expired_code());
        }
        if form.need("redirect_uri")? != code.redirect_uri {
            return Err(Refusal::bad_redirect(form.need("redirect_uri")?));
        }
        match (&code.challenge, form.get("code_verifier")) {
            (Some(challenge), Some(verifier)) if sha256(verifier.as_bytes()) == *challenge => {}
            (None, None) => {}
            _ => return Err(Refusal::bad_verifier()),
        }
        Ok(code.grant.clone())
    }

    fn refreshed(&mut self, form: &Form, place: Place<'_>) -> Result<Grant, Refusal> {
        let token = form.need("refresh_token")?;
        let lease = self.issued.refresh.get_mut(token).ok_or_else(Refusal::bad_grant)?;
        if lease.revoked {
            return Err(Refusal::revoked());
        }
        if lease.until <= place.now {
            return Err(Refusal::expired_refresh_token());
        }
        if self.policy.consent_missing {
            return Err(Refusal::consent());
        }
        let asks = claims(form)?;
        let wanted = self.demanded.as_ref().is_some_and(|demanded| super::contains(&asks, demanded));
        if self.policy.claims_need_a_person && wanted {
            return Err(Refusal::more_than_a_refresh());
        }
        if self.policy.rotates {
            lease.revoked = true;
        }
        let mut grant = lease.grant.clone();
        if form.get("scope").is_some() {
            // Less may be asked for than was agreed to, not more.
            grant.scopes = scopes(form)?.into_iter().filter(|scope| lease.grant.has(scope)).collect();
        }
        Ok(grant)
    }

    fn application(&mut self, form: &Form, place: Place<'_>, client: &Client) -> Result<Grant, Refusal> {
        if !client.confidential {
            return Err(Refusal::credential_wanted());
        }
        if matches!(place.tenant, "common" | "organizations" | "consumers") {
            return Err(Refusal::no_shared_tenant());
        }
        let [scope] = scopes(form)?.try_into().map_err(|_| Refusal::bad_scope())?;
        if !scope.ends_with("/.default") {
            return Err(Refusal::bad_scope());
        }
        let roles = if self.policy.consent_missing { Vec::new() } else { client.roles.clone() };
        Ok(Grant { client: client.id.clone(), subject: Subject::Application, scopes: roles, claims: Value::Null })
    }

    fn issue(&mut self, grant: &Grant, place: Place<'_>) -> Response<Bytes> {
        let lifetime = self.policy.access_lifetime;
        let access_token = self.issued.access_token(grant, TENANT, place.now, lifetime);
        let mut answer = json!({
            "token_type": "Bearer",
            "expires_in": lifetime.as_secs(),
            "ext_expires_in": lifetime.as_secs(),
            "access_token": access_token,
        });
        let mut add = |name: &str, value: String| {
            if let Value::Object(members) = &mut answer {
                members.insert(name.to_owned(), value.into());
            }
        };
        if let Subject::User(person) = &grant.subject {
            add(
                "scope",
                grant.scopes.iter().filter(|scope| *scope != "offline_access").cloned().collect::<Vec<_>>().join(" "),
            );
            if grant.has("openid") {
                add("id_token", self.issued.id_token(grant, person, TENANT, place.now));
            }
            if grant.has("offline_access") {
                let until = place.now + self.policy.refresh_lifetime;
                add("refresh_token", self.issued.refresh_token(grant, until));
            }
        }
        json_response(StatusCode::OK, &answer)
    }
}

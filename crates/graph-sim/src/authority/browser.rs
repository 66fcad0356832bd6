//! Where browsers are sent: the person agrees, and the browser goes back with a code.

use bytes::Bytes;
use http::header::{HeaderValue, LOCATION};
use http::{Response, StatusCode};
use serde_json::Value;

use super::client::{self, Place};
use super::form::Form;
use super::issued::{Code, Grant, Person, Subject};
use super::refusal::Refusal;
use super::{Authority, person};
use crate::time;

impl Authority {
    pub(super) fn authorize(
        &mut self,
        form: &Form,
        place: Place<'_>,
        people: &[Person],
        (trace, correlation): (&str, &str),
    ) -> Result<Response<Bytes>, Refusal> {
        let client = form.need("client_id")?.to_owned();
        client::find(&self.policy, &client, place.tenant)?;
        let redirect_uri = form.need("redirect_uri")?.to_owned();
        if !is_loopback(&redirect_uri) {
            return Err(Refusal::bad_redirect(&redirect_uri));
        }
        let state = form.get("state").map(str::to_owned);
        // From here on the browser brings the answer, be it yes or no.
        let answer = match self.agree(form, place, people, &client, &redirect_uri) {
            Ok(code) => vec![("code", code)],
            Err(refusal) => {
                let description = refusal.description(time::from_system(place.now), trace, correlation);
                vec![("error", refusal.error.to_owned()), ("error_description", description)]
            }
        };
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(answer).extend_pairs(state.map(|state| ("state", state)));
        // A browser writes the path that an origin alone has not.
        let slash = if redirect_uri.matches('/').count() < 3 { "/" } else { "" };
        let location = HeaderValue::from_str(&format!("{redirect_uri}{slash}?{}", query.finish()));
        let location = location.map_err(|_| Refusal::bad_redirect(&redirect_uri))?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::FOUND;
        response.headers_mut().insert(LOCATION, location);
        Ok(response)
    }

    fn agree(
        &mut self,
        form: &Form,
        place: Place<'_>,
        people: &[Person],
        client: &str,
        redirect_uri: &str,
    ) -> Result<String, Refusal> {
        if form.need("response_type")? != "code" {
            return Err(Refusal::bad_request("response_type is not supported."));
        }
        let challenge = form.get("code_challenge").map(str::to_owned);
        if challenge.is_some() && form.get("code_challenge_method") != Some("S256") {
            return Err(Refusal::bad_request("code_challenge_method is not supported."));
        }
        let scopes = scopes(form)?;
        let person = person(people, form.get("login_hint")).ok_or_else(Refusal::declined)?;
        if self.policy.declines {
            return Err(Refusal::declined());
        }
        if self.policy.consent_missing {
            return Err(Refusal::admin_consent());
        }
        let grant =
            Grant { client: client.to_owned(), subject: Subject::User(person.clone()), scopes, claims: claims(form)? };
        let code = self.issued.opaque("1.sim");
        let until = place.now + self.policy.code_lifetime;
        let redirect_uri = redirect_uri.to_owned();
        self.issued.codes.insert(code.clone(), Code { grant, redirect_uri, challenge, until, used: false });
        Ok(code)
    }
}

/// The scopes of a request; there has to be one.
pub(super) fn scopes(form: &Form) -> Result<Vec<String>, Refusal> {
    let scopes: Vec<String> = form.get("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    if scopes.is_empty() { Err(Refusal::bad_scope()) } else { Ok(scopes) }
}

/// The parameter `claims`: JSON, if it is there.
pub(super) fn claims(form: &Form) -> Result<Value, Refusal> {
    form.get("claims").map_or(Ok(Value::Null), |json| {
        serde_json::from_str(json).map_err(|_| Refusal::bad_request("The claims parameter is not valid JSON."))
    })
}

/// The one redirect of programs on people's machines (RFC 8252): `http://localhost` with any port.
fn is_loopback(uri: &str) -> bool {
    ["http://localhost", "http://127.0.0.1"].iter().any(|origin| {
        let rest = uri.strip_prefix(origin).map(|rest| rest.strip_prefix(':').unwrap_or(rest));
        rest.is_some_and(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()).trim_matches('/').is_empty())
    })
}

//! The authority: Microsoft's identity platform, as far as programs that read calendars need it.
//!
//! `/{tenant}/oauth2/v2.0/{authorize,token,devicecode,deviceauth,logout}`, `/{tenant}/adminconsent` and
//! `/{tenant}/v2.0/.well-known/openid-configuration`, on the same origin as Graph. Codes, devices, refresh tokens and
//! access tokens are kept, end on the caller's clock, and are good for what was agreed to. There are no pages to click
//! through: the person who is asked agrees at once, or declines if the [`LoginPolicy`] says so.
//!
//! | modules | know |
//! |---|---|
//! | `policy` | what tests switch |
//! | `client` | how clients prove who they are |
//! | `browser`, `device`, `redeem` | the endpoints |
//! | `issued` | what is out |
//! | `refusal`, `form` | errors with their `AADSTS` numbers, parameters |

mod browser;
mod client;
mod device;
mod form;
mod issued;
mod policy;
mod redeem;
mod refusal;

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use self::client::Place;
use self::form::Form;
use self::issued::Issued;
pub(crate) use self::issued::{Person, Subject};
pub use self::policy::{Application, LoginPolicy};
use crate::base64;
use crate::time;

/// The tenant that everybody is in, whichever name they come by.
const TENANT: &str = "5d8e1b0a-7c1f-4a5e-9d35-2f9c1c0b6a11";

/// The login server beside Graph.
#[derive(Debug)]
pub struct Authority {
    policy: LoginPolicy,
    issued: Issued,
    /// What Graph wants tokens to have.
    demanded: Option<Value>,
}

/// Whose token a request came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bearer {
    pub(crate) subject: Subject,
    permissions: Vec<String>,
}

impl Bearer {
    /// Whether it has one of the permissions that read calendars, or those of groups.
    pub(crate) fn may_read(&self, groups: bool) -> bool {
        let prefix = if groups { "Group." } else { "Calendars." };
        self.permissions.iter().any(|name| name.starts_with(prefix) || name == ".default")
    }
}

/// Why Graph does not take a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// It is not one of this authority's, or has ended.
    Invalid(&'static str),
    /// It lacks these claims, in base64.
    Claims(String),
}

impl Authority {
    pub(crate) fn new(policy: LoginPolicy, seed: u64) -> Self {
        Self { policy, issued: Issued::new(seed), demanded: None }
    }

    /// How logins go from now on.
    pub fn policy_mut(&mut self) -> &mut LoginPolicy {
        &mut self.policy
    }

    /// Takes back every refresh token and every access token, as a changed password does.
    pub fn revoke_all(&mut self) {
        self.issued.refresh.values_mut().chain(self.issued.access.values_mut()).for_each(|lease| lease.revoked = true);
    }

    /// Takes back every access token, and leaves the refresh tokens.
    pub fn revoke_access(&mut self) {
        self.issued.access.values_mut().for_each(|lease| lease.revoked = true);
    }

    /// Lets Graph refuse tokens that were not asked for with these claims, such as
    /// `{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}`; none ends that.
    pub fn demand_claims(&mut self, claims: Option<Value>) {
        self.demanded = claims;
    }

    /// How many refresh tokens are out that could be used.
    pub fn live_refresh_tokens(&self) -> usize {
        self.issued.refresh.values().filter(|lease| !lease.revoked).count()
    }

    pub(crate) fn is_required(&self) -> bool {
        self.policy.required
    }

    /// Whose token this is.
    pub(crate) fn bearer(&self, token: &str, now: SystemTime) -> Result<Bearer, Rejected> {
        let lease = self.issued.access.get(token).ok_or(Rejected::Invalid("CompactToken validation failed."))?;
        if lease.revoked || lease.until <= now {
            return Err(Rejected::Invalid("Access token has expired or is not yet valid."));
        }
        if let Some(demanded) = self.demanded.as_ref().filter(|demanded| !contains(&lease.grant.claims, demanded)) {
            return Err(Rejected::Claims(base64::standard(demanded.to_string().as_bytes())));
        }
        let permissions = lease.grant.permissions().into_iter().map(str::to_owned).collect();
        Ok(Bearer { subject: lease.grant.subject.clone(), permissions })
    }

    /// Whether a path is the authority's and not Graph's.
    pub(crate) fn serves(path: &str) -> bool {
        let Some((_, rest)) = path.trim_start_matches('/').split_once('/') else { return false };
        rest == "adminconsent" || rest.starts_with("oauth2/v2.0/") || rest == CONFIGURATION
    }

    /// Answers a request for which [`serves`](Self::serves) is true. `people` are those who can log in, the first of
    /// whom does unless another one is named.
    pub(crate) fn answer(&mut self, now: SystemTime, request: &Request<Bytes>, people: &[Person]) -> Response<Bytes> {
        let path = request.uri().path().trim_start_matches('/');
        let (tenant, endpoint) = path.split_once('/').unwrap_or((path, ""));
        let root = root(request);
        let (query, body) = (request.uri().query().unwrap_or_default().as_bytes(), request.body());
        let correlation = request.headers().get("client-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let correlation = correlation.unwrap_or_else(|| self.issued.random.guid());
        let audience = format!("{root}/{tenant}/oauth2/v2.0/token");
        let place = Place { tenant, audience: &audience, now };
        let done = match (endpoint, request.method()) {
            (CONFIGURATION, &Method::GET) => Ok(configuration(&root, tenant)),
            ("adminconsent", &Method::GET) => {
                self.policy.consent_missing = false;
                Ok(page(StatusCode::OK, "Consent is given."))
            }
            ("oauth2/v2.0/logout", &Method::GET) => Ok(page(StatusCode::OK, "You are logged out.")),
            ("oauth2/v2.0/authorize", &Method::GET) => {
                let trace = self.issued.random.guid();
                self.authorize(&Form::read(query), place, people, (&trace, &correlation))
            }
            ("oauth2/v2.0/deviceauth", &Method::GET) => Ok(self.device_page(&Form::read(query), place, people)),
            ("oauth2/v2.0/devicecode", &Method::POST) => self.device_code(&Form::read(body), place, &root),
            ("oauth2/v2.0/token", &Method::POST) => self.token(&Form::read(body), place),
            _ => Ok(page(StatusCode::NOT_FOUND, "There is nothing here.")),
        };
        done.unwrap_or_else(|refusal| {
            let trace = self.issued.random.guid();
            refusal.response(time::from_system(now), &trace, &correlation)
        })
    }
}

const CONFIGURATION: &str = "v2.0/.well-known/openid-configuration";

/// The person of a name, or the first one.
fn person<'a>(people: &'a [Person], hint: Option<&str>) -> Option<&'a Person> {
    let named = hint.and_then(|hint| people.iter().find(|person| person.address.eq_ignore_ascii_case(hint)));
    named.or_else(|| people.first())
}

/// Whether all that is in `part` is in `whole`.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|found| contains(found, value)))
        }
        (whole, part) => whole == part,
    }
}

fn root(request: &Request<Bytes>) -> String {
    let uri = request.uri();
    let host = request.headers().get("host").and_then(|host| host.to_str().ok());
    let authority = uri.authority().map(http::uri::Authority::as_str).or(host).unwrap_or("login.microsoftonline.com");
    format!("{}://{authority}", uri.scheme_str().unwrap_or("https"))
}

fn configuration(root: &str, tenant: &str) -> Response<Bytes> {
    let at = |endpoint: &str| format!("{root}/{tenant}/oauth2/v2.0/{endpoint}");
    json(
        StatusCode::OK,
        &json!({
            "issuer": format!("{root}/{TENANT}/v2.0"),
            "authorization_endpoint": at("authorize"),
            "token_endpoint": at("token"),
            "device_authorization_endpoint": at("devicecode"),
            "end_session_endpoint": at("logout"),
            "response_modes_supported": ["query"],
            "response_types_supported": ["code"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "scopes_supported": ["openid", "profile", "offline_access"],
        }),
    )
}

fn json(status: StatusCode, body: &Value) -> Response<Bytes> {
    with_type(status, "application/json; charset=utf-8", body.to_string())
}

fn page(status: StatusCode, text: &str) -> Response<Bytes> {
    with_type(status, "text/plain; charset=utf-8", format!("{text}\n"))
}

fn with_type(status: StatusCode, kind: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

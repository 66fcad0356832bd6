//! Who asks for tokens: a public client by its id, a confidential one with a proof.

use std::time::{Duration, SystemTime};

use ring::digest;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use serde_json::Value;
use webpki::EndEntityCert;

use super::form::Form;
use super::policy::{Application, LoginPolicy};
use super::refusal::Refusal;
use crate::base64;

/// RFC 7523, section 2.2.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// What clocks may differ by.
const SKEW: Duration = Duration::from_secs(300);

/// A client that is who it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Client {
    pub(super) id: String,
    /// Whether it proved it.
    pub(super) confidential: bool,
    /// What it was granted for itself.
    pub(super) roles: Vec<String>,
}

/// Where a request came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) tenant: &'a str,
    /// The token endpoint's URL, which assertions are for.
    pub(super) audience: &'a str,
    pub(super) now: SystemTime,
}

impl Client {
    /// The client of a request to the token endpoint.
    pub(super) fn authenticate(policy: &LoginPolicy, form: &Form, place: Place<'_>) -> Result<Self, Refusal> {
        let id = form.need("client_id")?;
        let application = find(policy, id, place.tenant)?;
        let confidential = match (form.get("client_secret"), form.get("client_assertion")) {
            (Some(secret), _) => {
                if application.as_ref().is_some_and(|app| !app.secrets.iter().any(|known| known == secret)) {
                    return Err(Refusal::bad_secret());
                }
                true
            }
            (None, Some(assertion)) => {
                if form.need("client_assertion_type")? != JWT_BEARER {
                    return Err(Refusal::bad_request("client_assertion_type is not supported."));
                }
                check(application.as_ref(), assertion, id, place)?;
                true
            }
            (None, None) => false,
        };
        if !confidential && application.as_ref().is_some_and(|application| !application.is_public()) {
            return Err(Refusal::credential_wanted());
        }
        let roles = application.map_or_else(|| vec!["Calendars.Read".to_owned()], |application| application.roles);
        Ok(Self { id: id.to_owned(), confidential, roles })
    }
}

/// The registration of a client id; none where every id is known.
pub(super) fn find(policy: &LoginPolicy, id: &str, tenant: &str) -> Result<Option<Application>, Refusal> {
    if policy.applications.is_empty() {
        return Ok(None);
    }
    let application = policy.applications.iter().find(|application| application.client_id == id);
    application.cloned().map(Some).ok_or_else(|| Refusal::unknown_client(id, tenant))
}

/// Whether an assertion is by whom it says, for this authority, and for now.
fn check(application: Option<&Application>, assertion: &str, id: &str, place: Place<'_>) -> Result<(), Refusal> {
    if application.is_some_and(|application| application.federated_tokens.iter().any(|known| known == assertion)) {
        return Ok(());
    }
    let (text, signature) = assertion.rsplit_once('.').ok_or_else(|| Refusal::bad_assertion("it is no JWT"))?;
    let (header, claims) = text.split_once('.').ok_or_else(|| Refusal::bad_assertion("it is no JWT"))?;
    let (header, claims) = (part(header)?, part(claims)?);
    if let Some(application) = application {
        let algorithm = algorithm(&header)?;
        let signature = base64::decode_url_safe(signature).ok_or_else(|| Refusal::bad_assertion("no signature"))?;
        let thumbprint = header.get("x5t#S256").and_then(Value::as_str).unwrap_or_default();
        let known = application.certificates.iter().find(|der| sha256(der) == thumbprint);
        let der = CertificateDer::from(
            known.ok_or_else(|| Refusal::bad_assertion("the thumbprint is not known"))?.as_slice(),
        );
        let certificate = EndEntityCert::try_from(&der).map_err(|_| Refusal::bad_assertion("no certificate"))?;
        certificate
            .verify_signature(algorithm, text.as_bytes(), &signature)
            .map_err(|_| Refusal::bad_assertion("the key did not sign this"))?;
    }
    let is = |name: &str, value: &str| claims.get(name).and_then(Value::as_str) == Some(value);
    if !is("iss", id) || !is("sub", id) || !is("aud", place.audience) || claims.get("jti").is_none() {
        return Err(Refusal::bad_assertion("iss, sub, aud or jti is not right"));
    }
    let at = |name: &str| {
        let seconds = claims.get(name).and_then(Value::as_u64);
        seconds.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
    };
    let (begin, end) = (at("nbf"), at("exp"));
    let in_time = begin.is_some_and(|begin| begin <= place.now + SKEW) && end.is_some_and(|end| end + SKEW > place.now);
    if in_time { Ok(()) } else { Err(Refusal::assertion_out_of_time()) }
}

fn part(text: &str) -> Result<Value, Refusal> {
    let bytes = base64::decode_url_safe(text);
    let value = bytes.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    value.filter(Value::is_object).ok_or_else(|| Refusal::bad_assertion("it is no JWT"))
}

fn algorithm(header: &Value) -> Result<&'static dyn SignatureVerificationAlgorithm, Refusal> {
    match header.get("alg").and_then(Value::as_str) {
        Some("PS256") => Ok(webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY),
        Some("RS256") => Ok(webpki::ring::RSA_PKCS1_2048_8192_SHA256),
        _ => Err(Refusal::bad_assertion("alg is not supported")),
    }
}

/// SHA-256 in base64url: thumbprints, and challenges of PKCE.
pub(super) fn sha256(bytes: &[u8]) -> String {
    base64::url_safe(digest::digest(&digest::SHA256, bytes).as_ref())
}

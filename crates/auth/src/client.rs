//! Who asks: an application's registration, and how it proves to be that application.

use delta_core::Timestamp;

use crate::authority::Authority;
use crate::certificate::Certificate;
use crate::error::Error;
use crate::jwt;
use crate::secret::Secret;

/// An application registered in a tenant.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) authority: Authority,
    pub(crate) id: String,
    pub(crate) credential: Credential,
}

impl Client {
    /// An application by its client id.
    pub fn new(authority: Authority, id: &str, credential: Credential) -> Self {
        Self { authority, id: id.to_owned(), credential }
    }

    /// Where it asks.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Its id, which is no secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The parameters that say who asks. An assertion is made anew each time, with an id from `entropy`.
    pub(crate) fn parameters(&self, now: Timestamp, entropy: [u8; 16]) -> Result<Vec<(&'static str, String)>, Error> {
        let mut parameters = vec![("client_id", self.id.clone())];
        let assertion = match &self.credential {
            Credential::None => None,
            Credential::Secret(secret) => {
                parameters.push(("client_secret", secret.expose().to_owned()));
                None
            }
            Credential::Certificate(certificate) => Some(self.assertion(certificate, now, entropy)?),
            Credential::Assertion(assertion) => Some(assertion.expose().to_owned()),
        };
        if let Some(assertion) = assertion {
            parameters.push(("client_assertion_type", ASSERTION_TYPE.to_owned()));
            parameters.push(("client_assertion", assertion));
        }
        Ok(parameters)
    }

    /// A JWT by which a certificate's owner proves to be the client (Microsoft's documentation of certificate
    /// credentials).
    fn assertion(&self, certificate: &Certificate, now: Timestamp, entropy: [u8; 16]) -> Result<String, Error> {
        let claims = serde_json::json!({
            "aud": self.authority.token(),
            "iss": self.id,
            "sub": self.id,
            "jti": jwt::guid(entropy),
            "iat": now.seconds(),
            "nbf": now.seconds(),
            "exp": now.seconds().saturating_add(ASSERTION_SECONDS),
        });
        Ok(certificate.sign(&claims)?)
    }
}

/// RFC 7523, section 2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Five to ten minutes are what the documentation recommends.
const ASSERTION_SECONDS: i64 = 600;

/// How an application proves who it is.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Not at all: a program on people's machines can keep no secret (a *public client*).
    None,
    /// With a secret from its registration.
    Secret(Secret),
    /// With the key of a certificate that its registration knows.
    Certificate(Box<Certificate>),
    /// With a token of another identity provider, which its registration trusts (*workload identity federation*).
    Assertion(Secret),
}

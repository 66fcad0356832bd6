//! The token endpoint: something is handed in, tokens come out.

use delta_core::{Failure, Timestamp};
use http::{Request, Response};

use crate::claims::{self, Claims};
use crate::client::Client;
use crate::error::{self, Error};
use crate::flow::{Attempts, Flow, Step, post};
use crate::jwt::guid;
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::tokens::Tokens;

/// What is handed in for tokens.
#[derive(Clone, Debug)]
pub enum Grant {
    /// The code that a browser brought back, and the verifier that only who began knows (RFC 7636).
    AuthorizationCode {
        /// The code.
        code: Secret,
        /// Where the browser brought it.
        redirect_uri: String,
        /// The verifier.
        verifier: Secret,
    },
    /// The client's own credential.
    ClientCredentials,
    /// The refresh token that came last.
    RefreshToken(Secret),
    /// The device code that a person was asked to enter something for.
    DeviceCode(Secret),
}

impl Grant {
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let named = |grant: &str| ("grant_type", grant.to_owned());
        match self {
            Self::AuthorizationCode { code, redirect_uri, verifier } => vec![
                named("authorization_code"),
                ("code", code.expose().to_owned()),
                ("redirect_uri", redirect_uri.clone()),
                ("code_verifier", verifier.expose().to_owned()),
            ],
            Self::ClientCredentials => vec![named("client_credentials")],
            Self::RefreshToken(token) => {
                vec![named("refresh_token"), ("refresh_token", token.expose().to_owned())]
            }
            Self::DeviceCode(code) => {
                vec![named("urn:ietf:params:oauth:grant-type:device_code"), ("device_code", code.expose().to_owned())]
            }
        }
    }
}

/// One exchange at the token endpoint, tried again where that helps.
#[derive(Clone, Debug)]
pub struct Redemption {
    pub(crate) context: error::Context,
    request: Option<Form>,
    scopes: Scopes,
    attempts: Attempts,
}

/// What is posted. Its `Debug` shows where, not what.
#[derive(Clone)]
struct Form {
    url: String,
    parameters: Vec<(&'static str, String)>,
    client_request_id: String,
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.url)
    }
}

impl Redemption {
    /// Hands in a grant for these scopes, and for tokens with these claims. `entropy` is sixteen random bytes, from which
    /// ids follow.
    ///
    /// # Errors
    /// [`Error::Certificate`] if nothing can be signed.
    pub fn new(
        client: &Client,
        grant: Grant,
        scopes: &Scopes,
        claims: Option<&Claims>,
        now: Timestamp,
        entropy: [u8; 16],
    ) -> Result<Self, Error> {
        let mut parameters = client.parameters(now, entropy)?;
        parameters.extend(grant.parameters());
        parameters.push(("scope", scopes.to_string()));
        parameters.push(("claims", claims::parameter(claims)));
        let url = client.authority.token();
        let context = error::Context::new(client, &parameters, matches!(grant, Grant::DeviceCode(_)));
        let request = Some(Form { url, parameters, client_request_id: guid(entropy) });
        Ok(Self { context, request, scopes: scopes.clone(), attempts: Attempts::default() })
    }

    /// Keeps the request for another time.
    pub(crate) fn again(&mut self, earlier: Self) {
        *self = earlier;
        self.attempts.reset();
    }
}

impl Flow for Redemption {
    fn request(&self) -> Option<Request<Vec<u8>>> {
        let Form { url, parameters, client_request_id } = self.request.as_ref()?;
        post(url, parameters, client_request_id)
    }

    fn receive<B: AsRef<[u8]>>(&mut self, response: &Response<B>, now: Timestamp) -> Result<Step, Error> {
        if self.request.is_none() {
            return Err(Error::Finished);
        }
        if let Some(wait) = self.attempts.after(response) {
            return wait.inspect_err(|_| self.request = None);
        }
        self.request = None;
        let body = response.body().as_ref();
        if !response.status().is_success() {
            return Err(self.context.refused(response.status().as_u16(), body));
        }
        Tokens::read(body, &self.scopes, now)
            .map(|tokens| Step::Tokens(Box::new(tokens)))
            .map_err(|what| Error::NotAnAnswer { status: response.status().as_u16(), what })
    }

    fn fail(&mut self, failure: Failure) -> Result<Step, Error> {
        if self.request.is_none() {
            return Err(Error::Finished);
        }
        self.attempts.after_failure(failure).inspect_err(|_| self.request = None)
    }
}

//! How the authority decides: what tests switch.

use std::time::Duration;

/// How logins go. The default lets everybody in who asks rightly.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginPolicy {
    /// Whether Graph's endpoints accept only tokens of this authority, each for what it was granted. Otherwise any bearer
    /// token is good.
    pub required: bool,
    /// The applications that are registered. If there is none, every client id is known, and every credential believed.
    pub applications: Vec<Application>,
    /// How long access tokens are good.
    pub access_lifetime: Duration,
    /// How long refresh tokens are good without being used.
    pub refresh_lifetime: Duration,
    /// How long the codes that a browser or a device brings are good.
    pub code_lifetime: Duration,
    /// What devices are told to wait between two questions.
    pub device_interval: Duration,
    /// Whether logins by device code are blocked, as many tenants do.
    pub device_code_blocked: bool,
    /// Whether the permissions are missing an administrator's consent. Opening the consent page gives it.
    pub consent_missing: bool,
    /// Whether the person who is asked says no.
    pub declines: bool,
    /// Whether claims that Graph asks for take more than a refresh: the person has to log in again.
    pub claims_need_a_person: bool,
    /// Whether a refresh token is good for one use only. Microsoft's live on for a while; a client that counts on that
    /// is a wrong one.
    pub rotates: bool,
}

impl Default for LoginPolicy {
    /// An hour and 90 days, as Microsoft's documentation has them; codes for 15 minutes; devices ask every 5 seconds.
    fn default() -> Self {
        Self {
            required: false,
            applications: Vec::new(),
            access_lifetime: Duration::from_secs(3_600),
            refresh_lifetime: Duration::from_secs(90 * 86_400),
            code_lifetime: Duration::from_secs(900),
            device_interval: Duration::from_secs(5),
            device_code_blocked: false,
            consent_missing: false,
            declines: false,
            claims_need_a_person: false,
            rotates: true,
        }
    }
}

/// An application's registration.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Application {
    /// Its client id.
    pub client_id: String,
    /// Its secrets.
    pub secrets: Vec<String>,
    /// Its certificates, in DER: assertions that their keys signed are accepted.
    pub certificates: Vec<Vec<u8>>,
    /// The tokens of other identity providers that it trusts.
    pub federated_tokens: Vec<String>,
    /// The permissions that it was granted for itself.
    pub roles: Vec<String>,
}

impl Application {
    /// A public client: without a secret, for people.
    pub fn new(client_id: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            secrets: Vec::new(),
            certificates: Vec::new(),
            federated_tokens: Vec::new(),
            roles: vec!["Calendars.Read".to_owned()],
        }
    }

    pub(super) fn is_public(&self) -> bool {
        self.secrets.is_empty() && self.certificates.is_empty() && self.federated_tokens.is_empty()
    }
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application")
            .field("client_id", &self.client_id)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

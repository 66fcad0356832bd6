//! Why there are no tokens, and what to do.
//!
//! The authority names an OAuth error, and most often a number of its own, `AADSTS…`. Microsoft's documentation says that
//! the numbers may change: they only choose the advice here. Whether somebody has to log in again follows from the OAuth
//! error alone.

use std::fmt;

use delta_core::{Failure, FailureKind};
use serde::Deserialize;

use crate::certificate::CertificateError;
use crate::client::Client;
use crate::secret::scrub;

/// Why there are no tokens.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The authority said no.
    Refused(Box<Refused>),
    /// The authority was asked too often, or failed, again and again.
    Unavailable {
        /// The last status.
        status: u16,
        /// How often it was tried.
        attempts: u32,
    },
    /// No response came.
    NoResponse {
        /// Why.
        failure: Failure,
        /// How often it was tried.
        attempts: u32,
    },
    /// Something answered that is no authority.
    NotAnAnswer {
        /// Its status.
        status: u16,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A browser came with something that does not belong to this login.
    Foreign,
    /// The client's certificate can't be used.
    Certificate(CertificateError),
    /// The flow is over; a mistake of the driver.
    Finished,
}

/// The authority's no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What kind of no it is.
    pub refusal: Refusal,
    /// The OAuth error, such as `invalid_grant`.
    pub error: String,
    /// The number behind `AADSTS`, for looking it up.
    pub code: Option<u32>,
    /// The authority's words, on one line and without the secrets that were sent.
    pub message: String,
    /// For Microsoft's support.
    pub correlation_id: Option<String>,
    /// Where an administrator consents, if that is what is missing.
    pub consent_url: Option<String>,
}

/// The kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A person has to log in again: what was kept has expired, was revoked, or is not enough any more.
    Interaction,
    /// An administrator, or the person, has to consent.
    Consent,
    /// The tenant's policy does not allow logins by device code.
    DeviceCodeBlocked,
    /// The tenant's policy blocks the login.
    Blocked,
    /// The person said no.
    Declined,
    /// The person was too late.
    TooLate,
    /// The clocks here and there disagree.
    ClockSkew,
    /// The application's secret, certificate or federated token is not accepted.
    Credential,
    /// The application is not registered as it would have to be.
    Registration,
    /// The tenant does not exist, or is not the one for this account.
    Tenant,
    /// Nothing that a person has done yet (device code); not seen outside of a flow.
    Pending,
    /// Anything else.
    Other,
}

impl Refusal {
    /// By the number, where the OAuth error is too coarse. The numbers are from Microsoft's reference of error codes.
    fn of(error: &str, code: Option<u32>, by_device: bool) -> Self {
        match (error, code) {
            ("authorization_pending" | "slow_down", _) => Self::Pending,
            ("expired_token", _) => Self::TooLate,
            ("authorization_declined" | "access_denied", None) | (_, Some(65_004)) => Self::Declined,
            (_, Some(700_024 | 500_133 | 700_212)) => Self::ClockSkew,
            (_, Some(65_001 | 90_094 | 90_093 | 90_008 | 900_941)) | ("consent_required", _) => Self::Consent,
            (_, Some(53_000..=53_005 | 53_011 | 530_032..=530_036 | 530_084 | 50_097 | 50_105 | 50_131 | 50_199)) => {
                if by_device {
                    Self::DeviceCodeBlocked
                } else {
                    Self::Blocked
                }
            }
            (_, Some(7_000_215 | 7_000_222 | 700_027 | 700_211 | 700_213 | 70_021 | 50_027 | 7_000_216)) => {
                Self::Credential
            }
            (
                _,
                Some(
                    700_016 | 7_000_218 | 700_025 | 50_011 | 9_002_313 | 500_113 | 7_000_112 | 70_001 | 500_011
                    | 70_011,
                ),
            ) => Self::Registration,
            (_, Some(90_002 | 50_020 | 50_059 | 50_194 | 9_002_346 | 900_023 | 50_034 | 500_200 | 53_300)) => {
                Self::Tenant
            }
            ("authorization_declined" | "access_denied", _) => Self::Declined,
            ("invalid_grant" | "interaction_required" | "login_required", _) => Self::Interaction,
            ("invalid_client", _) => Self::Credential,
            ("unauthorized_client" | "invalid_scope" | "invalid_resource", _) => Self::Registration,
            _ => Self::Other,
        }
    }

    /// What to do about it.
    fn advice(self) -> &'static str {
        match self {
            Self::Interaction => "log in again with `caldelta login`",
            Self::Consent => {
                "consent is missing: log in with an account that may consent, or have an administrator of the tenant open"
            }
            Self::DeviceCodeBlocked => {
                "the tenant blocks logins by device code: log in by browser, without --device-code (on another machine, \
                 with --no-browser and a tunnel), or ask its administrators"
            }
            Self::Blocked => "the tenant's policy blocks this login: ask its administrators",
            Self::Declined => "nobody is logged in: the login was declined",
            Self::TooLate => "nobody logged in in time: try again",
            Self::ClockSkew => "the clock of this machine is wrong: set it, such as by NTP",
            Self::Credential => {
                "check the application's secret or certificate: it must be the registration's, and not expired"
            }
            Self::Registration => {
                "check the client id and the application's registration: a public client with the redirect URI \
                 http://localhost, and the permissions that are asked for"
            }
            Self::Tenant => "check --tenant: it must be the one that the account is in",
            Self::Pending | Self::Other => "",
        }
    }
}

impl Refused {
    pub(crate) fn is_pending(&self) -> bool {
        self.refusal == Refusal::Pending
    }

    pub(crate) fn wants_slower(&self) -> bool {
        self.error == "slow_down"
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = if self.message.is_empty() { &self.error } else { &self.message };
        write!(f, "the login server refused: {}", message.trim_end_matches('.'))?;
        let advice = self.refusal.advice();
        if !advice.is_empty() {
            write!(f, "; {advice}")?;
        }
        if let Some(url) = &self.consent_url {
            write!(f, " {url}")?;
        }
        match &self.correlation_id {
            Some(id) => write!(f, " (correlation-id {id})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::Unavailable { status, attempts } => {
                write!(f, "the login server answered {status}, {attempts} times: try again later")
            }
            Self::NoResponse { failure, attempts } => {
                let tries = if *attempts == 1 { "try" } else { "tries" };
                let advice = match failure.kind {
                    FailureKind::Tls => "trust who signed its certificate (a CA file), if it is the right one",
                    _ => "check the network",
                };
                write!(f, "no response from the login server in {attempts} {tries}: {failure}; {advice}")
            }
            Self::NotAnAnswer { status, what } => {
                write!(f, "the answer ({status}) {what}: is this a login server? Check --authority and --cloud")
            }
            Self::Foreign => f.write_str("what the browser brought does not belong to this login"),
            Self::Certificate(error) => write!(f, "the client certificate can't be used: {error}"),
            Self::Finished => f.write_str("the login is over"),
        }
    }
}

impl std::error::Error for Error {}

impl From<CertificateError> for Error {
    fn from(error: CertificateError) -> Self {
        Self::Certificate(error)
    }
}

/// What is needed to read a refusal: who asked, for what, and which secrets were sent.
#[derive(Clone)]
pub(crate) struct Context {
    consent_url: String,
    by_device: bool,
    secrets: Vec<String>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context(…)")
    }
}

/// Parameters whose values may be repeated.
const PUBLIC: [&str; 5] = ["client_id", "grant_type", "scope", "redirect_uri", "client_assertion_type"];

#[derive(Deserialize)]
struct Wire {
    error: String,
    #[serde(default)]
    error_description: String,
    correlation_id: Option<String>,
}

impl Context {
    pub(crate) fn new(client: &Client, sent: &[(&'static str, String)], by_device: bool) -> Self {
        let secrets = sent.iter().filter(|(name, _)| !PUBLIC.contains(name)).map(|(_, value)| value.clone()).collect();
        Self { consent_url: client.authority.admin_consent(&client.id), by_device, secrets }
    }

    /// The refusal in a response.
    pub(crate) fn refused(&self, status: u16, body: &[u8]) -> Error {
        match serde_json::from_slice::<Wire>(body) {
            Ok(wire) => self.named(&wire.error, &wire.error_description, wire.correlation_id),
            Err(_) => Error::NotAnAnswer { status, what: "is no OAuth error" },
        }
    }

    /// A refusal by its OAuth error and its words.
    pub(crate) fn named(&self, error: &str, description: &str, correlation_id: Option<String>) -> Error {
        let code = number(description);
        let refusal = Refusal::of(error, code, self.by_device);
        let consent_url = (refusal == Refusal::Consent).then(|| self.consent_url.clone());
        let correlation_id = correlation_id.or_else(|| after(description, "Correlation ID:")).map(|id| self.clean(&id));
        // What follows is for support, and stands in the ids.
        let words = description.split("Trace ID:").next().unwrap_or_default();
        let (error, message) = (self.clean(error), self.clean(words));
        Error::Refused(Box::new(Refused { refusal, error, code, message, correlation_id, consent_url }))
    }

    /// One line of printable words, not too long, without secrets.
    fn clean(&self, text: &str) -> String {
        let printable: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let line = printable.split_whitespace().collect::<Vec<_>>().join(" ");
        scrub(&line, &self.secrets).chars().take(500).collect()
    }
}

/// The number behind `AADSTS`.
fn number(description: &str) -> Option<u32> {
    let (_, rest) = description.split_once("AADSTS")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn after(text: &str, label: &str) -> Option<String> {
    text.split_once(label)?.1.split_whitespace().next().map(str::to_owned)
}

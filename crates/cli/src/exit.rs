//! How a command ends: its exit code, and the one line that says why.

use std::fmt;
use std::process::ExitCode;

use delta_core::{FailureKind, Refusal};
use sync::Trouble;

/// The documented exit codes. A script must treat a code that it does not know as a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Anything that has no code of its own.
    Failure = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Some targets failed; the rest is published.
    Partial = 3,
    /// Graph broke the contract, or the store is damaged.
    Data = 65,
    /// Graph was not reached.
    Unavailable = 69,
    /// Throttled for too long, or the store is locked: try again later.
    TryLater = 75,
    /// Log in, or get consent.
    Login = 77,
    /// An operator must decide.
    Operator = 78,
    /// Stopped by Ctrl-C.
    Interrupted = 130,
    /// Stopped by SIGTERM.
    Terminated = 143,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    message: String,
    trouble: Option<Trouble>,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string(), trouble: None }
    }

    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Code::Usage, message)
    }

    /// What kind of trouble it is.
    pub(crate) fn trouble(&self) -> Trouble {
        self.trouble.unwrap_or(Trouble::Failing)
    }

    /// The same failure, with another code.
    pub(crate) fn with_code(self, code: Code) -> Self {
        Self { code, ..self }
    }

    /// The same failure, with what it is about in front.
    pub(crate) fn about(self, subject: impl fmt::Display) -> Self {
        Self { message: format!("{subject}: {}", self.message), ..self }
    }
}

impl fmt::Display for Failure {
    /// One line, whatever a server or a file name put into the message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl From<sync::Error> for Failure {
    fn from(error: sync::Error) -> Self {
        let trouble = Some(error.trouble());
        let failure = match error {
            sync::Error::Store(error) => error.into(),
            sync::Error::Round(error) => Self::new(round_code(&error), hint(&error)),
            sync::Error::Throttled { .. } | sync::Error::OutOfTime { .. } | sync::Error::TooManyFullRounds { .. } => {
                Self::new(Code::TryLater, error)
            }
            sync::Error::TooManyDeletes { deletes, .. } => Self::new(
                Code::Operator,
                format!("{error}; to allow it, sync with --max-deletes {deletes}, or without it"),
            ),
            sync::Error::Partial { .. } => Self::new(Code::Partial, error),
            sync::Error::Token(sync::TokenError::Unavailable(_)) => Self::new(Code::Unavailable, error),
            sync::Error::Token(_) => Self::new(Code::Login, error),
            sync::Error::NotListed => Self::usage(error),
            sync::Error::Window(_) | sync::Error::Target(_) => Self::usage(error),
            _ => Self::new(Code::Failure, error),
        };
        Self { trouble, ..failure }
    }
}

fn round_code(error: &delta_core::Error) -> Code {
    use delta_core::Error;
    match error {
        Error::Refused { refusal, error, .. } => match refusal {
            Refusal::Unauthenticated | Refusal::Forbidden | Refusal::ForbiddenLink => Code::Login,
            Refusal::Overloaded | Refusal::Unavailable => Code::Unavailable,
            Refusal::Throttled | Refusal::Forgotten | Refusal::MailboxUnavailable => Code::TryLater,
            // Graph gives every refusal a code.
            _ if error.codes.is_empty() => Code::Data,
            _ => Code::Failure,
        },
        Error::NoResponse { failure, .. } => match failure.kind {
            FailureKind::BodyTooLarge | FailureKind::Decode => Code::Data,
            _ => Code::Unavailable,
        },
        _ => Code::Data,
    }
}

/// The error, and what to do about it where that is not in its words.
fn hint(error: &delta_core::Error) -> String {
    let hint = match error {
        delta_core::Error::Refused { error, .. } if error.codes.is_empty() => "; is this Microsoft Graph?",
        delta_core::Error::Refused { refusal: Refusal::NotFound, .. } => "; check the target and the graph root",
        delta_core::Error::NoResponse { failure, .. } if failure.kind == FailureKind::Tls => {
            "; if the server is the right one, trust who signed its certificate with --ca-file FILE"
        }
        delta_core::Error::NoResponse { .. } => "; check the network and the graph root",
        _ => "",
    };
    format!("{error}{hint}")
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        use store::Error;
        let code = match &error {
            Error::Damaged { .. } => Code::Data,
            Error::Locked { .. } => Code::TryLater,
            Error::NotAStore { .. } | Error::Newer { .. } | Error::Older { .. } | Error::Identity { .. } => {
                Code::Operator
            }
            _ => Code::Failure,
        };
        Self::new(code, error)
    }
}

impl From<export::Error> for Failure {
    fn from(error: export::Error) -> Self {
        use export::Error;
        let code = match error {
            Error::Store(error) => return error.into(),
            Error::NotAnEvent { .. } => Code::Data,
            Error::NotOurs { .. } | Error::OtherTarget { .. } => Code::Operator,
            Error::Busy { .. } => Code::TryLater,
            _ => Code::Failure,
        };
        Self::new(code, error)
    }
}

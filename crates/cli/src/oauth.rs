//! Driving the flows of `auth` over a transport.

use auth::{Error, Flow, Prompt, Step, Tokens};
use sync::{Timer, Transport};

use crate::exit::{Code, Failure};
use crate::timer::SystemTimer;

/// Drives a flow to its end; `show` tells a person what to do.
pub(crate) async fn drive(
    transport: &dyn Transport,
    flow: &mut impl Flow,
    mut show: impl FnMut(&Prompt),
) -> Result<Tokens, Error> {
    loop {
        let request = flow.request().ok_or(Error::Finished)?;
        let step = match transport.send(request).await {
            Ok(response) => flow.receive(&response, SystemTimer.now())?,
            Err(failure) => flow.fail(failure)?,
        };
        match step {
            Step::Wait(wait) => SystemTimer.sleep(wait).await,
            Step::Prompt(prompt) => {
                show(&prompt);
                SystemTimer.sleep(prompt.wait).await;
            }
            Step::Tokens(tokens) => return Ok(*tokens),
        }
    }
}

/// Random bytes of the system's.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(Code::Failure, format!("the system has no randomness: {error}")))?;
    Ok(bytes)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        use auth::Refusal;
        let code = match &error {
            Error::Refused(refused) => match refused.refusal {
                Refusal::Credential | Refusal::Registration | Refusal::Tenant | Refusal::ClockSkew => Code::Operator,
                _ => Code::Login,
            },
            Error::Unavailable { status: 429, .. } => Code::TryLater,
            Error::Unavailable { .. } | Error::NoResponse { .. } => Code::Unavailable,
            Error::NotAnAnswer { .. } => Code::Data,
            Error::Certificate(_) => Code::Operator,
            _ => Code::Failure,
        };
        Self::new(code, error)
    }
}

impl From<auth::cache::CacheError> for Failure {
    fn from(error: auth::cache::CacheError) -> Self {
        let code = match &error {
            auth::cache::CacheError::NotAnAccount { .. } => Code::Operator,
            _ => Code::Failure,
        };
        Self::new(code, format!("the accounts: {error}"))
    }
}

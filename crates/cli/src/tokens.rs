//! Access tokens from a file or a command.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use sync::{AccessToken, TokenError, TokenProvider, Want};
use tokio::process::Command;
use tokio::sync::Mutex;

/// How long a token command may take: it may ask a person something.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(300);

/// A file with a token in it, read before each request: another program may keep it fresh.
pub(crate) struct TokenFile(pub(crate) PathBuf);

#[async_trait]
impl TokenProvider for TokenFile {
    async fn token(&self, _: &Want) -> Result<AccessToken, TokenError> {
        let path = self.0.display();
        let text = tokio::fs::read_to_string(&self.0)
            .await
            .map_err(|error| TokenError::Provider(format!("the token file {path} can't be read: {error}")))?;
        AccessToken::new(&text).map_err(|error| TokenError::Provider(format!("the token file {path}: {error}")))
    }
}

/// A command that prints a token. It is run once, and again whenever a fresh token is wanted; the claims that the
/// server asks for, if any, are in its environment as `CALDELTA_CLAIMS`.
pub(crate) struct TokenCommand {
    command: String,
    last: Mutex<Option<AccessToken>>,
}

impl TokenCommand {
    pub(crate) fn new(command: String) -> Self {
        Self { command, last: Mutex::new(None) }
    }

    async fn run(&self, want: &Want) -> Result<AccessToken, TokenError> {
        let failed = |why: String| TokenError::Provider(format!("the token command {why}"));
        let mut command = shell(&self.command);
        if let Want::WithClaims(claims) = want {
            command.env("CALDELTA_CLAIMS", claims);
        }
        // What it says on stderr goes to the terminal; what it prints is the token and goes nowhere else.
        command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        let output = tokio::time::timeout(COMMAND_TIMEOUT, command.output())
            .await
            .map_err(|_| failed(format!("did not end within {} s", COMMAND_TIMEOUT.as_secs())))?
            .map_err(|error| failed(format!("can't be run: {error}")))?;
        if !output.status.success() {
            return Err(failed(format!("failed ({})", output.status)));
        }
        let text = String::from_utf8(output.stdout).map_err(|_| failed("printed something that is not text".into()))?;
        AccessToken::new(&text).map_err(|error| failed(format!("printed no token: {error}")))
    }
}

#[async_trait]
impl TokenProvider for TokenCommand {
    async fn token(&self, want: &Want) -> Result<AccessToken, TokenError> {
        let mut last = self.last.lock().await;
        if let (Want::Good, Some(token)) = (want, last.as_ref()) {
            return Ok(token.clone());
        }
        let token = self.run(want).await?;
        *last = Some(token.clone());
        Ok(token)
    }
}

/// The token for a service on this machine when none was given: only a simulator can be there, and most take any.
pub(crate) struct LoopbackToken;

const LOOPBACK_TOKEN: &str = "caldelta-on-loopback";

#[async_trait]
impl TokenProvider for LoopbackToken {
    async fn token(&self, want: &Want) -> Result<AccessToken, TokenError> {
        match want {
            Want::Good => AccessToken::new(LOOPBACK_TOKEN),
            Want::Fresh | Want::WithClaims(_) => {
                let why = "the server wants to know who asks: log in there with `caldelta login --graph-root URL`";
                Err(TokenError::Provider(why.to_owned()))
            }
        }
    }
}

fn shell(command: &str) -> Command {
    let (program, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut shell = Command::new(program);
    shell.arg(flag).arg(command);
    shell
}

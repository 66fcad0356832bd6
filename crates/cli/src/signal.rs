//! Stopping cleanly.

use crate::exit::{Code, Failure};

/// Runs something until it ends or a signal comes. What is dropped then loses at most the page that was on its way:
/// the next run goes on from the last one that was stored.
pub(crate) async fn or_stop<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        code = stopped() => Err(Failure::new(code, "stopped; what was received is stored, and the next sync goes on from there")),
    }
}

/// Waits for Ctrl-C or SIGTERM.
#[cfg(unix)]
pub(crate) async fn stopped() -> Code {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => Code::Interrupted,
            _ = terminate.recv() => Code::Terminated,
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
            Code::Interrupted
        }
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
pub(crate) async fn stopped() -> Code {
    let _ = tokio::signal::ctrl_c().await;
    Code::Interrupted
}

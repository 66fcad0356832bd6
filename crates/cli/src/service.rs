//! What a service manager is told, if there is one that wants to know: systemd's `sd_notify`.

use std::fmt::Display;

/// That the command does its work from now on.
pub(crate) fn ready(status: impl Display) {
    platform::ready(&status.to_string());
}

/// What it is doing, in words.
pub(crate) fn status(status: impl Display) {
    platform::status(&status.to_string());
}

/// That it ends.
pub(crate) fn stopping() {
    platform::stopping();
}

/// Tells again and again that it is alive, twice as often as asked for. To be polled by the task that does the work: if
/// that hangs, nobody tells.
pub(crate) async fn watchdog() {
    let Some(interval) = platform::watchdog() else { return std::future::pending().await };
    loop {
        platform::alive();
        tokio::time::sleep(interval / 2).await;
    }
}

#[cfg(unix)]
mod platform {
    use std::time::Duration;

    use sd_notify::NotifyState;

    fn notify(state: &[NotifyState<'_>]) {
        // Nobody can be told that nobody can be told.
        let _ = sd_notify::notify(state);
    }

    pub(super) fn ready(status: &str) {
        notify(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    pub(super) fn status(status: &str) {
        notify(&[NotifyState::Status(status)]);
    }

    pub(super) fn stopping() {
        notify(&[NotifyState::Stopping]);
    }

    pub(super) fn alive() {
        notify(&[NotifyState::Watchdog]);
    }

    pub(super) fn watchdog() -> Option<Duration> {
        sd_notify::watchdog_enabled()
    }
}

#[cfg(not(unix))]
mod platform {
    use std::time::Duration;

    pub(super) fn ready(_: &str) {}

    pub(super) fn status(_: &str) {}

    pub(super) fn stopping() {}

    pub(super) fn alive() {}

    pub(super) fn watchdog() -> Option<Duration> {
        None
    }
}

//! Stopping cleanly, and waking early.

use crate::exit::{Code, Failure};

/// Listens for Ctrl-C and SIGTERM, from the moment it is made: a signal that comes before anybody waits is not lost.
pub(crate) struct Stop(platform::Signals);

impl Stop {
    pub(crate) fn listen() -> Result<Self, Failure> {
        let failed = |error| Failure::new(Code::Failure, format!("signals can't be listened for: {error}"));
        platform::Signals::listen().map(Self).map_err(failed)
    }

    /// Waits for a signal: the code to end with.
    pub(crate) async fn wait(&mut self) -> Code {
        self.0.next().await
    }

    /// Runs something until it ends or a signal comes. What is dropped then loses at most the page that was on its way:
    /// the next run goes on from the last one that was stored.
    pub(crate) async fn or<T>(&mut self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            done = work => done,
            code = self.wait() => {
                Err(Failure::new(code, "stopped; what was received is stored, and the next sync goes on from there"))
            }
        }
    }
}

/// Listens for SIGHUP: somebody wants everything to be looked at now.
pub(crate) struct Wake(platform::Hangups);

impl Wake {
    pub(crate) fn listen() -> Result<Self, Failure> {
        let failed = |error| Failure::new(Code::Failure, format!("signals can't be listened for: {error}"));
        platform::Hangups::listen().map(Self).map_err(failed)
    }

    pub(crate) async fn next(&mut self) {
        self.0.next().await;
    }
}

#[cfg(unix)]
mod platform {
    use std::io;

    use tokio::signal::unix::{Signal, SignalKind, signal};

    use crate::exit::Code;

    pub(super) struct Signals {
        interrupt: Signal,
        terminate: Signal,
    }

    impl Signals {
        pub(super) fn listen() -> io::Result<Self> {
            Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
        }

        pub(super) async fn next(&mut self) -> Code {
            tokio::select! {
                _ = self.interrupt.recv() => Code::Interrupted,
                _ = self.terminate.recv() => Code::Terminated,
            }
        }
    }

    pub(super) struct Hangups(Signal);

    impl Hangups {
        pub(super) fn listen() -> io::Result<Self> {
            signal(SignalKind::hangup()).map(Self)
        }

        pub(super) async fn next(&mut self) {
            let _ = self.0.recv().await;
        }
    }
}

#[cfg(windows)]
mod platform {
    use std::io;

    use tokio::signal::windows::{CtrlC, ctrl_c};

    use crate::exit::Code;

    pub(super) struct Signals(CtrlC);

    impl Signals {
        pub(super) fn listen() -> io::Result<Self> {
            ctrl_c().map(Self)
        }

        pub(super) async fn next(&mut self) -> Code {
            let _ = self.0.recv().await;
            Code::Interrupted
        }
    }

    /// There is no such signal.
    pub(super) struct Hangups;

    impl Hangups {
        pub(super) fn listen() -> io::Result<Self> {
            Ok(Self)
        }

        pub(super) async fn next(&mut self) {
            std::future::pending().await
        }
    }
}

//! Lines on the terminal that show how a sync goes, one for each target that is under way; silence elsewhere.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};

use delta_core::Resource;
use delta_core::RoundKind;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use sync::{Notice, Observer};

/// The lines of all targets.
pub(crate) struct Bars(MultiProgress);

impl Bars {
    pub(crate) fn new() -> Self {
        Self(MultiProgress::new())
    }

    /// A line for a target.
    pub(crate) fn progress(&self, target: &Resource) -> Progress {
        Progress::new(&target.to_string(), &self.0)
    }

    /// Prints something above the lines.
    pub(crate) fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
}

/// Shows the pages of a run on stderr, if that is a terminal.
pub(crate) struct Progress {
    bar: ProgressBar,
    items: AtomicU64,
}

impl Progress {
    fn new(target: &str, bars: &MultiProgress) -> Self {
        let bar =
            if std::io::stderr().is_terminal() { bars.add(ProgressBar::new_spinner()) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{prefix} {spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_prefix(target.to_owned());
        Self { bar, items: AtomicU64::new(0) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn notice(&self, notice: &Notice<'_>) {
        match notice {
            Notice::Round { kind: RoundKind::Full, staged: 0, .. } => self.bar.set_message("reading everything"),
            Notice::Round { kind: RoundKind::Incremental, staged: 0, .. } => {
                self.bar.set_message("reading what changed")
            }
            Notice::Round { staged, .. } => self.bar.set_message(format!("going on after page {staged}")),
            Notice::Page { number, page, .. } => {
                let items = self.items.fetch_add(page.len() as u64, Ordering::Relaxed) + page.len() as u64;
                self.bar.set_message(format!("page {number}, {items} items"));
            }
            Notice::Wait(wait) => {
                self.bar.set_message(format!("{}: waiting {:.0} s", wait.reason, wait.duration.as_secs_f64().ceil()));
            }
            Notice::Restart(restart) => {
                self.items.store(0, Ordering::Relaxed);
                self.bar.set_message(format!("{}: reading everything again", restart.reason));
            }
            _ => {}
        }
        self.bar.tick();
    }
}

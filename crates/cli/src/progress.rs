//! One line on the terminal that shows how a sync goes; silence elsewhere.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};

use delta_core::RoundKind;
use indicatif::{ProgressBar, ProgressStyle};
use sync::{Notice, Observer};

/// Shows the pages of a run on stderr, if that is a terminal.
pub(crate) struct Progress {
    bar: ProgressBar,
    items: AtomicU64,
}

impl Progress {
    pub(crate) fn new(target: &str) -> Self {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
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

//! Pages of the documentation whose commands are run as they stand.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::run;

/// A page under `docs/`.
pub(crate) struct Page {
    path: PathBuf,
    text: String,
}

impl Page {
    pub(crate) fn read(name: &str) -> Self {
        Self::at(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name))
    }

    pub(crate) fn at(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        Self { path, text }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What stands behind `$ `.
    pub(crate) fn commands(&self) -> Vec<&str> {
        self.text.lines().filter_map(|line| line.strip_prefix("$ ")).collect()
    }

    /// The first block of a kind.
    pub(crate) fn block(&self, kind: &str) -> &str {
        let (_, rest) = self.text.split_once(&format!("```{kind}\n")).unwrap();
        rest.split_once("```").unwrap().0
    }

    /// Runs each command of the `console` blocks, in which a command stands behind `$ ` and what it prints below, and
    /// holds that the page says what `answer` does; nothing is known about a command that is answered with `None`.
    /// With `CALDELTA_WRITE_DOCS=1` the page is written again.
    pub(crate) fn holds(&self, mut answer: impl FnMut(&str) -> Option<String>) {
        let mut written = String::new();
        let mut lines = self.text.lines().peekable();
        let mut console = false;
        while let Some(line) = lines.next() {
            written += &format!("{line}\n");
            console = if line.starts_with("```") { line == "```console" } else { console };
            let Some(command) = line.strip_prefix("$ ").filter(|_| console) else { continue };
            let mut printed = String::new();
            while let Some(more) = lines.next_if(|line| !line.starts_with("$ ") && *line != "```") {
                printed += &format!("{more}\n");
            }
            written += &answer(command).unwrap_or(printed);
        }
        if std::env::var_os("CALDELTA_WRITE_DOCS").is_some() {
            fs::write(&self.path, written).unwrap();
        } else {
            assert_eq!(self.text, written, "write the page again with CALDELTA_WRITE_DOCS=1");
        }
    }
}

/// Whether a program can be run here; where it can't, the test says so and goes on.
pub(crate) fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

/// A shell in a home of its own, which finds the binary.
pub(crate) fn shell_in(home: &Path, line: &str) -> Command {
    let bin = Path::new(env!("CARGO_BIN_EXE_caldelta")).parent().unwrap();
    let path = format!("{}:{}:{}", home.join("bin").display(), bin.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(home).env_clear().stdin(Stdio::null());
    command.env("PATH", path).env("HOME", home).env("LC_ALL", "C.UTF-8").env("TZ", "Europe/Berlin");
    command
}

/// Runs a line of a page.
pub(crate) fn shell(home: &Path, line: &str) -> String {
    run(&mut shell_in(home, line)).ok()
}

/// Puts a file into a home.
pub(crate) fn put(home: &Path, name: &str, text: &str) {
    let path = home.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

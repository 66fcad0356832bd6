//! `docs/session.md` is true: from nothing to khal, through a login by browser. The page tells of a fixed week; the session
//! is run in the one that begins today, which is what `agenda week` shows.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use common::authority::browse;
use common::page::{Page, is_there, put, shell_in};
use common::{Sim, finish, wait_until};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// The first day of the week that the page tells of.
const TOLD: Date = date(2026, 12, 7);

/// Today, where Samantha is.
fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::get("Europe/Berlin").unwrap()).date()
}

/// The text with each date moved by so many days, and each weekday that stands before one set right.
fn moved(text: &str, days: i32) -> String {
    let mut moved = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let found = rest.get(..10).filter(|_| !moved.ends_with(|c: char| c.is_ascii_digit()));
        let length = match found.and_then(|word| word.parse::<Date>().ok()) {
            Some(date) => {
                let then = date.saturating_add(days.days());
                if let Some(before) = moved.strip_suffix(&date.strftime("%A, ").to_string()) {
                    moved = format!("{before}{}", then.strftime("%A, "));
                }
                moved += &then.to_string();
                10
            }
            None => {
                moved.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    moved
}

/// Runs a command; whatever browser it opens is this test.
fn run_with_browser(home: &Path, line: &str) -> String {
    let opened = home.join("opened");
    let mut command = shell_in(home, &format!("{{ {line}; }} 2>&1"));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    if line.starts_with("caldelta login") {
        let url = wait_until("a browser opens", || fs::read_to_string(&opened).ok().filter(|url| url.ends_with('\n')));
        assert!(browse(url.trim()).contains("you may close this page"));
    }
    finish(child).stdout
}

/// Puts a browser on the path, which only says what it was to open.
fn browser(home: &Path) {
    put(home, "bin/xdg-open", "#!/bin/sh\nprintf '%s\\n' \"$1\" > \"$HOME/opened\"\n");
    fs::set_permissions(home.join("bin/xdg-open"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_session_of_the_page_runs_as_it_stands() {
    let page = Page::read("session.md");
    let days = (today() - TOLD).get_days();
    let home = tempfile::tempdir().unwrap();
    let name = home.path().to_str().unwrap();
    browser(home.path());
    put(home.path(), ".config/khal/config", page.block("ini"));
    put(home.path(), "calendar.json", &moved(page.block("json"), days));
    let sim = Sim::with(&["--require-login", "--load", &format!("{name}/calendar.json")]);
    page.holds(|command| {
        if command.starts_with("khal") && !is_there("khal") {
            return None;
        }
        let line = moved(command, days).replace("http://127.0.0.1:8080", &sim.graph_root);
        let printed = moved(&run_with_browser(home.path(), &line), -days);
        Some(printed.replace(name, "/home/samantha").replace(&sim.graph_root, "http://127.0.0.1:8080"))
    });
}

//! Each link of the documentation leads somewhere, and each page of the book is in its summary.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn pages_in(directory: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(directory)).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

/// The lines of a page that are no code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// What a heading is called in a link.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn anchors(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let headings =
        prose(&text).filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').to_owned());
    headings.map(|heading| anchor(&heading)).collect()
}

/// Where the links of a page lead.
fn links(text: &str) -> Vec<String> {
    let text = prose(text).collect::<Vec<_>>().join(" ");
    let targets = text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()));
    targets.filter(|target| !target.contains("://")).collect()
}

#[test]
fn each_link_leads_somewhere() {
    let mut pages = [pages_in("docs"), pages_in("docs/decisions"), pages_in("."), pages_in("packaging")].concat();
    pages.extend(pages_in("fixtures"));
    let mut count = 0;
    for page in pages {
        for link in links(&fs::read_to_string(&page).unwrap()) {
            let (file, wanted) = link.split_once('#').unwrap_or((&link, ""));
            let path = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(path.exists(), "{}: {link} leads nowhere", page.display());
            let found = wanted.is_empty() || anchors(&path).contains(&wanted.to_owned());
            assert!(found, "{}: {link}: there is no such heading", page.display());
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn each_page_is_in_the_summary() {
    let summary = fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    for page in pages_in("docs") {
        let name = page.file_name().unwrap().to_str().unwrap();
        assert!(name == "SUMMARY.md" || summary.contains(&format!("]({name})")), "{name} is not in the summary");
    }
}

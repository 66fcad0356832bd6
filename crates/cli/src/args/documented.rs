//! Each command line of the documentation is one that the command line takes.

use std::fs;
use std::path::Path;

use clap::error::ErrorKind;

/// The command lines in a page's blocks, each as its words, up to what the shell makes of the rest.
fn command_lines(text: &str) -> Vec<Vec<String>> {
    let (mut found, mut block) = (Vec::new(), None);
    for line in text.lines() {
        if let Some(kind) = line.trim_start().strip_prefix("```") {
            block = if block.is_some() { None } else { Some(kind.to_owned()) };
        } else if block.as_deref().is_some_and(|kind| ["sh", "console"].contains(&kind)) {
            let line = line.strip_prefix("$ ").unwrap_or(line);
            let words = words(line);
            if words.first().is_some_and(|first| first == "caldelta") {
                found.push(words);
            }
        }
    }
    found
}

fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            None if "|>&;".contains(c) || c == '#' && word.is_none() => break,
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn each_command_line_of_the_documentation_is_taken() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let mut count = 0;
    for page in pages.chain(["README.md", "packaging/README.md"].map(|name| root.join(name))) {
        for line in command_lines(&fs::read_to_string(&page).unwrap()) {
            let taken = crate::config::command().try_get_matches_from(&line);
            let error = taken.err().filter(|error| error.kind() != ErrorKind::DisplayHelp);
            assert!(error.is_none(), "{}: {line:?}: {}", page.display(), error.unwrap());
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
}

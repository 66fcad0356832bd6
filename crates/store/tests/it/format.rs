//! The format as it is, so that a change of it is noticed.

use std::fmt::Write;
use std::path::Path;

use crate::history::{History, segment};

/// A log as text: text as it is, each line and each item on a line of its own, everything else in hexadecimal.
fn dump(bytes: &[u8]) -> String {
    let mut dump = String::new();
    for part in bytes.utf8_chunks() {
        for letter in part.valid().chars() {
            match letter {
                '\n' => dump.push_str("\\n\n"),
                '\\' => dump.push_str("\\\\"),
                ' '..='~' => dump.push(letter),
                other => write!(dump, "\\{:02x}", u32::from(other)).unwrap(),
            }
        }
        for byte in part.invalid() {
            write!(dump, "{}\\{byte:02x}", if *byte == 0xff { "\n" } else { "" }).unwrap();
        }
    }
    dump.push('\n');
    dump
}

/// If this fails, the format has changed: logs that are out there can't be read any more. Then raise the number, and
/// run the test with `CALDELTA_BLESS=1` to accept what is new.
#[test]
fn the_format_has_not_changed() {
    let (disk, _) = History::new().on_disk();
    let found = dump(&disk.contents(&segment(1)).unwrap());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/format-0.log");
    if std::env::var_os("CALDELTA_BLESS").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(found, expected, "the format of the log has changed");
}

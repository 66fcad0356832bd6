//! `cargo xtask zones [--check]`: the table from Windows' names of time zones to IANA's, for the two crates that need it.
//!
//! The names are those of Unicode's CLDR (`windowsZones.xml`, territory 001), as jiff has them in its source: that is at
//! hand wherever this workspace is built, in the version that the lock file names.

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

/// Where jiff keeps what it has from CLDR.
const SOURCE: &str = "src/tz/system/windows/windows_zones.rs";

/// Where the table is needed. `graph-sim` must not use a crate of ours, so it has one of its own.
const TABLES: [&str; 2] = ["crates/export/src/zones/windows.rs", "crates/graph-sim/src/zone/windows.rs"];

/// CLDR never renames a zone, and IANA does: its names of today (`timezone.xml` in CLDR, `iana=`).
const RENAMED: [(&str, &str); 7] = [
    ("America/Buenos_Aires", "America/Argentina/Buenos_Aires"),
    ("America/Godthab", "America/Nuuk"),
    ("America/Indianapolis", "America/Indiana/Indianapolis"),
    ("Asia/Calcutta", "Asia/Kolkata"),
    ("Asia/Katmandu", "Asia/Kathmandu"),
    ("Asia/Rangoon", "Asia/Yangon"),
    ("Europe/Kiev", "Europe/Kyiv"),
];

/// Writes the tables, or with `--check` only says whether they stand there.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err("usage: cargo xtask zones [--check]".to_owned()),
    };
    let source = source()?;
    let text = std::fs::read_to_string(&source).map_err(|error| format!("{}: {error}", source.display()))?;
    let table = write(&read(&text)?);
    for name in TABLES {
        let path = crate::workspace().join(name);
        if check {
            if std::fs::read_to_string(&path).ok().as_ref() != Some(&table) {
                return Err(format!("{name} is not as it would be written: run `cargo xtask zones`"));
            }
        } else {
            std::fs::write(&path, &table).map_err(|error| format!("{name} can't be written: {error}"))?;
        }
    }
    Ok(())
}

pub(crate) fn check() -> Result<(), String> {
    run(&["--check".to_owned()])
}

/// The file in the source of jiff that this workspace is built with.
fn source() -> Result<PathBuf, String> {
    let output: Output = crate::cargo()
        .args(["metadata", "--format-version", "1", "--locked"])
        .output()
        .map_err(|error| format!("cargo metadata did not start: {error}"))?;
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata.get("packages").and_then(Value::as_array).ok_or("cargo metadata names no packages")?;
    let jiff = packages.iter().find(|package| package.get("name").is_some_and(|name| name == "jiff"));
    let manifest = jiff.and_then(|jiff| jiff.get("manifest_path")?.as_str()).ok_or("jiff is not among the packages")?;
    Ok(PathBuf::from(manifest).with_file_name(SOURCE))
}

/// The pairs of a table of raw strings: Windows' name, IANA's name.
fn read(source: &str) -> Result<Vec<(String, String)>, String> {
    let row = |line: &str| {
        let (windows, iana) = line.trim().strip_prefix("(r\"")?.strip_suffix("\"),")?.split_once("\", r\"")?;
        let renamed = RENAMED.iter().find(|(old, _)| *old == iana);
        Some((windows.to_owned(), renamed.map_or(iana, |(_, new)| new).to_owned()))
    };
    let zones: Vec<_> = source.lines().filter_map(row).collect();
    if zones.len() < 100 { Err(format!("{SOURCE} has only {} zones", zones.len())) } else { Ok(zones) }
}

fn write(zones: &[(String, String)]) -> String {
    let mut table = "// Made by `cargo xtask zones`.\n\n\
        /// Windows' names, and the IANA zone that Unicode's CLDR gives for each one as a whole (its territory 001).\n\
        pub(super) const ZONES: &[(&str, &str)] = &[\n"
        .to_owned();
    for (windows, iana) in zones {
        table += &format!("    (\"{windows}\", \"{iana}\"),\n");
    }
    table + "];\n"
}

//! What a crate may depend on is part of the design: the walls between the crates, checked.

/// What a crate may not depend on, neither directly nor through others.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("delta-core", &["store", "sync", "graph-sim"]),
    ("store", &["sync", "transport-reqwest", "graph-sim", "tokio", "reqwest", "hyper"]),
    ("sync", &["transport-reqwest", "graph-sim", "tokio", "reqwest", "hyper"]),
    ("auth", &["store", "sync", "graph-sim", "tokio", "reqwest", "hyper"]),
    ("export", &["sync", "transport-common", "graph-sim", "tokio", "reqwest", "hyper"]),
    // A second reading of the same contract, so that one misreading cannot cancel out on both sides.
    ("graph-sim", &["delta-core", "store", "sync", "auth", "transport-reqwest"]),
];

/// All that the core may name in its manifest: it can be embedded anywhere because it needs next to nothing. The last two
/// are what pages are read fast with: see docs/decisions/0020-vectors-in-the-core.md.
const CORE: &[&str] = &["http", "serde", "serde_json", "simdutf8", "wide"];

pub(super) fn check() -> Result<(), String> {
    let direct = dependencies("delta-core", &["--depth", "1"])?;
    if direct != CORE {
        return Err(format!("delta-core depends on {direct:?}, and may on {CORE:?} only"));
    }
    for (package, forbidden) in FORBIDDEN {
        let all = dependencies(package, &["--all-features"])?;
        let found: Vec<&str> = forbidden.iter().copied().filter(|name| all.iter().any(|found| found == name)).collect();
        if !found.is_empty() {
            return Err(format!(
                "{package} depends on {found:?}, and must not; see `cargo tree -p {package} -e normal`"
            ));
        }
    }
    Ok(())
}

/// The names of the packages that `package` needs in a build, itself left out.
fn dependencies(package: &str, more: &[&str]) -> Result<Vec<String>, String> {
    let output = crate::cargo()
        .args(["tree", "--locked", "-p", package, "-e", "normal", "--prefix", "none"])
        .args(more)
        .output()
        .map_err(|error| format!("cargo tree did not start: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut names: Vec<String> =
        text.lines().filter_map(|line| line.split(' ').next()).filter(|n| *n != package).map(String::from).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

//! Small files beside the replicas of a store: what commands tell each other. Each is written whole, by renaming.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::exit::{Code, Failure};

/// Reads a note. One that is not there, or that nobody can read, says nothing.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Writes a note, open to its owner only.
pub(crate) fn write(path: &Path, note: &impl Serialize) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(Code::Failure, format!("{}: {error}", path.display()));
    let directory = directory(path)?;
    let mut file = tempfile::Builder::new().suffix(".json").tempfile_in(directory).map_err(|error| failed(&error))?;
    let text = serde_json::to_vec(note).map_err(|error| failed(&error))?;
    file.write_all(&text).map_err(|error| failed(&error))?;
    file.persist(path).map_err(|error| failed(&error.error))?;
    Ok(())
}

/// The directory of a note, which is made if it is not there: open to its owner only, as the store itself makes it.
fn directory(path: &Path) -> Result<PathBuf, Failure> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = builder.create(directory);
    made.map_err(|error| Failure::new(Code::Failure, format!("{}: {error}", directory.display())))?;
    Ok(directory.to_owned())
}

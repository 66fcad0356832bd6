//! Small files beside the replicas of a store: what commands tell each other. Each is written whole, by renaming.

use std::fs::{self, File, OpenOptions, TryLockError};
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

/// A lock that is held as long as this lives, and longer by nobody: it ends with the process.
pub(crate) struct Lock {
    _held: File,
}

impl Lock {
    /// Takes the lock; none if another process holds it.
    pub(crate) fn take(path: &Path) -> Result<Option<Self>, Failure> {
        directory(path)?;
        let failed = |error| Failure::new(Code::Failure, format!("{}: {error}", path.display()));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _held: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Whether somebody holds the lock.
    pub(crate) fn is_held(path: &Path) -> bool {
        let Ok(file) = File::open(path) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
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

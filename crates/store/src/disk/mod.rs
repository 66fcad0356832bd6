//! The few things that the file backend asks of a file system.
//!
//! Everything that touches a disk goes through [`Disk`], so that the properties can run on [`SimDisk`], which forgets,
//! tears and refuses on purpose, while programs run on [`RealDisk`].

mod real;
mod sim;

pub use real::RealDisk;
pub use sim::{Fault, SimDisk, Survival};

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What to open a file for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read an existing file.
    Read,
    /// Read and write an existing file.
    Write,
    /// Create a file that does not exist, readable by its owner only, and write to it.
    Create,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name inside the directory.
    pub name: String,
    /// Whether it is a directory itself.
    pub is_dir: bool,
}

/// The outcome of asking for a lock.
#[derive(Debug)]
pub enum Lock {
    /// The lock is ours until the guard is dropped.
    Held(Box<dyn Guard>),
    /// Somebody else has it; the text is what the holder wrote about itself, if it can be read.
    Taken(Option<String>),
}

/// Keeps a lock for as long as it lives.
pub trait Guard: Debug + Send + Sync {}

/// A file system, as much of it as the store needs.
///
/// The contract is POSIX's: what was written may be lost until [`File::sync_data`] has returned, and a new name may be
/// lost until [`sync_dir`](Self::sync_dir) of its directory has.
pub trait Disk: Debug + Send + Sync {
    /// The entries of a directory, in no particular order.
    ///
    /// # Errors
    /// `NotFound` if there is nothing, `NotADirectory` if it is a file.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;

    /// Creates one directory, open to its owner only.
    ///
    /// # Errors
    /// `AlreadyExists` if there is something of that name, `NotFound` if the parent is missing.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Opens a file.
    ///
    /// # Errors
    /// `NotFound` or, with [`Access::Create`], `AlreadyExists`.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>>;

    /// Removes a file's name.
    ///
    /// # Errors
    /// Whatever the file system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// Whatever the file system says; what is durable is then unknown.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Takes the exclusive lock on a file of its own, creating the file if need be, and writes `holder` into it.
    ///
    /// # Errors
    /// Whatever the file system says; a lock that somebody else has is not an error but [`Lock::Taken`].
    fn lock(&self, path: &Path, holder: &str) -> io::Result<Lock>;
}

/// An open file.
pub trait File: Debug + Send + Sync {
    /// Reads up to `buffer.len()` bytes from `offset`; 0 means the end of the file.
    ///
    /// # Errors
    /// Whatever the file system says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`. After an error any part of them may have been written.
    ///
    /// # Errors
    /// Whatever the file system says.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    /// Whatever the file system says.
    fn size(&self) -> io::Result<u64>;

    /// Cuts the file off at `len` bytes, or extends it with zeros.
    ///
    /// # Errors
    /// Whatever the file system says.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes the content and the length durable.
    ///
    /// # Errors
    /// Whatever the file system says; what is durable is then unknown, and asking again would prove nothing.
    fn sync_data(&self) -> io::Result<()>;
}

/// Reads exactly `buffer.len()` bytes, or says `UnexpectedEof`.
pub(crate) fn read_exact_at(file: &dyn File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match file.read_at(buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buffer = buffer.get_mut(read..).unwrap_or_default();
                offset = offset.saturating_add(read as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Creates a directory and its missing ancestors. Making its own name durable in its parent is left to the caller.
pub(crate) fn create_dirs(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    match disk.create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && parent_of(dir) != dir => {
            create_dirs(disk, parent_of(dir))?;
            disk.sync_dir(parent_of(parent_of(dir)))?;
            disk.create_dir(dir)
        }
        other => other,
    }
}

/// The directory that holds a path's name; `.` for a bare name.
pub(crate) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

//! A directory with one directory per replica.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;
use crate::disk::{Disk, Entry, RealDisk};
use crate::file::{FileOptions, FileStore};

/// The replicas of a path. Nothing is created before a replica is opened for writing.
#[derive(Debug, Clone)]
pub struct Library {
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

/// A replica in a library. What it is of says its [`identity`](crate::View::identity).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shelf {
    /// The name of its directory.
    pub name: String,
    /// Its directory.
    pub path: PathBuf,
}

impl Library {
    /// The library at a path, which may be empty or not there yet.
    ///
    /// # Errors
    /// [`Error::NotAStore`] if there is a file, or a directory that holds things and no replica; [`Error::Io`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::open_with(Arc::new(RealDisk), path)
    }

    /// The library at a path on a disk of one's own.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn open_with(disk: Arc<dyn Disk>, path: impl Into<PathBuf>) -> Result<Self, Error> {
        let library = Self { disk, path: path.into() };
        library.replicas()?;
        Ok(library)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its replicas, by name.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn replicas(&self) -> Result<Vec<Shelf>, Error> {
        let not_a_store = |why| Error::NotAStore { path: self.path.clone(), why };
        let entries = match self.disk.list(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Err(not_a_store("it is a file")),
            Err(error) => return Err(Error::io("list", &self.path)(error)),
        };
        let foreign = entries.iter().any(|entry| !is_note(entry));
        let replicas = entries.into_iter().filter(is_replica);
        let mut replicas: Vec<_> =
            replicas.map(|entry| Shelf { path: self.path.join(&entry.name), name: entry.name }).collect();
        if replicas.is_empty() && foreign {
            return Err(not_a_store("the directory holds other things, and no replica"));
        }
        replicas.sort();
        Ok(replicas)
    }

    /// Where the replica of a resource is, or would be. The text is all that tells it from others, such as the service
    /// root, the version and the path; it is compared exactly, case included.
    pub fn shelf(&self, resource: &str) -> Shelf {
        let name = format!("{}-{:016x}", slug(resource), hash(resource));
        Shelf { path: self.path.join(&name), name }
    }

    /// Opens the replica of a resource for writing, and creates it if there is none.
    ///
    /// # Errors
    /// Those of [`FileStore::open`].
    pub fn writer(&self, resource: &str) -> Result<FileStore, Error> {
        FileStore::open_with(self.disk.clone(), self.shelf(resource).path, FileOptions::default())
    }

    /// Opens the replica of a resource for reading; none if there is none.
    ///
    /// # Errors
    /// Those of [`FileStore::read_only`].
    pub fn reader(&self, resource: &str) -> Result<Option<FileStore>, Error> {
        match FileStore::read_only_with(self.disk.clone(), self.shelf(resource).path) {
            Ok(store) => Ok(Some(store)),
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whether it is a note of a program that looks after the replicas: those may lie beside them, and before them.
fn is_note(entry: &Entry) -> bool {
    !entry.is_dir && (entry.name.ends_with(".json") || entry.name.ends_with(".lock"))
}

/// Whether a name is one that [`Library::shelf`] gives.
fn is_replica(entry: &Entry) -> bool {
    let hash = entry.name.rsplit_once('-').map(|(_, hash)| hash);
    entry.is_dir && hash.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The letters and digits of a text, for people to recognise it by. File systems may ignore case, so it is lower.
fn slug(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut slug = String::new();
    for letter in text.chars().map(|letter| letter.to_ascii_lowercase()) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == LONGEST {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// FNV-1a with 64 bits: the same in every version and on every machine, and good enough for some hundred names. Should two
/// resources share one, the replica's identity tells them apart.
fn hash(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

//! The segments of a log: their names, and the files that are open.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;
use crate::disk::{Access, Disk, File, read_exact_at};

/// Where a payload lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) segment: u32,
    pub(super) len: u32,
    pub(super) offset: u64,
}

/// The path of a segment.
pub(super) fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:06}.log"))
}

/// The number of the segment that a file name stands for.
fn number(name: &str) -> Option<u32> {
    let number: u32 = name.strip_suffix(".log")?.parse().ok()?;
    (number > 0 && format!("{number:06}.log") == name).then_some(number)
}

/// The numbers of a store's segments, in order.
///
/// # Errors
/// [`Error::NotAStore`] for a file, for a directory with other things in it, and where a directory has a segment's name;
/// [`Error::Damaged`] if one is missing in between.
pub(super) fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<u32>, Error> {
    let entries = disk.list(dir).map_err(|error| match error.kind() {
        io::ErrorKind::NotADirectory => not_a_store(dir, "it is a file"),
        _ => Error::io("list", dir)(error),
    })?;
    let mut numbers = Vec::new();
    let mut foreign = false;
    for entry in entries {
        match number(&entry.name) {
            Some(_) if entry.is_dir => {
                return Err(not_a_store(&dir.join(entry.name), "a directory has a segment's name"));
            }
            Some(number) => numbers.push(number),
            None => foreign |= entry.name != super::LOCK,
        }
    }
    if numbers.is_empty() && foreign {
        return Err(not_a_store(dir, "the directory holds other things"));
    }
    numbers.sort_unstable();
    match (1..).zip(&numbers).find(|(expected, found)| expected != *found) {
        None => Ok(numbers),
        Some((missing, _)) => {
            Err(Error::Damaged { path: path(dir, missing), offset: 0, what: "the segment is missing" })
        }
    }
}

fn not_a_store(path: &Path, why: &'static str) -> Error {
    Error::NotAStore { path: path.to_owned(), why }
}

/// The segments that are open. Clones share the files; a view keeps its own.
#[derive(Debug, Clone)]
pub(super) struct Segments {
    dir: Arc<Path>,
    files: Arc<BTreeMap<u32, Arc<dyn File>>>,
}

impl Segments {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.into(), files: Arc::default() }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn path(&self, number: u32) -> PathBuf {
        path(&self.dir, number)
    }

    pub(super) fn insert(&mut self, number: u32, file: Arc<dyn File>) {
        Arc::make_mut(&mut self.files).insert(number, file);
    }

    pub(super) fn remove(&mut self, number: u32) {
        Arc::make_mut(&mut self.files).remove(&number);
    }

    /// A segment's file, opened if it is not open yet.
    pub(super) fn open(&mut self, disk: &dyn Disk, number: u32, access: Access) -> Result<Arc<dyn File>, Error> {
        if let Some(file) = self.files.get(&number) {
            return Ok(file.clone());
        }
        let path = self.path(number);
        let file = disk.open(&path, access).map_err(Error::io("open", &path))?;
        self.insert(number, file.clone());
        Ok(file)
    }

    /// The text in a span.
    pub(super) fn text(&self, span: Span) -> Result<String, Error> {
        let path = self.path(span.segment);
        let damaged = |what| Error::Damaged { path: path.clone(), offset: span.offset, what };
        let file = self.files.get(&span.segment).ok_or_else(|| damaged("the segment of a payload is missing"))?;
        let mut bytes = vec![0; span.len as usize];
        match read_exact_at(file.as_ref(), &mut bytes, span.offset) {
            Ok(()) => String::from_utf8(bytes).map_err(|_| damaged("a payload is not text")),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(damaged("a payload is cut off")),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }
}

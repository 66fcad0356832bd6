//! The segments of a log: their names, and the files that are open.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crc32c::crc32c;

use crate::Error;
use crate::disk::{Access, Disk, File, read_exact_at};

/// Where a payload lies, and its checksum: what was not read when the store was opened is checked when it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) segment: u32,
    pub(super) offset: u32,
    pub(super) len: u32,
    pub(super) crc: u32,
}

/// The path of a segment.
pub(super) fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:06}.log"))
}

/// The path of a sealed segment's hint.
pub(super) fn hint_path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:06}.hint"))
}

/// The number in a file name with this end.
fn number(name: &str, end: &str) -> Option<u32> {
    let number: u32 = name.strip_suffix(end)?.parse().ok()?;
    (number > 0 && format!("{number:06}{end}") == name).then_some(number)
}

/// The files of a store.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The segments from the last one back to the first that is missing, in order.
    pub(super) numbers: Vec<u32>,
    /// What comes before a missing one: leftovers, or what is left of a damaged store.
    pub(super) before: Vec<u32>,
    /// The segments that have a hint, or had one when they were there.
    pub(super) hints: Vec<u32>,
}

/// Looks at the files of a store.
///
/// # Errors
/// [`Error::NotAStore`] for a file, for a directory with other things in it, and where a directory has a segment's name.
pub(super) fn list(disk: &dyn Disk, dir: &Path) -> Result<Listing, Error> {
    let entries = disk.list(dir).map_err(|error| match error.kind() {
        io::ErrorKind::NotADirectory => not_a_store(dir, "it is a file"),
        _ => Error::io("list", dir)(error),
    })?;
    let mut listing = Listing::default();
    let mut foreign = false;
    for entry in entries {
        match (number(&entry.name, ".log"), number(&entry.name, ".hint")) {
            (Some(_), _) if entry.is_dir => {
                return Err(not_a_store(&dir.join(entry.name), "a directory has a segment's name"));
            }
            (Some(number), _) => listing.numbers.push(number),
            (_, Some(number)) => listing.hints.push(number),
            _ => foreign |= entry.name != super::LOCK,
        }
    }
    if listing.numbers.is_empty() && foreign {
        return Err(not_a_store(dir, "the directory holds other things"));
    }
    let numbers = &mut listing.numbers;
    numbers.sort_unstable();
    let expected = (0..).map(|back| numbers.last().and_then(|last| last.checked_sub(back)));
    let run = numbers.iter().rev().zip(expected).take_while(|(found, expected)| Some(**found) == *expected).count();
    let dense = numbers.split_off(numbers.len().saturating_sub(run));
    listing.before = std::mem::replace(numbers, dense);
    Ok(listing)
}

fn not_a_store(path: &Path, why: &'static str) -> Error {
    Error::NotAStore { path: path.to_owned(), why }
}

/// The segments that are open. Clones share the files; a view keeps its own, also when their names are gone.
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

    /// The numbers of those that are open, in order.
    pub(super) fn numbers(&self) -> impl DoubleEndedIterator<Item = u32> {
        self.files.keys().copied()
    }

    /// How many bytes there are in all of them.
    pub(super) fn bytes(&self) -> Result<u64, Error> {
        self.files.iter().try_fold(0_u64, |sum, (number, file)| {
            let size = file.size().map_err(Error::io("measure", &self.path(*number)))?;
            Ok(sum.saturating_add(size))
        })
    }

    pub(super) fn insert(&mut self, number: u32, file: Arc<dyn File>) {
        Arc::make_mut(&mut self.files).insert(number, file);
    }

    pub(super) fn remove(&mut self, number: u32) {
        Arc::make_mut(&mut self.files).remove(&number);
    }

    /// Lets go of what comes before a segment.
    pub(super) fn begin_at(&mut self, first: u32) {
        if self.numbers().next().is_some_and(|number| number < first) {
            Arc::make_mut(&mut self.files).retain(|number, _| *number >= first);
        }
    }

    /// The file of a segment that is open.
    pub(super) fn file(&self, number: u32) -> Option<Arc<dyn File>> {
        self.files.get(&number).cloned()
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
        let damaged = |what| Error::Damaged { path: path.clone(), offset: span.offset.into(), what };
        let file = self.files.get(&span.segment).ok_or_else(|| damaged("the segment of a payload is missing"))?;
        let mut bytes = vec![0; span.len as usize];
        match read_exact_at(file.as_ref(), &mut bytes, span.offset.into()) {
            Ok(()) if crc32c(&bytes) == span.crc => {
                String::from_utf8(bytes).map_err(|_| damaged("a payload is not text"))
            }
            Ok(()) => Err(damaged("a payload has changed since it was written")),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(damaged("a payload is cut off")),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }
}

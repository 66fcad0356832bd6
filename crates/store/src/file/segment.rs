//! The segments of a log: their names, and the files that are open.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crc32c::crc32c;
use serde::{Deserialize, Serialize};

use super::codec::{self, At};
use super::frame::{FrameHeader, HEADER};
use super::pages::Pages;
use super::record;
use crate::Error;
use crate::disk::{Access, Disk, File, read_exact_at};
use crate::heap::{Heap, Item};
use crate::model::Row;

/// Where a payload lies, and its checksum: what was not read when the store was opened is checked when it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) segment: u32,
    pub(super) offset: u32,
    pub(super) len: u32,
    pub(super) crc: u32,
}

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Home {
    /// The segment that its record is in.
    pub(super) segment: u32,
    /// Where in it the record begins.
    pub(super) offset: u32,
    /// The first segment that the record or one of its payloads is in.
    pub(super) oldest: u32,
}

/// Where a staged page is: a frame, and which of its pages it is. In a line: `[segment, offset, number]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "(u32, u32, u32)", into = "(u32, u32, u32)")]
pub(super) struct Leaf {
    pub(super) segment: u32,
    pub(super) offset: u32,
    pub(super) page: u32,
}

impl From<(u32, u32, u32)> for Leaf {
    fn from((segment, offset, page): (u32, u32, u32)) -> Self {
        Self { segment, offset, page }
    }
}

impl From<Leaf> for (u32, u32, u32) {
    fn from(Leaf { segment, offset, page }: Leaf) -> Self {
        (segment, offset, page)
    }
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
    pages: Arc<Pages>,
}

impl Segments {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.into(), files: Arc::default(), pages: Arc::default() }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn path(&self, number: u32) -> PathBuf {
        path(&self.dir, number)
    }

    /// Forgets what staged pages say.
    pub(super) fn forget_pages(&self) {
        self.pages.clear();
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

    pub(super) fn damaged(&self, segment: u32, offset: u32, what: &'static str) -> Error {
        Error::Damaged { path: self.path(segment), offset: offset.into(), what }
    }

    /// That something is wrong with a frame.
    pub(super) fn damaged_at(&self, at: At, what: &'static str) -> Error {
        Error::Damaged { path: self.path(at.segment), offset: at.offset, what }
    }

    /// Fills a buffer with what lies at an offset.
    fn fill(&self, buffer: &mut [u8], segment: u32, offset: u32, what: &'static str) -> Result<(), Error> {
        let missing = || self.damaged(segment, offset, "the segment of something that is needed is missing");
        let file = self.files.get(&segment).ok_or_else(missing)?;
        match read_exact_at(file.as_ref(), buffer, offset.into()) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(self.damaged(segment, offset, what)),
            other => other.map_err(Error::io("read", &self.path(segment))),
        }
    }
}

impl Heap for Segments {
    type Text = Span;
    type Home = Home;
    type Leaf = Leaf;

    fn text(&self, span: &Span) -> Result<String, Error> {
        let Span { segment, offset, len, crc } = *span;
        let mut bytes = vec![0; len as usize];
        self.fill(&mut bytes, segment, offset, "a payload is cut off")?;
        if crc32c(&bytes) != crc {
            return Err(self.damaged(segment, offset, "a payload has changed since it was written"));
        }
        String::from_utf8(bytes).map_err(|_| self.damaged(segment, offset, "a payload is not text"))
    }

    fn len(&self, span: &Span) -> u64 {
        span.len.into()
    }

    fn row(&self, home: &Home) -> Result<Row<Span>, Error> {
        let Home { segment, offset, .. } = *home;
        let missing = || self.damaged(segment, offset, "the segment of a row is missing");
        let file = self.files.get(&segment).ok_or_else(missing)?;
        // As long as most records are, and then longer and longer.
        let mut bytes = vec![0; 1024];
        loop {
            let read = read_at_most(file.as_ref(), &mut bytes, offset.into());
            let read = read.map_err(Error::io("read", &self.path(segment)))?;
            let mut values = serde_json::Deserializer::from_slice(bytes.get(..read).unwrap_or_default())
                .into_iter::<serde::de::IgnoredAny>();
            match values.next() {
                Some(Ok(_)) => {
                    let record = bytes.get(..values.byte_offset()).unwrap_or_default();
                    let row = record::Place { segment, offset }.any(record);
                    return row.ok_or_else(|| self.damaged(segment, offset, "a row has changed since it was written"));
                }
                Some(Err(error)) if error.is_eof() && read == bytes.len() => {
                    let longer = bytes.len().saturating_mul(8);
                    bytes.resize(longer, 0);
                }
                _ => return Err(self.damaged(segment, offset, "a row has changed since it was written")),
            }
        }
    }

    fn page(&self, leaf: &Leaf) -> Result<Arc<[Item<Self>]>, Error> {
        if let Some(items) = self.pages.get(leaf) {
            return Ok(items);
        }
        let Leaf { segment, offset, page } = *leaf;
        let what = "a staged page has changed since it was written";
        let mut head = [0; HEADER];
        self.fill(&mut head, segment, offset, what)?;
        let header = FrameHeader::read(&head).ok_or_else(|| self.damaged(segment, offset, what))?;
        let at = At { segment, offset: offset.into(), payloads: header.payloads };
        let begins = u32::try_from(at.line()).map_err(|_| self.damaged(segment, offset, what))?;
        let mut line = vec![0; header.line as usize];
        self.fill(&mut line, segment, begins, what)?;
        let items = codec::page_items(&line, at, page).ok_or_else(|| self.damaged(segment, offset, what))?;
        let items = items.into_iter().map(Item::from).collect();
        self.pages.keep(*leaf, &items);
        Ok(items)
    }
}

/// Reads until the buffer is full or the file ends; how many bytes.
fn read_at_most(file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset.saturating_add(read as u64)) {
            Ok(0) => break,
            Ok(more) => read = read.saturating_add(more),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

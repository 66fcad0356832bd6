//! The end of the log, where frames are added, and its beginning, where segments go.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::codec::{At, Encoded};
use super::frame::{Chain, HEADER, SEGMENT_HEADER, finish, segment_header};
use super::hint;
use super::recover::Ending;
use super::scan::{Place, Scan};
use super::segment::{self, Segments, hint_path};
use crate::Error;
use crate::disk::{Access, Disk, File, read_exact_at};

/// The writing end of a log.
#[derive(Debug)]
pub(super) struct Log {
    disk: Arc<dyn Disk>,
    segments: Segments,
    place: Place,
    tail: Arc<dyn File>,
    segment_bytes: u64,
    /// The tail when it was last asked whether there is a new one.
    seen: u32,
    /// What is on the disk is not known any more.
    poisoned: bool,
}

impl Log {
    /// Goes on where reading has ended: cuts off what is torn, and makes durable what was read before anything is built
    /// on it. All of it can be repeated if it is interrupted.
    pub(super) fn resume(
        disk: Arc<dyn Disk>,
        mut segments: Segments,
        mut place: Place,
        ending: Ending,
        segment_bytes: u64,
    ) -> Result<Self, Error> {
        if let Ending::TornSegment(number) = ending {
            check_last(disk.as_ref(), &mut segments, &place)?;
            let path = segments.path(number);
            disk.remove(&path).map_err(Error::io("remove", &path))?;
        }
        let tail = if place.segment == 0 {
            place = Place::begin(1, 1, place.chain);
            create(disk.as_ref(), &mut segments, &place)?
        } else {
            let tail = segments.open(disk.as_ref(), place.segment, Access::Write)?;
            let path = segments.path(place.segment);
            if ending == Ending::TornFrame {
                tail.set_len(place.offset).map_err(Error::io("cut off the torn end of", &path))?;
            }
            rewrite(tail.as_ref(), &place).map_err(Error::io("rewrite the end of", &path))?;
            tail.sync_data().map_err(Error::io("sync", &path))?;
            sync_dir(disk.as_ref(), segments.dir())?;
            tail
        };
        let mut log = Self { disk, segments, place, tail, segment_bytes, seen: 0, poisoned: false };
        log.remove_leftovers()?;
        Ok(log)
    }

    /// Starts a log with a segment of this number, behind others that are no part of it. Its frames say that the log begins
    /// with the segment `first`.
    pub(super) fn create(
        disk: Arc<dyn Disk>,
        mut segments: Segments,
        number: u32,
        first: u32,
        segment_bytes: u64,
    ) -> Result<Self, Error> {
        let place = Place::begin(number, first, Chain::START);
        let tail = create(disk.as_ref(), &mut segments, &place)?;
        Ok(Self { disk, segments, place, tail, segment_bytes, seen: 0, poisoned: false })
    }

    /// The segments that there are by now.
    pub(super) fn segments(&self) -> &Segments {
        &self.segments
    }

    /// The number of the segment that frames are added to.
    pub(super) fn tail(&self) -> u32 {
        self.place.segment
    }

    /// Whether a segment was sealed since this was last asked, or since the store was opened.
    pub(super) fn has_grown(&mut self) -> bool {
        std::mem::replace(&mut self.seen, self.place.segment) != self.place.segment
    }

    /// Adds a frame with one write and one sync, and says where it is. From this frame on nothing is needed that comes
    /// before the segment `first`, if there is one.
    pub(super) fn append(&mut self, encoded: &mut Encoded, first: Option<u32>) -> Result<At, Error> {
        if self.poisoned {
            return Err(Error::Poisoned { path: self.segments.dir().to_owned() });
        }
        let first = first.unwrap_or(self.place.first);
        let Encoded { bytes, line } = encoded;
        let built = finish(bytes, self.place.chain, first, *line);
        let built = built.filter(|_| u32::try_from(bytes.len().saturating_add(SEGMENT_HEADER)).is_ok());
        let crc = built.ok_or(Error::Invalid("a batch is longer than a frame can be"))?;
        let len = bytes.len() as u64;
        let most = self.segment_bytes.min(u32::MAX.into());
        if self.place.offset > SEGMENT_HEADER as u64 && self.place.offset.saturating_add(len) > most {
            self.roll()?;
        }
        let Place { segment, offset, chain, .. } = self.place;
        let path = self.segments.path(segment);
        if let Err(error) = self.tail.write_at(bytes, offset) {
            // The frame is not whole, so it does not count; but what is left of it must not lie behind the next one.
            self.poisoned = self.tail.set_len(offset).is_err();
            return Err(Error::io("write to", &path)(error));
        }
        if let Err(error) = self.tail.sync_data() {
            self.poisoned = true;
            return Err(Error::io("sync", &path)(error));
        }
        self.place =
            Place { segment, offset: offset.saturating_add(len), last: offset, chain: chain.after(crc), first };
        let payloads = bytes.len().saturating_sub(*line).saturating_sub(HEADER);
        Ok(At { segment, offset, payloads: u32::try_from(payloads).unwrap_or(u32::MAX) })
    }

    /// Gives up writing, because what was written can't be read.
    pub(super) fn poison(&mut self) {
        self.poisoned = true;
    }

    /// Starts the next segment.
    fn roll(&mut self) -> Result<(), Error> {
        let sealed = self.place.segment;
        let number = sealed.checked_add(1).ok_or(Error::Invalid("the log has no segment numbers left"))?;
        // Until it is through, there may be half a segment, which only opening the store again removes.
        self.poisoned = true;
        // The frames are durable, but not yet the cut after a failed write: a sealed segment has to end with a frame.
        self.tail.sync_data().map_err(Error::io("sync", &self.segments.path(sealed)))?;
        let place = Place::begin(number, self.place.first, self.place.chain);
        let tail = create(self.disk.as_ref(), &mut self.segments, &place)?;
        self.poisoned = false;
        let tail = std::mem::replace(&mut self.tail, tail);
        self.place = place;
        hint::make(self.disk.as_ref(), &self.segments, tail.as_ref(), sealed);
        Ok(())
    }

    /// Removes what comes before the first segment that is needed. Views that are open keep what they have.
    pub(super) fn remove_leftovers(&mut self) -> Result<(), Error> {
        let first = self.place.first;
        self.segments.begin_at(first);
        let listing = segment::list(self.disk.as_ref(), self.segments.dir())?;
        let logs = listing.before.iter().chain(&listing.numbers).filter(|number| **number < first);
        let hints = listing.hints.iter().filter(|number| **number < first || **number >= self.place.segment);
        let logs = logs.map(|number| self.segments.path(*number));
        for path in logs.chain(hints.map(|number| hint_path(self.segments.dir(), *number))) {
            self.disk.remove(&path).map_err(Error::io("remove", &path))?;
        }
        Ok(())
    }
}

/// Makes sure that the last frame of a segment that was sealed is whole, before it is at the end again, where a frame that
/// is not would pass for torn: it may be known from a hint only.
fn check_last(disk: &dyn Disk, segments: &mut Segments, place: &Place) -> Result<(), Error> {
    if place.last == 0 {
        return Ok(());
    }
    let file = segments.open(disk, place.segment, Access::Write)?;
    let path = segments.path(place.segment);
    let mut scan = Scan::new(file.as_ref(), &path, place.segment)?;
    match scan.frame(place.last)? {
        Some(header) if header.crc == place.chain.crc => Ok(()),
        _ => Err(scan.damaged(place.last, "the last frame of a sealed segment is not whole")),
    }
}

/// Writes the last frame, or the header, once more as it is. After a failed sync the system may take bytes for durable
/// that only the page cache has, and show them to whoever opens the file next: a sync alone would then do nothing.
fn rewrite(tail: &dyn File, place: &Place) -> io::Result<()> {
    let len = usize::try_from(place.offset.saturating_sub(place.last)).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; len];
    read_exact_at(tail, &mut bytes, place.last)?;
    tail.write_at(&bytes, place.last)
}

/// Creates the segment that begins at a place, and makes it durable.
fn create(disk: &dyn Disk, segments: &mut Segments, place: &Place) -> Result<Arc<dyn File>, Error> {
    let number = place.segment;
    let path = segments.path(number);
    let file = disk.open(&path, Access::Create).map_err(Error::io("create", &path))?;
    file.write_at(&segment_header(number, place.first, place.chain), 0).map_err(Error::io("write to", &path))?;
    file.sync_data().map_err(Error::io("sync", &path))?;
    sync_dir(disk, segments.dir())?;
    segments.insert(number, file.clone());
    Ok(file)
}

fn sync_dir(disk: &dyn Disk, dir: &Path) -> Result<(), Error> {
    disk.sync_dir(dir).map_err(Error::io("sync", dir))
}

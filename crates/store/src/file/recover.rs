//! Reading a log from where one has got to: hints, where there are any, and the tail.

use std::path::Path;

use super::frame::SegmentHeader;
use super::hint::{self, Hint};
use super::scan::{Frame, Place, Scan};
use super::segment::{self, Segments};
use crate::Error;
use crate::disk::{Access, Disk};

/// How a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With a whole frame, or with a header.
    Whole,
    /// With something that is not a whole frame.
    TornFrame,
    /// With a segment whose header is not whole.
    TornSegment(u32),
    /// The segment from which to go on is gone. Everything has to be read anew.
    Gone,
}

/// What a log is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To go on writing: hints that are missing are made.
    Write,
    /// To read.
    Read,
    /// To look at all of it: hints are compared with what they are about.
    Verify,
}

impl Purpose {
    fn access(self) -> Access {
        if self == Self::Write { Access::Write } else { Access::Read }
    }
}

/// What is done with each frame, when the segments up to its own are open.
pub(super) type Visit<'a> = &'a mut dyn FnMut(&Segments, Frame) -> Result<(), Error>;

/// Gives each whole frame after a place to `visit`, and moves the place along. Changes nothing on the disk but hints, and
/// those only for a writer.
///
/// # Errors
/// [`Error::Damaged`], [`Error::Newer`], or what [`segment::list`] says.
pub(super) fn read(
    disk: &dyn Disk,
    purpose: Purpose,
    segments: &mut Segments,
    place: &mut Place,
    visit: Visit<'_>,
) -> Result<Ending, Error> {
    let numbers = segment::list(disk, segments.dir())?.numbers;
    let from = place.segment;
    if from > 0 && !numbers.contains(&from) {
        return Ok(Ending::Gone);
    }
    let last = numbers.last().copied().unwrap_or(0);
    let mut ending = Ending::Whole;
    for number in numbers.iter().copied().filter(|number| *number >= from) {
        ending = one(disk, purpose, segments, number, number == last, place, visit)?;
    }
    match numbers.first().and_then(|first| first.checked_sub(1)).filter(|missing| *missing >= place.first) {
        None => Ok(ending),
        Some(missing) => Err(is_missing(segments.dir(), missing)),
    }
}

fn is_missing(dir: &Path, number: u32) -> Error {
    Error::Damaged { path: segment::path(dir, number), offset: 0, what: "the segment is missing" }
}

/// Reads one segment, from its start or from where one has got to in it.
fn one(
    disk: &dyn Disk,
    purpose: Purpose,
    segments: &mut Segments,
    number: u32,
    is_last: bool,
    place: &mut Place,
    visit: Visit<'_>,
) -> Result<Ending, Error> {
    let file = segments.open(disk, number, purpose.access())?;
    let path = segments.path(number);
    let mut scan = Scan::new(file.as_ref(), &path, number)?;
    let begins = number > place.segment;
    if begins {
        match scan.header()? {
            SegmentHeader::Other(format) => return Err(Error::format(path, format)),
            SegmentHeader::Ours { number: named, first, chain } if named == number && place.leads_to(number, chain) => {
                *place = Place::begin(number, first, chain);
            }
            SegmentHeader::Torn if is_last && !scan.good_frame_after(0)? => {
                segments.remove(number);
                return Ok(Ending::TornSegment(number));
            }
            _ => return Err(scan.damaged(0, "its header does not go on from the segment before")),
        }
    }
    if is_last || !begins {
        let whole = scan.frames(place, &mut |frame| visit(segments, frame))?;
        return match whole {
            true => Ok(Ending::Whole),
            false if is_last => Ok(Ending::TornFrame),
            false => Err(scan.damaged(place.offset, NOT_WHOLE)),
        };
    }
    if purpose != Purpose::Verify
        && hint::read(disk, segments, file.as_ref(), scan.size, place, &mut |frame| visit(segments, frame))?
    {
        return Ok(Ending::Whole);
    }
    let mut hint = Hint::new(file.as_ref(), scan.size).map_err(Error::io("read", &path))?;
    let begin = *place;
    let whole = scan.frames(place, &mut |frame| {
        hint.push(&frame);
        visit(segments, frame)
    })?;
    if !whole {
        return Err(scan.damaged(place.offset, NOT_WHOLE));
    }
    match purpose {
        // The next one to open the store is slower without, and that is all.
        Purpose::Write => drop(hint.write(disk, segments, number)),
        Purpose::Verify => hint.compare(disk, segments, file.as_ref(), begin)?,
        Purpose::Read => {}
    }
    Ok(Ending::Whole)
}

const NOT_WHOLE: &str = "a frame of a sealed segment is not whole";

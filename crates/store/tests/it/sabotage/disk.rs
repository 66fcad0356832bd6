//! A disk that does not do what the store asks of it, as if the store had forgotten to ask, or had asked for something
//! else. No bug has to be built into the store for that.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crc32c::crc32c;
use serde_json::Value;
use store::disk::{Access, Disk, Entry, File, Guard, Lock, SimDisk};

/// Something that the store could do wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    FramesAreNotSynced,
    NamesAreNotSynced,
    FramesAreAcknowledgedBeforeTheyAreWritten,
    SyncErrorsAreSwallowed,
    FailedSyncsAreTriedAgain,
    WriteErrorsAreSwallowed,
    TornEndsAreNotCut,
    TornSegmentsStay,
    TheEndIsNotRewritten,
    RecoveryDoesNotSync,
    TheLockIsNotExclusive,
    SegmentsGoTooEarly,
    TheLogBeginsTooLate,
    SegmentsThatAreNeededGo,
    SequenceNumbersRepeat,
    ChecksumsAreNotChained,
    PayloadsAreNotWhatTheChecksumsSay,
    RemovalsAreForgotten,
    TakenRowsAreForgotten,
    PartsShowTooEarly,
    PartsAreForgotten,
    CursorsAreStoredWithoutRows,
    EndedRoundsStay,
    TheRevisionStays,
    CarryingForgetsTheEngine,
    CarryingForgetsRows,
    CarryingForgetsNotes,
    CarryingForgetsStagedPages,
    HintsForgetRows,
}

/// A simulated disk with a bug in front of it.
#[derive(Debug)]
pub(super) struct Saboteur {
    disk: SimDisk,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    bug: Option<Bug>,
    frames: Mutex<Frames>,
}

/// What the store has written, and what became of it.
#[derive(Debug, Default)]
struct Frames {
    /// By the checksum that the store knows, the one that the frame has.
    checksums: BTreeMap<u32, u32>,
    /// Where the log begins.
    first: u32,
    /// The last frame said something new about that.
    frees: bool,
}

impl Saboteur {
    pub(super) fn new(disk: &SimDisk, bug: Option<Bug>) -> Arc<Self> {
        let frames = Mutex::new(Frames { first: 1, ..Frames::default() });
        Arc::new(Self { disk: disk.clone(), shared: Arc::new(Shared { bug, frames }) })
    }

    fn has(&self, bug: Bug) -> bool {
        self.shared.bug == Some(bug)
    }
}

impl Disk for Saboteur {
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.disk.list(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir(dir)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let file = self.disk.open(path, access)?;
        let fresh = Mutex::new(true);
        Ok(Arc::new(SabotagedFile {
            file,
            access,
            path: path.to_owned(),
            shared: self.shared.clone(),
            fresh,
            pending: Mutex::default(),
        }))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let is_log = path.extension().is_some_and(|end| end == "log");
        if is_log && self.has(Bug::TornSegmentsStay) {
            return Ok(());
        }
        self.disk.remove(path)?;
        if is_log && self.has(Bug::SegmentsGoTooEarly) {
            return self.disk.sync_dir(path.parent().unwrap());
        }
        if is_log && self.has(Bug::SegmentsThatAreNeededGo) {
            let number: u32 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            let _ = self.disk.remove(&path.with_file_name(format!("{:06}.log", number + 1)));
        }
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        if self.has(Bug::NamesAreNotSynced) { Ok(()) } else { self.disk.sync_dir(dir) }
    }

    fn lock(&self, path: &Path, holder: &str) -> io::Result<Lock> {
        match self.disk.lock(path, holder)? {
            Lock::Taken(_) if self.has(Bug::TheLockIsNotExclusive) => Ok(Lock::Held(Box::new(NoGuard))),
            lock => Ok(lock),
        }
    }
}

#[derive(Debug)]
struct NoGuard;

impl Guard for NoGuard {}

#[derive(Debug)]
struct SabotagedFile {
    file: Arc<dyn File>,
    access: Access,
    path: PathBuf,
    shared: Arc<Shared>,
    /// It has not been synced since it was opened.
    fresh: Mutex<bool>,
    /// What is written only after the next sync.
    pending: Mutex<Option<(Vec<u8>, u64)>>,
}

impl SabotagedFile {
    fn has(&self, bug: Bug) -> bool {
        self.shared.bug == Some(bug)
    }

    fn flush(&self) -> io::Result<()> {
        match self.pending.lock().unwrap().take() {
            Some((bytes, offset)) => self.file.write_at(&bytes, offset),
            None => Ok(()),
        }
    }
}

impl File for SabotagedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.flush()?;
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let is_log = self.path.extension().is_some_and(|end| end == "log");
        let bytes = if is_log { self.shared.log(bytes) } else { self.shared.hint(bytes) };
        let mut there = vec![0; bytes.len()];
        let read = self.file.read_at(&mut there, offset).unwrap_or(0);
        if self.has(Bug::TheEndIsNotRewritten) && read == bytes.len() && there == bytes {
            return Ok(());
        }
        if is_log && self.has(Bug::FramesAreAcknowledgedBeforeTheyAreWritten) {
            self.flush()?;
            *self.pending.lock().unwrap() = Some((bytes, offset));
            return Ok(());
        }
        let written = self.file.write_at(&bytes, offset);
        if self.has(Bug::WriteErrorsAreSwallowed) { Ok(()) } else { written }
    }

    fn size(&self) -> io::Result<u64> {
        self.flush()?;
        self.file.size()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if self.has(Bug::TornEndsAreNotCut) { Ok(()) } else { self.file.set_len(len) }
    }

    fn sync_data(&self) -> io::Result<()> {
        let fresh = std::mem::replace(&mut *self.fresh.lock().unwrap(), false);
        let frees = std::mem::take(&mut self.shared.frames.lock().unwrap().frees);
        let skipped = self.has(Bug::FramesAreNotSynced)
            || self.has(Bug::RecoveryDoesNotSync) && fresh && self.access == Access::Write
            || self.has(Bug::SegmentsGoTooEarly) && frees;
        if skipped {
            return Ok(());
        }
        let synced = match self.file.sync_data() {
            Err(_) if self.has(Bug::SyncErrorsAreSwallowed) => Ok(()),
            Err(_) if self.has(Bug::FailedSyncsAreTriedAgain) => self.file.sync_data(),
            result => result,
        };
        synced.and(self.flush())
    }
}

impl Shared {
    /// What is written instead of a frame, or of a segment's header.
    fn log(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let mut frames = self.frames.lock().unwrap();
        if bytes.starts_with(b"\xffcdstore") {
            chain(&mut bytes, 32, &frames.checksums);
            let crc = crc32c(&bytes[..36]);
            bytes[36..40].copy_from_slice(&crc.to_le_bytes());
            // The end of a segment is rewritten with its header, if there is nothing else yet.
            return bytes;
        }
        let (first, known) = (u32_at(&bytes, 12), u32_at(&bytes, 28));
        frames.frees = first > frames.first;
        frames.first = first;
        let payloads = u32_at(&bytes, 8) as usize;
        let (payloads, line) = bytes[32..].split_at_mut(payloads);
        self.edit(line, payloads, frames.frees);
        chain(&mut bytes, 24, &frames.checksums);
        match self.bug {
            Some(Bug::TheLogBeginsTooLate) if first > 1 => {
                bytes[12..16].copy_from_slice(&(first + 1).to_le_bytes());
            }
            Some(Bug::SequenceNumbersRepeat) => bytes[16..24].copy_from_slice(&1_u64.to_le_bytes()),
            Some(Bug::ChecksumsAreNotChained) => bytes[24..28].fill(0),
            _ => {}
        }
        let crc = crc32c(&[&bytes[..28], &bytes[32..]].concat());
        bytes[28..32].copy_from_slice(&crc.to_le_bytes());
        frames.checksums.insert(known, crc);
        bytes
    }

    /// Changes what a line says; `carried` if the frame carries over what lived in a segment that goes. Everything stays
    /// where it is.
    fn edit(&self, line: &mut [u8], payloads: &mut [u8], carried: bool) {
        let value: Value = serde_json::from_slice(line).unwrap();
        let forgotten = match self.bug {
            Some(Bug::RemovalsAreForgotten) => "gone",
            Some(Bug::EndedRoundsStay) => "ended",
            Some(Bug::TakenRowsAreForgotten) => "taken",
            Some(Bug::CursorsAreStoredWithoutRows) if !carried => "rows",
            Some(Bug::CarryingForgetsTheEngine) if carried => "engineState",
            Some(Bug::CarryingForgetsRows) if carried => "rows",
            Some(Bug::CarryingForgetsNotes) if carried => "journal",
            Some(Bug::CarryingForgetsStagedPages) if carried => "pages",
            Some(Bug::PartsShowTooEarly) if value["part"]["of"].is_u64() => "part",
            Some(Bug::PartsAreForgotten) if value["part"]["last"].is_u64() => "part",
            _ => "",
        };
        if value.get(forgotten).is_some() {
            blank(line, forgotten, value.as_object().unwrap().len() > 1);
        }
        if let (Some(Bug::TheRevisionStays), Some(root)) = (self.bug, value.get("root")) {
            let revision = root["revision"].to_string();
            let at = position(line, br#""revision":"#) + 11;
            line[at..at + revision.len()].fill(b' ');
            line[at] = b'1';
        }
        if self.bug == Some(Bug::PayloadsAreNotWhatTheChecksumsSay) && value.get("pages").is_some() {
            payloads.iter_mut().skip(1).take(1).for_each(|byte| *byte ^= 1);
        }
    }

    /// What is written instead of a hint.
    fn hint(&self, bytes: &[u8]) -> Vec<u8> {
        if self.bug != Some(Bug::HintsForgetRows) {
            return bytes.to_vec();
        }
        const ROW: usize = 42;
        let (mut hint, mut at) = (bytes[..56].to_vec(), 56);
        while at + 4 < bytes.len() {
            let brief = at + 36..at + 36 + u32_at(bytes, at + 32) as usize;
            let value: Value = serde_json::from_slice(&bytes[brief.clone()]).unwrap();
            hint.extend(&bytes[at..brief.end]);
            at = brief.end;
            for _ in 0..1 + value["pages"].as_array().map_or(0, Vec::len) {
                hint.extend(0_u32.to_le_bytes());
                at += 4 + ROW * u32_at(bytes, at) as usize;
            }
        }
        hint.extend(crc32c(&hint).to_le_bytes());
        hint
    }
}

fn position(line: &[u8], text: &[u8]) -> usize {
    line.windows(text.len()).position(|window| window == text).unwrap()
}

/// Puts spaces where a member of the line is, and where one of the commas around it is.
fn blank(line: &mut [u8], member: &str, has_others: bool) {
    let begins = position(line, format!("\"{member}\":").as_bytes());
    let value = begins + member.len() + 3;
    let mut values = serde_json::Deserializer::from_slice(&line[value..]).into_iter::<Value>();
    values.next().unwrap().unwrap();
    let ends = value + values.byte_offset();
    line[begins..ends].fill(b' ');
    let comma = if line[ends] == b',' { ends } else { begins - 1 };
    if has_others {
        assert_eq!(line[comma], b',');
        line[comma] = b' ';
    }
}

/// Replaces the checksum of the frame before by the one that it has.
fn chain(bytes: &mut [u8], at: usize, checksums: &BTreeMap<u32, u32>) {
    if let Some(actual) = checksums.get(&u32_at(bytes, at)) {
        bytes[at..at + 4].copy_from_slice(&actual.to_le_bytes());
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

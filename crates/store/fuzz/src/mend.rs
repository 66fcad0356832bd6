//! Files that are whole whatever they say: an input is what a log says, and lengths, places and checksums are worked out.
//!
//! `docs/store-format.md` has the format. A log is given as frames with [`FRAME`] between them, each as the first segment that
//! is needed, a line feed, the payloads, [`LINE`] and the line. A hint is given without what it begins and ends with.

use std::ops::Range;

use crc32c::crc32c;
use serde_json::Value;

use super::Files;

const FRAME: &[u8] = b"\n~~\n";
const LINE: &[u8] = b"\n~\n";
const SEGMENT_HEADER: usize = 40;
const HEADER: usize = 32;
/// The magic, the segment's length and its header.
const HINT: usize = 8 + 8 + SEGMENT_HEADER;

/// Whole files, and whether there are no hints among them: such hints are believed, and may say anything.
pub fn mend(files: &Files) -> (Files, bool) {
    let mut mended = Files::new();
    let (mut seq, mut crc) = (1_u64, 0_u32);
    for (name, bytes) in files {
        let Some(number) = number(name) else { continue };
        let mut segment = header(number, seq, crc);
        for frame in split(bytes, FRAME).take(40) {
            crc = push_frame(&mut segment, &mended, number, frame, (seq, crc));
            seq += 1;
        }
        mended.insert(name.clone(), segment);
    }
    let hints = files.iter().filter_map(|(name, bytes)| {
        let segment = mended.get(&format!("{}.log", name.strip_suffix(".hint")?))?;
        let len = segment.len() as u64;
        let mut hint = [b"\xffcdhint1", &len.to_le_bytes()[..], &segment[..SEGMENT_HEADER], bytes].concat();
        hint.extend(crc32c(&hint).to_le_bytes());
        Some((name.clone(), hint))
    });
    let hints: Files = hints.collect();
    let is_sound = hints.is_empty();
    mended.extend(hints);
    (mended, is_sound)
}

/// Files of a store in the form that is mended.
pub fn unmended(files: &Files) -> Files {
    let file = |(name, bytes): (&String, &Vec<u8>)| {
        if name.ends_with(".hint") {
            return (name.clone(), bytes[HINT..bytes.len() - 4].to_vec());
        }
        let mut frames = Vec::new();
        let mut at = SEGMENT_HEADER;
        while at < bytes.len() {
            let number = |from: usize| u32::from_le_bytes(bytes[at + from..at + from + 4].try_into().unwrap());
            let (line, payloads) = (number(4) as usize, number(8) as usize);
            let begins = at + HEADER;
            let (payloads, end) = (&bytes[begins..begins + payloads], begins + payloads + line);
            let line = &bytes[end - line..end - 1];
            frames.push([number(12).to_string().as_bytes(), b"\n", payloads, LINE, line].concat());
            at = end;
        }
        (name.clone(), frames.join(FRAME))
    };
    files.iter().map(file).collect()
}

fn number(name: &str) -> Option<u32> {
    name.strip_suffix(".log")?.parse().ok().filter(|number| *number > 0)
}

fn header(number: u32, seq: u64, crc: u32) -> Vec<u8> {
    let mut header = b"\xffcdstore".to_vec();
    [1, 0, number, 1].into_iter().for_each(|field: u32| header.extend(field.to_le_bytes()));
    header.extend(seq.to_le_bytes());
    header.extend(crc.to_le_bytes());
    header.extend(crc32c(&header).to_le_bytes());
    header
}

/// Adds a frame to a segment, and gives its checksum.
fn push_frame(segment: &mut Vec<u8>, before: &Files, number: u32, frame: &[u8], chain: (u64, u32)) -> u32 {
    let (first, rest) = cut(frame, b"\n");
    let (payloads, line) = cut(rest, LINE);
    let first = std::str::from_utf8(first).ok().and_then(|first| first.parse().ok()).unwrap_or(1_u32);
    let line = Log { before, segment, number, payloads }.line(line);
    let mut bytes = b"\xffcdf".to_vec();
    [line.len() as u32, payloads.len() as u32, first].into_iter().for_each(|field| bytes.extend(field.to_le_bytes()));
    bytes.extend(chain.0.to_le_bytes());
    bytes.extend(chain.1.to_le_bytes());
    let crc = crc32c(&[&bytes[..], payloads, &line].concat());
    bytes.extend(crc.to_le_bytes());
    segment.extend([&bytes[..], payloads, &line].concat());
    crc
}

/// Where a frame is made: behind what there is by now.
struct Log<'a> {
    before: &'a Files,
    segment: &'a [u8],
    number: u32,
    payloads: &'a [u8],
}

impl Log<'_> {
    /// The line, with what it says of places put right. What is not JSON stays as it is.
    fn line(&self, line: &[u8]) -> Vec<u8> {
        let Ok(Value::Object(members)) = serde_json::from_slice(line) else { return [line, b"\n"].concat() };
        let mut out = b"{".to_vec();
        for (name, mut value) in members {
            comma(&mut out);
            out.extend(format!("{}:", Value::from(name.as_str())).into_bytes());
            match (name.as_str(), &mut value) {
                ("pages", Value::Array(pages)) => self.list(&mut out, pages, Self::page),
                ("rows", Value::Array(rows)) => self.list(&mut out, rows, Self::row),
                ("taken", taken) => {
                    self.leaves(taken);
                    out.extend(taken.to_string().into_bytes());
                }
                (_, value) => {
                    if name == "journal" {
                        self.payloads(value);
                    }
                    out.extend(value.to_string().into_bytes());
                }
            }
        }
        out.extend(b"}\n");
        out
    }

    fn list(&self, out: &mut Vec<u8>, values: &mut [Value], write: fn(&Self, &mut Vec<u8>, &mut Value)) {
        out.push(b'[');
        for value in values {
            comma(out);
            write(self, out, value);
        }
        out.push(b']');
    }

    /// A page: its items come last.
    fn page(&self, out: &mut Vec<u8>, page: &mut Value) {
        let items = page.as_object_mut().and_then(|page| page.remove("items"));
        out.extend(page.to_string().into_bytes());
        if let Some(Value::Array(mut items)) = items {
            out.pop();
            comma(out);
            out.extend(b"\"items\":");
            self.list(out, &mut items, Self::item);
            out.push(b'}');
        }
    }

    fn item(&self, out: &mut Vec<u8>, item: &mut Value) {
        let (back, begins) = (self.back(out), out.len());
        if let Value::Array(parts) = item {
            parts.pop();
            parts.get_mut(2).into_iter().for_each(|payload| self.payloads(payload));
            parts.first_mut().into_iter().for_each(|first| *first = back.into());
        }
        out.extend(item.to_string().into_bytes());
        seal(out, begins, ",", "]");
    }

    fn row(&self, out: &mut Vec<u8>, row: &mut Value) {
        let (back, begins) = (self.back(out), out.len());
        if let Value::Object(members) = row {
            members.remove("crc");
            members.insert("back".to_owned(), back.into());
            members.get_mut("layers").into_iter().for_each(|layers| self.payloads(layers));
        }
        out.extend(row.to_string().into_bytes());
        seal(out, begins, ",\"crc\":", "}");
    }

    /// How far the start of the frame is from what comes next in the line.
    fn back(&self, out: &[u8]) -> usize {
        HEADER + self.payloads.len() + out.len()
    }

    /// Makes the checksums of payloads right, wherever they are named.
    fn payloads(&self, value: &mut Value) {
        match value {
            Value::Object(members) => members.values_mut().for_each(|value| self.payloads(value)),
            Value::Array(values) => {
                let numbers: Option<Vec<u64>> = values.iter().map(Value::as_u64).collect();
                let payload = match numbers.as_deref() {
                    Some([len, _, at]) => self.payloads.get(range(*at, *len)),
                    Some([len, _, segment, at]) => self.bytes(*segment).and_then(|bytes| bytes.get(range(*at, *len))),
                    _ => return values.iter_mut().for_each(|value| self.payloads(value)),
                };
                if let (Some(payload), Some(crc)) = (payload, values.get_mut(1)) {
                    *crc = crc32c(payload).into();
                }
            }
            _ => {}
        }
    }

    /// Lets places of frames, which are `[segment, offset, page]`, be places where frames are.
    fn leaves(&self, taken: &mut Value) {
        for leaf in taken.as_array_mut().into_iter().flatten().filter_map(|taken| taken.get_mut("page")?.as_array_mut())
        {
            let [segment, offset, _] = leaf.as_mut_slice() else { continue };
            let (Some(number), Some(at)) = (segment.as_u64(), offset.as_u64()) else { continue };
            let Some(bytes) = self.bytes(number) else { continue };
            let end = bytes.len().min((at as usize).saturating_add(4));
            let frame = bytes[..end].windows(4).rposition(|window| window == b"\xffcdf");
            frame.into_iter().for_each(|frame| *offset = frame.into());
        }
    }

    fn bytes(&self, segment: u64) -> Option<&[u8]> {
        match segment == u64::from(self.number) {
            true => Some(self.segment),
            false => self.before.get(&format!("{segment:06}.log")).map(Vec::as_slice),
        }
    }
}

fn range(at: u64, len: u64) -> Range<usize> {
    at as usize..(at as usize).saturating_add(len as usize)
}

fn comma(out: &mut Vec<u8>) {
    if !matches!(out.last(), Some(b'{' | b'[')) {
        out.push(b',');
    }
}

/// Puts a record's checksum at its end.
fn seal(out: &mut Vec<u8>, begins: usize, before: &str, after: &str) {
    out.pop();
    let crc = crc32c(&out[begins..]);
    out.extend(format!("{before}{crc}{after}").into_bytes());
}

/// What is before a separator, and what is behind it.
fn cut<'a>(bytes: &'a [u8], separator: &[u8]) -> (&'a [u8], &'a [u8]) {
    match bytes.windows(separator.len()).position(|window| window == separator) {
        Some(at) => (&bytes[..at], &bytes[at + separator.len()..]),
        None => (bytes, &[]),
    }
}

fn split<'a>(bytes: &'a [u8], separator: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = (!bytes.is_empty()).then_some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let (part, behind) = cut(bytes, separator);
        rest = (part.len() < bytes.len()).then_some(behind);
        Some(part)
    })
}

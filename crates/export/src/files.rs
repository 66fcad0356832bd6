//! Files that are there whole or not at all, and their names.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::Error;

/// A file or directory name for a target: the target itself, as far as names go. Where something is lost, as with ids, in
/// which upper and lower case differ, a number follows that tells it from others.
pub fn name(target: &str) -> String {
    const LONGEST: usize = 60;
    let safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "@.-_".contains(c);
    let simple = target.replace('/', "-");
    if simple.len() <= LONGEST && simple.chars().all(safe) && !simple.starts_with('.') {
        return simple;
    }
    let letters = simple.to_ascii_lowercase();
    let letters: String = letters.chars().filter(|c| safe(*c) && *c != '.').take(LONGEST).collect();
    format!("{letters}-{:016x}", fnv1a(target) as u64)
}

/// FNV-1a with 128 bits: the same in every version and on every machine.
pub(crate) fn fnv1a(text: &str) -> u128 {
    let step = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    text.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, step)
}

/// Writes a file beside its place and moves it there, so that nobody reads half of it.
///
/// # Errors
/// [`Error::File`]; whatever `write` says. The file is then as it was.
pub async fn replace<T>(path: &Path, write: impl AsyncFnOnce(&mut dyn Write) -> Result<T, Error>) -> Result<T, Error> {
    let beside = beside(path);
    let mut out = create(&beside)?;
    let done = match write(&mut out).await {
        Ok(value) => finish(out, &beside, path).map(|()| value),
        Err(error) => Err(error),
    };
    if done.is_err() {
        // It is of no use, and may not even be there.
        let _ = fs::remove_file(&beside);
    }
    done
}

/// Writes a file in the same way, unless it has this content already: whether it was written.
///
/// # Errors
/// [`Error::File`].
pub fn keep(path: &Path, content: &str) -> Result<bool, Error> {
    match fs::read(path) {
        Ok(found) if found == content.as_bytes() => return Ok(false),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::file("read", path)(error)),
    }
    let beside = beside(path);
    let mut out = create(&beside)?;
    let written = out.write_all(content.as_bytes()).map_err(Error::file("write", path));
    written.and_then(|()| finish(out, &beside, path)).map(|()| true)
}

/// Where to write what is to be moved to a path. Programs that watch a directory for calendars look neither at names with a
/// dot in front nor at those that end in `.tmp`.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

fn create(path: &Path) -> Result<io::BufWriter<fs::File>, Error> {
    Ok(io::BufWriter::new(fs::File::create(path).map_err(Error::file("create", path))?))
}

fn finish(mut out: io::BufWriter<fs::File>, from: &Path, to: &Path) -> Result<(), Error> {
    out.flush().map_err(Error::file("write", to))?;
    drop(out);
    fs::rename(from, to).map_err(Error::file("write", to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_as_they_are_and_tell_targets_apart() {
        // The test vectors of the function's authors.
        assert_eq!(fnv1a(""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv1a("foobar"), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
        assert_eq!(name("me"), "me");
        assert_eq!(name("users/samanthab@contoso.com"), "users-samanthab@contoso.com");
        assert_eq!(name("me/calendars/AAMk="), "me-calendars-aamk-0662d3d68f3fb4c1");
        assert_ne!(name("me/calendars/AAMk="), name("me/calendars/AAMK="));
        assert!(name(&format!("groups/{}", "x".repeat(300))).len() < 80);
    }
}

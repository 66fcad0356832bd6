//! What is opened, by whom, and what is refused; on the real file system.

use std::fs;
use std::path::Path;
use std::process::Command;

use store::conformance::block_on;
use store::{Error, FileStore, Store};

use crate::history::{History, look};

/// Every file below a directory with its content.
fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap_or_default()))
        .collect();
    files.sort();
    files
}

#[test]
fn a_path_that_is_a_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("replica");
    fs::write(&path, "precious").unwrap();
    for result in [FileStore::open(&path), FileStore::read_only(&path)] {
        let error = result.unwrap_err();
        assert!(matches!(&error, Error::NotAStore { path: named, .. } if *named == path), "{error:?}");
        assert!(error.to_string().contains("it is a file"), "{error}");
    }
    let below = FileStore::open(path.join("replica")).unwrap_err();
    assert!(matches!(below, Error::Io { .. } | Error::NotAStore { .. }), "{below:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn a_directory_where_a_file_should_be_is_refused() {
    for name in ["000001.log", "lock"] {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(name)).unwrap();
        let error = FileStore::open(dir.path()).unwrap_err();
        assert!(matches!(&error, Error::NotAStore { path, .. } if path.ends_with(name)), "{error:?}");
    }
}

#[test]
fn a_directory_with_other_things_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("holiday.jpg"), "pixels").unwrap();
    for result in [FileStore::open(dir.path()), FileStore::read_only(dir.path())] {
        assert!(matches!(result, Err(Error::NotAStore { .. })), "{result:?}");
    }
    assert_eq!(contents(dir.path()).len(), 1, "not even a lock");
}

#[test]
fn the_second_writer_is_told_who_the_first_is() {
    let dir = tempfile::tempdir().unwrap();
    let first = FileStore::open(dir.path().join("replica")).unwrap();
    let error = FileStore::open(dir.path().join("replica")).unwrap_err();
    let own = format!("process {}", std::process::id());
    assert!(matches!(&error, Error::Locked { holder: Some(holder), .. } if *holder == own), "{error:?}");
    assert!(error.to_string().contains(&own), "{error}");
    FileStore::read_only(dir.path().join("replica")).unwrap();
    drop(first);
    FileStore::open(dir.path().join("replica")).unwrap();
}

/// The lock holds between processes: a second one, running this very test binary, is refused.
#[test]
fn another_process_is_refused_while_the_first_writes() {
    const VARIABLE: &str = "CALDELTA_TEST_STORE_OF_ANOTHER_PROCESS";
    if let Ok(path) = std::env::var(VARIABLE) {
        let error = FileStore::open(path).unwrap_err();
        println!("refused: {error}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("replica");
    let _first = FileStore::open(&path).unwrap();
    let second = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "opening::another_process_is_refused_while_the_first_writes"])
        .env(VARIABLE, &path)
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&second.stdout);
    let expected =
        format!("refused: the store is in use by process {} (lock {}/lock)", std::process::id(), path.display());
    assert!(output.contains(&expected), "{output}");
}

#[cfg(unix)]
#[test]
fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new").join("replica");
    let store = FileStore::open(&path).unwrap();
    History::new().replay(&store, 0).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o700, 0o700));
    for (name, _) in contents(&path) {
        assert_eq!(mode(&path.join(&name)), 0o600, "{name}");
    }
}

#[test]
fn a_reader_follows_its_writer_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::new();
    let options = store::FileOptions { segment_bytes: 3000, ..Default::default() };
    let writer = FileStore::open_with(std::sync::Arc::new(store::disk::RealDisk), dir.path(), options).unwrap();
    let reader = FileStore::read_only(dir.path()).unwrap();
    for (at, batch) in history.batches.iter().enumerate() {
        assert_eq!(history.written(&reader), history.shown(at));
        block_on(writer.write(batch.clone())).unwrap();
        let before = contents(dir.path());
        assert_eq!(look(&reader), look(&writer));
        assert_eq!(history.written(&FileStore::read_only(dir.path()).unwrap()), history.shown(at + 1));
        assert_eq!(contents(dir.path()), before);
    }
    assert!(contents(dir.path()).len() > 2, "the reader should have met several segments");
    let refused = block_on(reader.write(history.batches[0].clone()));
    assert!(matches!(refused, Err(Error::ReadOnly)), "{refused:?}");
    drop(writer);
    assert_eq!(history.written(&FileStore::open(dir.path()).unwrap()), history.batches.len());
}

#[test]
fn nothing_is_read_where_nothing_is() {
    let dir = tempfile::tempdir().unwrap();
    let missing = FileStore::read_only(dir.path().join("replica")).unwrap_err();
    assert!(matches!(missing, Error::Io { doing: "list", .. }), "{missing:?}");
    assert!(contents(dir.path()).is_empty());
}

#[test]
fn links_never_print() {
    let history = History::new();
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::open(dir.path().join("replica")).unwrap();
    history.replay(&store, 0).unwrap();
    let view = block_on(store.view()).unwrap();
    let mut printed = format!("{store:?} {view:?} {:?} {:?} {:?}", view.tiles(), view.rounds(), history.batches);
    for batch in &history.batches {
        if let Err(error) = block_on(store.write(batch.clone())) {
            printed.push_str(&format!("{error} {error:?}"));
        }
    }
    assert!(printed.contains("Publish"), "the test should see something");
    for secret in ["deltatoken", "skiptoken", "https://graph.microsoft.com/v1.0"] {
        assert!(!printed.contains(secret), "{secret} was printed");
    }
}

//! Many replicas under one path.

use std::path::Path;
use std::sync::Arc;

use delta_core::RoundKind::Full;
use store::conformance::{Fixture, block_on, event, tile};
use store::disk::{Disk, SimDisk};
use store::{Error, Library, Store};

const ROOT: &str = "/home/samanthab/caldelta";

fn library(disk: &SimDisk) -> Result<Library, Error> {
    Library::open_with(Arc::new(disk.clone()), ROOT)
}

#[test]
fn replicas_are_kept_apart_and_listed() {
    let disk = SimDisk::new(1);
    let empty = library(&disk).unwrap();
    assert!(empty.replicas().unwrap().is_empty());
    assert!(empty.reader("me/calendarView").unwrap().is_none());
    assert!(disk.list(Path::new("/home")).is_err(), "looking creates nothing");
    // Ids are case-sensitive, and file systems may not be.
    let resources =
        ["me/calendars/AAMkAGI=/calendarView", "me/calendars/AAMkAGi=/calendarView", "me/calendarView", "💡"];
    for resource in resources {
        let store = empty.writer(resource).unwrap();
        block_on(Fixture::new(&store).run(&tile(0, 0, 10), Full, &[event(resource, 1, 1)]));
    }
    let library = library(&disk).unwrap();
    let names: Vec<String> = library.replicas().unwrap().into_iter().map(|shelf| shelf.name).collect();
    assert_eq!(names.len(), 4);
    let mut lower: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    lower.sort();
    lower.dedup();
    assert_eq!(lower, names, "names must differ by more than case");
    assert!(names.iter().any(|name| name.starts_with("me-calendars-aamkagi-calendarview-")), "{names:?}");
    for resource in resources {
        let store = library.reader(resource).unwrap().unwrap();
        assert_eq!(block_on(Fixture::new(&store).ids()), [resource]);
        assert!(names.contains(&library.shelf(resource).name));
    }
}

#[test]
fn a_path_that_holds_something_else_is_refused() {
    let disk = SimDisk::new(1);
    for dir in ["/home", "/home/samanthab"] {
        disk.create_dir(Path::new(dir)).unwrap();
    }
    disk.put(Path::new(ROOT), b"a file");
    let error = library(&disk).unwrap_err();
    assert!(matches!(error, Error::NotAStore { .. }) && error.to_string().contains("it is a file"), "{error}");
    assert_eq!(disk.contents(Path::new(ROOT)).unwrap(), b"a file");
    disk.remove(Path::new(ROOT)).unwrap();
    disk.create_dir(Path::new(ROOT)).unwrap();
    library(&disk).unwrap();
    disk.put(&Path::new(ROOT).join("notes.txt"), b"text");
    assert!(matches!(library(&disk), Err(Error::NotAStore { .. })));
    disk.create_dir(&Path::new(ROOT).join("photos")).unwrap();
    assert!(matches!(library(&disk), Err(Error::NotAStore { .. })));
    // A replica of which only the directory survived a crash is one all the same.
    disk.create_dir(&Path::new(ROOT).join("me-0123456789abcdef")).unwrap();
    assert_eq!(library(&disk).unwrap().replicas().unwrap().len(), 1);
}

#[test]
fn a_library_that_was_just_created_survives_a_crash() {
    let disk = SimDisk::new(1);
    let store = library(&disk).unwrap().writer("me/calendarView").unwrap();
    block_on(Fixture::new(&store).run(&tile(0, 0, 10), Full, &[event("a", 1, 1)]));
    disk.crash(store::disk::Survival::None);
    let store = library(&disk).unwrap().reader("me/calendarView").unwrap().expect("the replica is gone");
    assert_eq!(block_on(store.view()).unwrap().row_count(), 1);
}

//! Directories of iCalendar files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use export::vdir::Vdir;
use export::{Error, Filter};
use http::Method;
use pollster::block_on;
use proptest::prelude::*;
use serde_json::json;

use crate::ics::{comparable, config, expected};
use crate::reading::read;
use crate::world::{World, event, steps};

/// The items of a directory, with the times at which they were written.
fn files(path: &Path) -> BTreeMap<String, (String, SystemTime)> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let items = entries.filter(|path| path.extension().is_some_and(|extension| extension == "ics"));
    let read = |path: &Path| (fs::read_to_string(path).unwrap(), fs::metadata(path).unwrap().modified().unwrap());
    items.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), read(&path))).collect()
}

proptest! {
    #![proptest_config(config())]

    /// Each file has one `UID`, all of them together show what the server lists, and a second update touches nothing.
    #[test]
    fn a_directory_follows_its_replica(before in steps(), after in steps()) {
        let (mut world, dir) = (World::new(5), tempfile::tempdir().unwrap());
        for steps in [before, after] {
            for step in &steps {
                world.apply(step);
            }
            let view = world.sync();
            let vdir = Vdir::open(dir.path().join("me"), "me").unwrap();
            let old = if dir.path().join("me").exists() { files(&dir.path().join("me")) } else { BTreeMap::new() };
            let updated = block_on(vdir.update(view.as_ref(), &Filter::default())).unwrap();
            let new = files(&dir.path().join("me"));
            prop_assert_eq!(updated.written + updated.unchanged, new.len() as u64);
            prop_assert_eq!(updated.deleted, old.keys().filter(|name| !new.contains_key(*name)).count() as u64);
            let same = new.iter().filter(|(name, file)| old.get(*name) == Some(file)).count();
            prop_assert_eq!(updated.unchanged, same as u64);
            let mut events = Vec::new();
            for (text, _) in new.values() {
                let found = read(text);
                prop_assert!(found.iter().all(|event| event.uid == found[0].uid));
                events.extend(found);
            }
            prop_assert_eq!(comparable(events), expected(&world.listing()));
            let again = block_on(vdir.update(view.as_ref(), &Filter::default())).unwrap();
            prop_assert_eq!((again.written, again.deleted), (0, 0));
            prop_assert_eq!(files(&dir.path().join("me")), new);
        }
    }
}

#[test]
fn only_files_of_ours_are_deleted_and_strangers_are_refused() {
    let (mut world, dir) = (World::new(6), tempfile::tempdir().unwrap());
    let id = world.create(&event("Lunch", "UTC", 41, 600, 60));
    let path = dir.path().join("me");
    let vdir = Vdir::open(&path, "me").unwrap();
    block_on(vdir.update(world.sync().as_ref(), &Filter::default())).unwrap();
    assert!(matches!(Vdir::open(&path, "me"), Err(Error::Busy { .. })), "one writes at a time");
    drop(vdir);
    fs::write(path.join("mine.ics"), "BEGIN:VCALENDAR").unwrap();
    fs::write(path.join("color"), "#00ff00").unwrap();
    world.call(Method::DELETE, &format!("/me/events/{id}"), None);
    let vdir = Vdir::open(&path, "me").unwrap();
    let updated = block_on(vdir.update(world.sync().as_ref(), &Filter::default())).unwrap();
    assert_eq!((updated.written, updated.deleted), (0, 1));
    assert_eq!(files(&path).into_keys().collect::<Vec<_>>(), ["mine.ics"]);
    assert!(path.join("color").exists());
    assert_eq!(fs::read_to_string(path.join("displayname")).unwrap(), "me");
    drop(vdir);

    assert!(matches!(Vdir::open(&path, "groups/x"), Err(Error::OtherTarget { target, .. }) if target == "me"));
    let stranger = tempfile::tempdir().unwrap();
    fs::write(stranger.path().join("letter.txt"), "").unwrap();
    assert!(matches!(Vdir::open(stranger.path(), "me"), Err(Error::NotOurs { .. })));
    fs::write(path.join(".caldelta.json"), "{").unwrap();
    assert!(matches!(Vdir::open(&path, "me"), Err(Error::File { .. })), "a manifest that can't be read protects");
}

#[test]
fn a_file_that_somebody_changed_is_mended() {
    let (mut world, dir) = (World::new(7), tempfile::tempdir().unwrap());
    let mut series = event("Stand-up", "W. Europe Standard Time", 10, 540, 15);
    series["recurrence"] = json!({
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"]},
        "range": {"type": "numbered", "startDate": "2026-01-12", "numberOfOccurrences": 5},
    });
    world.create(&series);
    world.create(&event("Lunch", "UTC", 41, 600, 60));
    let vdir = Vdir::open(dir.path(), "me").unwrap();
    let view = world.sync();
    block_on(vdir.update(view.as_ref(), &Filter::default())).unwrap();
    let before: Vec<_> = files(dir.path()).into_iter().map(|(name, (text, _))| (name, text)).collect();
    assert_eq!(before.len(), 2, "a series is one file");
    fs::write(dir.path().join(&before[0].0), "BEGIN:VCALENDAR").unwrap();
    fs::remove_file(dir.path().join(&before[1].0)).unwrap();
    let updated = block_on(vdir.update(view.as_ref(), &Filter::default())).unwrap();
    assert_eq!((updated.written, updated.unchanged), (2, 0));
    let after: Vec<_> = files(dir.path()).into_iter().map(|(name, (text, _))| (name, text)).collect();
    assert_eq!(after, before);
}

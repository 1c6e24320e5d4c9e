use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use super::*;

fn place() -> (tempfile::TempDir, Place) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::open(folder.path()).unwrap();
    (folder, place)
}

fn name() -> FileName {
    "Jane-Example-1-20260101T000000Z-gas.csv".parse().unwrap()
}

fn listing(place: &Place) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(place.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn put(place: &Place, text: &str) {
    place
        .write(&name(), |out| out.write_all(text.as_bytes()))
        .unwrap();
}

#[test]
fn a_file_appears_whole_under_its_name_and_is_replaced() {
    let (_folder, place) = place();
    let long = "x".repeat(100_000);
    place
        .write(&name(), |out| {
            out.write_all(long.as_bytes())?;
            assert!(listing(&place).iter().all(|n| n.starts_with('.')));
            Ok::<_, io::Error>(())
        })
        .unwrap();
    assert_eq!(fs::read_to_string(place.path_of(&name())).unwrap(), long);
    put(&place, "second");
    assert_eq!(
        fs::read_to_string(place.path_of(&name())).unwrap(),
        "second"
    );
    assert_eq!(listing(&place), [name().as_str()]);
}

#[test]
fn a_failure_leaves_the_old_file_and_no_draft() {
    let (_folder, place) = place();
    put(&place, "first");
    let failed: Result<(), WriteError<&str>> = place.write(&name(), |out| {
        out.write_all(&vec![b'y'; 50_000]).unwrap();
        Err("no more rows")
    });
    assert!(matches!(failed, Err(WriteError::Content("no more rows"))));
    assert_eq!(fs::read_to_string(place.path_of(&name())).unwrap(), "first");
    assert_eq!(listing(&place), [name().as_str()]);
}

#[test]
fn leftovers_go_and_drafts_under_way_stay() {
    let (_folder, place) = place();
    fs::write(place.folder().join(".metergate-1-0.partial"), "killed").unwrap();
    fs::write(place.folder().join(".htaccess"), "not ours").unwrap();
    let mut under_way = place.begin().unwrap();
    under_way.write_all(b"slow").unwrap();
    put(&place, "quick");
    let names = listing(&place);
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(!names.contains(&".metergate-1-0.partial".to_owned()));
    assert!(names.contains(&".htaccess".to_owned()));
    under_way.commit(&name()).unwrap();
    assert_eq!(fs::read_to_string(place.path_of(&name())).unwrap(), "slow");
    assert_eq!(listing(&place), [".htaccess", name().as_str()]);
}

#[test]
fn concurrent_writers_of_one_name_leave_one_whole_file() {
    let (_folder, place) = place();
    std::thread::scope(|scope| {
        for letter in b'a'..=b'h' {
            let place = &place;
            scope.spawn(move || {
                for _ in 0..20 {
                    place
                        .write(&name(), |out| out.write_all(&vec![letter; 20_000]))
                        .unwrap();
                }
            });
        }
    });
    let bytes = fs::read(place.path_of(&name())).unwrap();
    assert_eq!(bytes.len(), 20_000);
    assert!(bytes.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(listing(&place), [name().as_str()]);
}

#[test]
fn permissions_are_the_configured_ones() {
    let (_folder, place) = place();
    let mode = |place: &Place| {
        let found = fs::metadata(place.path_of(&name())).unwrap();
        found.permissions().mode() & 0o777
    };
    put(&place, "a");
    assert_eq!(mode(&place), 0o640);
    let open = place.clone().with_mode(0o644);
    put(&open, "a");
    assert_eq!(mode(&open), 0o644);
}

#[test]
fn removing_says_whether_there_was_a_file() {
    let (_folder, place) = place();
    put(&place, "a");
    assert!(place.contains(&name()).unwrap());
    assert!(place.remove(&name()).unwrap());
    assert!(!place.remove(&name()).unwrap());
    assert!(!place.contains(&name()).unwrap());
}

#[test]
fn a_file_is_as_old_as_the_folder_says() {
    let (_folder, place) = place();
    assert_eq!(place.age(&name()).unwrap(), None);
    put(&place, "a");
    assert!(place.age(&name()).unwrap().unwrap() < Duration::from_mins(5));
    let file = File::options().write(true).open(place.path_of(&name()));
    let file = file.unwrap();
    let hour = Duration::from_hours(1);
    let written = file.metadata().unwrap().modified().unwrap();
    file.set_modified(written - hour).unwrap();
    assert!(place.age(&name()).unwrap().unwrap() >= hour);
    // A clock that was put back.
    file.set_modified(written + hour).unwrap();
    assert_eq!(place.age(&name()).unwrap(), Some(Duration::ZERO));
    assert_eq!(listing(&place), [name().as_str()]);
}

#[test]
fn errors_name_the_remedy_and_no_file() {
    let (folder, place) = place();
    let missing = Place::open(folder.path().join("nowhere")).unwrap_err();
    assert!(missing.to_string().contains("create it"), "{missing}");
    fs::write(folder.path().join("file"), "").unwrap();
    assert!(Place::open(folder.path().join("file")).is_err());

    // A folder in the way of the name: the rename is refused, the draft goes.
    fs::create_dir(place.path_of(&name())).unwrap();
    let refused = place.write(&name(), |out| out.write_all(b"x")).unwrap_err();
    assert!(!refused.to_string().contains("Jane"), "{refused}");
    assert!(listing(&place).iter().all(|n| !n.starts_with('.')));

    for (kind, word) in [
        (io::ErrorKind::StorageFull, "free some space"),
        (io::ErrorKind::ReadOnlyFilesystem, "read-only"),
        (
            io::ErrorKind::PermissionDenied,
            "let the service's user write",
        ),
        (io::ErrorKind::NotFound, "create it"),
        (io::ErrorKind::Other, "mount options"),
    ] {
        let text = PlaceError::at("writing a file", kind.into()).to_string();
        assert!(text.contains(word), "{text}");
    }
}

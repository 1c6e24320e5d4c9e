//! What is refused: with a message that helps, and nothing written.

use crate::desk::Desk;
use crate::feed::{Feed, REGISTER, intervals, solar_and_gas};

#[test]
fn what_only_registers_tell_is_not_written() {
    let desk = Desk::new();
    let feed = Feed::new("2026-01-03T00:00:00Z")
        .usage_point("1", 0)
        .series(
            "1",
            1,
            REGISTER,
            &intervals("2026-01-01T08:00:00Z", 2, 3600),
        );
    let file = desk.put("register.xml", &feed.finish());
    let complaint = desk.refused("convert", &[file], &[]);
    assert!(
        complaint.contains("nothing to write") && complaint.contains("register"),
        "{complaint}"
    );
}

#[test]
fn a_file_cut_anywhere_is_an_error_that_names_it_and_writes_nothing() {
    let whole = solar_and_gas();
    let desk = Desk::new();
    let good = desk.put("good.xml", &whole);
    for cut in [0, 1, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        let cut_file = desk.put("cut.xml", &whole[..cut]);
        let complaint = desk.refused("convert", &[good.clone(), cut_file.clone()], &[]);
        assert!(complaint.contains("cut.xml"), "{complaint}");
        assert!(complaint.contains("at byte"), "{complaint}");
        assert!(complaint.contains("download the file again"), "{complaint}");
        let complaint = desk.refused("inspect", &[cut_file], &[]);
        assert!(complaint.contains("cut.xml"), "{complaint}");
    }
}

#[test]
fn what_cannot_be_opened_or_understood_is_said() {
    let desk = Desk::new();
    let good = desk.put("good.xml", &solar_and_gas());
    let missing = desk.refused("convert", &[desk.folder.path().join("none.xml")], &[]);
    assert!(missing.contains("none.xml: cannot be opened"), "{missing}");
    let zone = desk.refused(
        "convert",
        std::slice::from_ref(&good),
        &["--timezone", "Mars/Olympus"],
    );
    assert!(
        zone.contains("Mars/Olympus") && zone.contains("America/Los_Angeles"),
        "{zone}"
    );
    let columns = desk.refused("convert", &[good], &["--columns", "some"]);
    assert!(
        columns.contains("full") && columns.contains("model"),
        "{columns}"
    );
    let nothing = desk.refused("convert", &[], &[]);
    assert!(nothing.contains("FILE"), "{nothing}");
}

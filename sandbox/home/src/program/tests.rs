//! The command line, and what counts as news.

use super::*;

#[test]
fn the_command_line_is_well_formed() {
    Arguments::command().debug_assert();
}

#[test]
fn each_of_several_homes_needs_a_code() {
    let parse = |words: &[&str]| Arguments::try_parse_from(words).unwrap();
    let one = parse(&["home", "--generation", "2025-11-12", "a", "b"]);
    assert_eq!(one.generation, Generation::November2025);
    assert_eq!(codes(&one).unwrap(), [["a", "b"]]);
    let two = parse(&["home", "--homes", "2", "a", "b"]);
    assert_eq!(codes(&two).unwrap(), [["a"], ["b"]]);
    let three = parse(&["home", "--homes", "3", "a", "b"]);
    assert!(matches!(
        codes(&three),
        Err(ProgramError::Codes { homes: 3, codes: 2 })
    ));
    assert!(Arguments::try_parse_from(["home", "--decision", "maybe", "a"]).is_err());
}

#[test]
fn counters_are_no_news() {
    let mut report = PermissionReport::new(uuid::Uuid::from_u128(1));
    report.published = 1;
    let mut later = report.clone();
    later.published = 9;
    later.records = 9;
    assert_eq!(without_counters(&report), without_counters(&later));
    later.connected = true;
    assert_ne!(without_counters(&report), without_counters(&later));
}

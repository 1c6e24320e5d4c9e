use super::*;

fn row(text: &str) -> Row {
    let (acl_type, rest) = text.split_once(' ').unwrap();
    let (action, topic) = rest.split_once(' ').unwrap();
    Row {
        action: action.to_owned(),
        acl_type: acl_type.to_owned(),
        topic: topic.to_owned(),
    }
}

/// A pattern of a row, what is asked for, and whether they match.
const PATTERNS: &[(&str, &str, bool)] = &[
    ("x", "x", true),
    ("x", "X", false),
    ("x", "x/", false),
    ("x/y", "x/y", true),
    ("x/y", "x", false),
    ("x", "x/y", false),
    ("x/+", "x/y", true),
    ("x/+", "x", false),
    ("x/+", "x/", true),
    ("x/+", "x/y/z", false),
    ("x/+/z", "x/y/z", true),
    ("x/#", "x", true),
    ("x/#", "x/y", true),
    ("x/#", "x/y/z", true),
    ("x/#", "xy", false),
    ("#", "x/y", true),
    ("+", "x", true),
    ("+", "x/y", false),
    ("+/+", "/x", true),
    // Asked for by a filter: wildcards in it are compared like words.
    ("x/+", "x/+", true),
    ("x/+", "x/#", true),
    ("x/+", "+/y", false),
    ("x/+", "#", false),
    ("+", "#", true),
    ("x/y", "x/+", false),
    ("x/y", "x/#", false),
    ("x/#", "x/#", true),
    ("x/#", "x/+/z", true),
    ("x/+/z", "x/#", false),
    ("x/+/z", "x/+/z", true),
    // Letter by letter.
    ("eq x/#", "x/#", true),
    ("eq x/#", "x/y", false),
    ("eq x/+", "x/y", false),
    ("eq x/+", "x/+", true),
    ("eq", "eq", true),
    // The broker's own topics.
    ("#", "$SYS/brokers", false),
    ("+/brokers", "$SYS/brokers", false),
    ("$SYS/#", "$SYS/brokers", true),
    ("#", "$share/g/x", false),
];

#[test]
fn patterns_match_as_at_emqx() {
    for (pattern, topic, expected) in PATTERNS {
        assert_eq!(matches(pattern, topic), *expected, "{pattern} ~ {topic}");
    }
}

#[test]
fn the_first_row_that_matches_wins() {
    let rows = [
        row("DENY SUBSCRIBE eq p/data/#"),
        row("ALLOW SUBSCRIBE p/data/+"),
        row("ALLOW PUBLISH p/status"),
        row("DENY ALL p/status"),
        row("allow all p/any"),
    ];
    let cases = [
        (Action::Subscribe, "p/data/#", false),
        (Action::Subscribe, "p/data/+", true),
        (Action::Subscribe, "p/data/raw", true),
        (Action::Publish, "p/data/raw", false),
        (Action::Publish, "p/status", true),
        (Action::Subscribe, "p/status", false),
        (Action::Publish, "p/any", true),
        (Action::Subscribe, "p/any", true),
        (Action::Subscribe, "p/#", false),
        (Action::Subscribe, "#", false),
        (Action::Subscribe, "q/data/raw", false),
    ];
    for (action, topic, expected) in cases {
        assert_eq!(allows(&rows, action, topic), expected, "{action:?} {topic}");
    }
}

#[test]
fn without_a_deny_row_the_hole_is_open() {
    let rows = [row("ALLOW SUBSCRIBE p/data/+")];
    assert!(allows(&rows, Action::Subscribe, "p/data/#"));
}

#[test]
fn nothing_is_allowed_by_no_row_or_by_one_that_makes_no_sense() {
    assert!(!allows(&[], Action::Publish, "x"));
    let rows = [row("maybe all x"), row("allow write x"), row("allow all y")];
    assert!(!allows(&rows, Action::Publish, "x"));
    let rows = [row("maybe all x"), row("allow all x")];
    assert!(
        allows(&rows, Action::Publish, "x"),
        "a senseless row is skipped"
    );
}

//! The tests that `docs/security.md` and `docs/reliability.md` name: each exists, and runs as they say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::root;

/// Where tests are.
const FOLDERS: [&str; 5] = ["crates", "services", "sandbox", "tests", "benches"];
/// The heading of the column that names them.
const COLUMN: &str = "test";
/// What a row says of a test that `./run test` passes over.
const LONGER: &str = "`./run chaos ";

/// Every function of the sources that has an attribute of a test, and whether it is ignored wherever it stands.
fn tests() -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    for folder in FOLDERS {
        collect(&root().join(folder), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut BTreeMap<String, bool>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            for (name, is_ignored) in tests_of(&std::fs::read_to_string(&path).unwrap()) {
                *found.entry(name).or_insert(true) &= is_ignored;
            }
        }
    }
}

/// The functions of a source that are tests, and whether each is ignored. Attributes and comments may stand between.
fn tests_of(source: &str) -> Vec<(String, bool)> {
    let (mut names, mut is_test, mut is_ignored) = (Vec::new(), false, false);
    for line in source.lines().map(str::trim_start) {
        if line.starts_with("#[test]")
            || line.starts_with("#[tokio::test")
            || line.starts_with("#[actix_web::test")
        {
            is_test = true;
        } else if line.starts_with("#[ignore") {
            is_ignored = true;
        } else if let Some(name) = name_of_fn(line) {
            names.extend(is_test.then_some((name, is_ignored)));
            (is_test, is_ignored) = (false, false);
        }
    }
    names
}

fn name_of_fn(line: &str) -> Option<String> {
    let rest = line
        .strip_prefix("async fn ")
        .or_else(|| line.strip_prefix("fn "))?;
    let (name, _) = rest.split_once('(')?;
    Some(name.to_owned())
}

/// What a document calls a test: what stands between backticks in the column of tests and is no command, and anywhere
/// else what looks like the name of one, which has three words or more.
fn named(document: &str) -> BTreeSet<String> {
    let (mut names, mut column) = (BTreeSet::new(), None);
    for line in document.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if !line.starts_with('|') {
            column = None;
        } else if let Some(place) = cells.iter().position(|cell| *cell == COLUMN) {
            column = Some(place);
        }
        for (place, cell) in cells.iter().enumerate() {
            let quoted = cell.split('`').skip(1).step_by(2);
            let quoted = quoted.map(|text| text.rsplit("::").next().unwrap_or(text));
            let is_certain = Some(place) == column;
            names.extend(
                quoted
                    .filter(|text| {
                        (is_certain && !text.starts_with("./")) || looks_like_a_test(text)
                    })
                    .map(str::to_owned),
            );
        }
    }
    names
}

/// The lines of a document that do not say which suite runs what they name.
fn without_longer(document: &str) -> String {
    let lines = document.lines().filter(|line| !line.contains(LONGER));
    lines.collect::<Vec<_>>().join("\n")
}

fn looks_like_a_test(text: &str) -> bool {
    text.matches('_').count() >= 2
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[test]
fn every_test_that_a_document_names_exists() {
    let tests = tests();
    assert!(tests.len() > 1000, "{} tests", tests.len());
    for (document, least, is_required) in
        [("security.md", 100, true), ("reliability.md", 10, false)]
    {
        let path = root().join("docs").join(document);
        if !is_required && !path.exists() {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let names = named(&text);
        assert!(
            names.len() >= least,
            "docs/{document} names {} tests",
            names.len()
        );
        let missing: Vec<&String> = names
            .iter()
            .filter(|name| !tests.contains_key(*name))
            .collect();
        assert!(
            missing.is_empty(),
            "docs/{document} names tests that do not exist: {missing:?}"
        );
        let mut ignored = named(&without_longer(&text));
        ignored.retain(|name| tests[name]);
        assert!(
            ignored.is_empty(),
            "docs/{document} names tests that `./run test` passes over, without {LONGER}SUITE`: {ignored:?}"
        );
    }
}

#[test]
fn names_are_found_in_their_column_and_elsewhere_by_their_form() {
    let document = "| threat | test |\n|---|---|\n| `alg` of `no_word` | `short`, `crashes::a_long_one` |\n\
                    | of hours | `of_a_suite` (`./run chaos kills`) |\n\
                    `another_long_one`, `pg_temp`, `METERGATE_A_B_C`\n\n| `x` | `y` |";
    let mut expected: BTreeSet<String> = ["a_long_one", "another_long_one", "of_a_suite", "short"]
        .map(str::to_owned)
        .into();
    assert_eq!(named(document), expected);
    expected.remove("of_a_suite");
    assert_eq!(named(&without_longer(document)), expected);
    let source = "#[test]\n#[ignore]\nfn is_one() {}\nfn helper() {}\n#[tokio::test(flavor = \"x\")]\n/// Why.\nasync fn is_another() {}\n";
    let expected = [("is_one", true), ("is_another", false)]
        .map(|(name, is_ignored)| (name.to_owned(), is_ignored));
    assert_eq!(tests_of(source), expected);
}

//! The tests that `docs/security.md` and `docs/reliability.md` name: each exists.

use std::collections::BTreeSet;
use std::path::Path;

use crate::root;

/// Where tests are.
const FOLDERS: [&str; 5] = ["crates", "services", "sandbox", "tests", "benches"];
/// The heading of the column that names them.
const COLUMN: &str = "test";

/// Every function of the sources that has an attribute of a test.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in FOLDERS {
        collect(&root().join(folder), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.extend(tests_of(&std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The functions of a source that are tests. Attributes and comments may stand between.
fn tests_of(source: &str) -> Vec<String> {
    let (mut names, mut is_test) = (Vec::new(), false);
    for line in source.lines().map(str::trim_start) {
        if line.starts_with("#[test]")
            || line.starts_with("#[tokio::test")
            || line.starts_with("#[actix_web::test")
        {
            is_test = true;
        } else if let Some(name) = name_of_fn(line) {
            names.extend(is_test.then_some(name));
            is_test = false;
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

/// What a document calls a test: what stands between backticks in the column of tests, and anywhere else what looks
/// like the name of one, which has three words or more.
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
                    .filter(|text| is_certain || looks_like_a_test(text))
                    .map(str::to_owned),
            );
        }
    }
    names
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
        let named = named(&std::fs::read_to_string(&path).unwrap());
        assert!(
            named.len() >= least,
            "docs/{document} names {} tests",
            named.len()
        );
        let missing: Vec<&String> = named.difference(&tests).collect();
        assert!(
            missing.is_empty(),
            "docs/{document} names tests that do not exist: {missing:?}"
        );
    }
}

#[test]
fn names_are_found_in_their_column_and_elsewhere_by_their_form() {
    let document = "| threat | test |\n|---|---|\n| `alg` of `no_word` | `short`, `crashes::a_long_one` |\n\
                    `another_long_one`, `pg_temp`, `METERGATE_A_B_C`\n\n| `x` | `y` |";
    let expected = ["a_long_one", "another_long_one", "short"];
    assert_eq!(named(document), expected.map(str::to_owned).into());
    let source = "#[test]\n#[ignore]\nfn is_one() {}\nfn helper() {}\n#[tokio::test(flavor = \"x\")]\n/// Why.\nasync fn is_another() {}\n";
    assert_eq!(tests_of(source), ["is_one", "is_another"]);
}

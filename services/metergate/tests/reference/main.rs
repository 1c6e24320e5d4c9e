//! Documents against the code: `docs/configuration.md` is written from the command line of `metergate serve`, and
//! compared; the tests that others name exist ([`named_tests`]).
//!
//! After a change of a setting: `UPDATE_DOCS=1 cargo test -p metergate --test reference`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a wrong assumption is to end the test"
)]

mod named_tests;
mod setting;
mod text;

use std::path::{Path, PathBuf};

use setting::Setting;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_reference_says_what_the_code_does() {
    let settings = setting::all();
    assert!(settings.len() > 60, "{}", settings.len());
    let written = text::reference(&settings);
    let file = root().join("docs/configuration.md");
    #[expect(
        clippy::disallowed_methods,
        reason = "whether the file is to be written is no configuration of the program"
    )]
    let is_update = std::env::var_os("UPDATE_DOCS").is_some();
    if is_update {
        std::fs::write(&file, &written).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    let first = written
        .lines()
        .zip(found.lines())
        .find(|(written, found)| written != found);
    assert!(
        written == found,
        "docs/configuration.md is not what the code says, first at {first:?}: run UPDATE_DOCS=1 cargo test -p metergate --test reference"
    );
    let longest = written.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(120), "{longest:?}");
}

/// A password in a default would be in the manual, and in every installation.
#[test]
fn no_secret_has_a_default() {
    let secrets: Vec<Setting> = setting::all()
        .into_iter()
        .filter(|setting| setting.is_secret)
        .collect();
    assert!(secrets.len() >= 6, "{secrets:?}");
    for setting in secrets {
        assert_eq!(setting.default, None, "{}", setting.name);
    }
}

/// The names in `.env.example`, each with the value that is said to be its default: of those behind a `#`.
fn example() -> Vec<(String, Option<String>)> {
    let text = std::fs::read_to_string(root().join(".env.example")).unwrap();
    let pairs = text.lines().filter_map(|line| {
        let (name, value) = line.trim_start_matches('#').split_once('=')?;
        let is_name = name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        let default = line.starts_with('#').then(|| value.to_owned());
        is_name.then(|| (name.to_owned(), default))
    });
    pairs.collect()
}

/// Every name is a setting of the program, or one that `docker-compose.yml` or the renewal of certificates takes. What
/// stands there as a default is the default.
#[test]
fn what_the_example_names_exists() {
    let settings = setting::all();
    let compose = std::fs::read_to_string(root().join("docker-compose.yml")).unwrap();
    let acme = std::fs::read_to_string(root().join("infra/certificates/acme")).unwrap();
    let example = example();
    assert!(example.len() > 40, "{}", example.len());
    for (name, said) in example {
        let is_composed = compose.contains(&format!("${{{name}"));
        let setting = settings.iter().find(|setting| setting.name == name);
        assert!(
            setting.is_some() || is_composed || acme.contains(&name),
            ".env.example names {name}, which nothing reads"
        );
        let default = setting.and_then(|setting| setting.default.as_ref());
        // Docker has a value of its own for what it puts together.
        if let (Some(said), Some(default), false) = (said, default, is_composed) {
            assert_eq!(&said, default, "{name} in .env.example");
        }
    }
}

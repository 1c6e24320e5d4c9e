//! axe-core in the page that the browser shows: contrast, names, labels, landmarks, languages, sizes of targets.

use std::fmt;
use std::path::Path;

use serde_json::Value;

use super::Chromium;

/// Where `infra/dev/install test` puts it (with the version: an older one is not taken for it).
const AXE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../target/axe/axe-4.12.1.min.js"
);

/// WCAG 2.2 AA, and what axe recommends beyond.
const RUN: &str = "const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ['violations'], runOnly:
    ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
  .then((results) => done(JSON.stringify({
    passes: results.passes.length,
    violations: results.violations.flatMap(({ id, help, nodes }) => nodes.map((node) => (
      { rule: id, help, target: node.target.join(' '), summary: node.failureSummary ?? '' }))) })))
  .catch((error) => done(JSON.stringify({ error: String(error) })));";

/// Something that a person cannot see, read, reach or understand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule: `color-contrast`, `label`, …
    pub rule: String,
    /// What it asks for.
    pub help: String,
    /// Where, as a CSS selector.
    pub target: String,
    /// What is wrong there.
    pub summary: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            help,
            target,
            summary,
        } = self;
        write!(f, "{rule} at {target}: {help}\n  {summary}")
    }
}

impl Chromium {
    /// What axe-core finds on the page as it is shown now.
    ///
    /// # Panics
    /// When axe-core is not there, or could not look at the page.
    #[expect(
        clippy::panic,
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "for tests only"
    )]
    pub async fn axe(&self) -> Vec<Violation> {
        let source = std::fs::read_to_string(Path::new(AXE)).unwrap_or_else(|error| {
            panic!("axe-core is not there ({error}): run infra/dev/install test")
        });
        self.driver.execute(source, Vec::new()).await.unwrap();
        let answer = self.driver.execute_async(RUN, Vec::new()).await.unwrap();
        let answer: String = answer.convert().unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(
            answer["passes"].as_u64().is_some_and(|passes| passes > 5),
            "axe-core could not look at {:?}: {answer}",
            self.address().await
        );
        let found = answer["violations"].as_array().unwrap().iter();
        found
            .map(|one| {
                let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
                Violation {
                    rule: text("rule"),
                    help: text("help"),
                    target: text("target"),
                    summary: text("summary"),
                }
            })
            .collect()
    }

    /// Fails with what axe-core finds, if it finds anything.
    ///
    /// # Panics
    /// When there is a violation.
    pub async fn assert_accessible(&self, page: &str) {
        let found: Vec<String> = self.axe().await.iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "{page}:\n{}", found.join("\n"));
    }
}

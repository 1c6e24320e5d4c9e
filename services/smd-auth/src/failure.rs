//! Why fetching is delayed or was given up, in the language of the page. `smd-fetcher`, `smd-client` and `csv-exporter`
//! store an English sentence, because the job that fails knows no reader; here it is found again in our own English
//! texts. A sentence that is not among them is shown as it is, and marked as English.

use pages::{Texts, Words};

/// The messages that `smd-fetcher` and `csv-exporter` may have stored.
pub(crate) const KEYS: [&str; 17] = [
    "failure-slow",
    "failure-away",
    "failure-expired",
    "failure-not-allowed",
    "failure-unreadable",
    "failure-access",
    "failure-our-fault",
    "failure-broke-off",
    "failure-ours",
    "failure-ours-stopped",
    "failure-away-stopped",
    "failure-nothing-shared",
    "failure-never-delivered",
    "failure-late",
    "failure-no-usage",
    "failure-given-up",
    "failure-no-file",
];

/// A text, and whether it is English on a page that is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sentence {
    pub(crate) text: String,
    pub(crate) is_foreign: bool,
}

impl From<String> for Sentence {
    fn from(text: String) -> Self {
        Self {
            text,
            is_foreign: false,
        }
    }
}

/// The stored sentence in the language of `words`.
pub(crate) fn sentence(texts: &Texts, words: &Words, stored: &str) -> Sentence {
    let english = texts.first();
    match KEYS.iter().find(|key| english.say(key) == stored) {
        Some(key) => words.say(key).into(),
        None => Sentence {
            text: stored.to_owned(),
            is_foreign: words.language() != english.language(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sentence that is worded anew there must be worded anew here.
    #[test]
    fn every_sentence_stands_where_the_fetching_is_done() {
        let sources = [
            include_str!("../../smd-fetcher/src/error.rs"),
            include_str!("../../smd-fetcher/src/fetch.rs"),
            include_str!("../../smd-fetcher/src/fetch/prepare.rs"),
            include_str!("../../smd-fetcher/src/release.rs"),
            include_str!("../../csv-exporter/src/export.rs"),
            include_str!("../../../crates/smd-client/src/error.rs"),
        ]
        .concat();
        let texts = crate::answers::texts().unwrap();
        for key in KEYS {
            let sentence = texts.first().say(key);
            assert!(
                sources.contains(&format!("\"{sentence}\"")),
                "{key}: {sentence}"
            );
        }
        // And the other way: what looks like a sentence for customers there is known here.
        let is_for_customers = |line: &&str| {
            [
                "lease start again",
                "has been told",
                "by ourselves",
                "stopped trying",
            ]
            .iter()
            .any(|words| line.contains(words))
        };
        for line in sources.lines().filter(is_for_customers) {
            let Some((_, rest)) = line.split_once('"') else {
                continue;
            };
            let Some((said, _)) = rest.rsplit_once('"') else {
                continue;
            };
            let is_known = KEYS.iter().any(|key| texts.first().say(key) == said);
            assert!(is_known || line.contains("assert"), "{said}");
        }
    }

    #[test]
    fn what_is_stored_is_said_in_the_language_of_the_page() {
        let texts = crate::answers::texts().unwrap();
        let es = texts.in_language("es").unwrap();
        let stored = "PG&E did not deliver your usage in time. Please start again.";
        let said = sentence(&texts, &es, stored);
        assert!(said.text.starts_with("PG&E no entregó") && !said.is_foreign);
        let unknown = sentence(&texts, &es, "Something <new>.");
        assert_eq!(
            (unknown.text.as_str(), unknown.is_foreign),
            ("Something <new>.", true)
        );
        assert!(!sentence(&texts, &texts.first(), "Something <new>.").is_foreign);
    }
}

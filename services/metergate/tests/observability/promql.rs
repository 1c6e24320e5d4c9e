//! The metrics in an expression of `PromQL`.

use std::collections::BTreeMap;

use crate::source::Metric;

/// Metrics that Prometheus makes itself.
pub(crate) const OF_PROMETHEUS: [&str; 2] = ["up", "ALERTS"];

/// Labels that a scrape adds.
pub(crate) const OF_SCRAPES: [&str; 3] = ["job", "instance", "le"];

/// Words that stand where a metric can.
const WORDS: [&str; 10] = [
    "and",
    "or",
    "unless",
    "by",
    "without",
    "on",
    "ignoring",
    "bool",
    "offset",
    "group_left",
];

/// A metric in an expression, and the labels that it is selected by.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) name: String,
    pub(crate) labels: Vec<String>,
}

impl Used {
    /// The name in the code: a histogram is shown as three series.
    pub(crate) fn base(&self, known: &BTreeMap<String, Metric>) -> &str {
        let stems = ["_bucket", "_sum", "_count"].map(|end| self.name.strip_suffix(end));
        let is_histogram = |stem: &&str| {
            known
                .get(*stem)
                .is_some_and(|metric| metric.kind == "histogram")
        };
        let stem = stems.into_iter().flatten().find(is_histogram);
        stem.unwrap_or(&self.name)
    }
}

/// What is neither a function, a word, a label of a grouping nor a duration.
pub(crate) fn metrics(expression: &str) -> Vec<Used> {
    let mut used = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic() || "_\"[".contains(c)) {
        if let Some(closing) = match rest.as_bytes()[start] {
            b'"' => Some('"'),
            b'[' => Some(']'),
            _ => None,
        } {
            let inside = &rest[start + 1..];
            rest = &inside[inside.find(closing).unwrap() + 1..];
            continue;
        }
        // `1e3`, `5m`: part of a number.
        let in_number = rest[..start].ends_with(|c: char| c.is_ascii_digit());
        let word = &rest[start..];
        let end = word.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (word, behind) = word.split_at(end.unwrap_or(word.len()));
        rest = behind.trim_start();
        if matches!(word, "by" | "without" | "on" | "ignoring") {
            rest = &rest[rest.find(')').unwrap() + 1..];
        } else if !in_number && !WORDS.contains(&word) && !is_function(rest) {
            let selector = rest.strip_prefix('{').and_then(|it| it.split_once('}'));
            let (selector, behind) = selector.unwrap_or(("", rest));
            rest = behind;
            used.push(Used {
                name: word.to_owned(),
                labels: labels(selector),
            });
        }
    }
    used
}

/// Whether this is what follows a function or an aggregation.
fn is_function(rest: &str) -> bool {
    ["(", "by ", "without "]
        .iter()
        .any(|it| rest.starts_with(it))
}

/// The labels of `a="x", b=~"y|z"`; the values here hold no comma.
fn labels(selector: &str) -> Vec<String> {
    let parts = selector.split(',').map(str::trim);
    let named = parts.filter_map(|part| part.split(['=', '!']).next());
    named
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn metrics_are_told_from_everything_else() {
    let found = metrics(
        r#"histogram_quantile(0.9, sum by (le, b) (rate(a_seconds_bucket{x="up", y!~"down|c"}[5m]))) > 1e3 unless max without (z) (d_total offset 1h) or vector(0)"#,
    );
    let used = |name: &str, labels: &[&str]| Used {
        name: name.to_owned(),
        labels: labels.iter().map(|&it| it.to_owned()).collect(),
    };
    assert_eq!(
        found,
        [used("a_seconds_bucket", &["x", "y"]), used("d_total", &[])]
    );
}

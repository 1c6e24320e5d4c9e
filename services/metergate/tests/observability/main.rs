//! What the operator looks at against what the code records: a metric that an alert, a dashboard or the documentation
//! names must exist, and the other way round. The code is read as text, so that nothing has to run to be found.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a wrong assumption is to end the test"
)]

mod alerts;
mod dashboards;
mod documentation;
mod promql;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

/// A path in the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path)
}

/// A file of the repository.
fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The expression names only metrics that are recorded, each with its own labels.
fn assert_exist(place: &str, expression: &str) {
    let recorded = source::recorded();
    let used = promql::metrics(expression);
    assert!(!used.is_empty(), "{place}: no metric in {expression}");
    for metric in used {
        let known = recorded.get(metric.base(&recorded));
        if known.is_none() && promql::OF_PROMETHEUS.contains(&metric.name.as_str()) {
            continue;
        }
        let Some(known) = known else {
            panic!("{place} uses {}, which no code records", metric.name);
        };
        for label in &metric.labels {
            assert!(
                known.labels.contains(label) || promql::OF_SCRAPES.contains(&label.as_str()),
                "{place} looks at the label {label} of {}, which has {:?}",
                metric.name,
                known.labels
            );
        }
    }
}

//! `docs/observability.md`: the table of metrics and the sections of alerts.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::{alerts, read, source};

const PAGE: &str = "docs/observability.md";
const BEGIN: &str = "<!-- metrics: written by the code, see the last lines -->\n";
const END: &str = "<!-- end of metrics -->\n";

/// The table as the code has it.
fn table() -> String {
    let mut table = "| metric | kind | labels | what |\n|---|---|---|---|\n".to_owned();
    for (name, metric) in source::recorded() {
        let labels: Vec<String> = metric.labels.iter().map(|it| format!("`{it}`")).collect();
        let labels = labels.join(", ");
        let source::Metric {
            kind, description, ..
        } = metric;
        writeln!(table, "| `{name}` | {kind} | {labels} | {description} |").unwrap();
    }
    table
}

#[test]
fn the_table_of_metrics_is_the_codes() {
    let (page, table) = (read(PAGE), table());
    let written = page
        .split_once(BEGIN)
        .and_then(|(_, rest)| rest.split_once(END));
    let (written, _) = written.unwrap_or_else(|| panic!("{PAGE} has lost the marks of its table"));
    if written != table {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("metrics.md");
        fs::write(&path, &table).unwrap();
        let differs = table
            .lines()
            .find(|line| !written.lines().any(|it| it == *line));
        panic!(
            "{PAGE} differs from the code, in {differs:?} for instance: put what stands in {} between its marks",
            path.display()
        );
    }
}

#[test]
fn every_alert_has_its_line_and_no_other_has() {
    let page = read(PAGE);
    let names: Vec<String> = alerts::rules().into_iter().map(|rule| rule.name).collect();
    let (_, section) = page.split_once("\n## Alerts\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let lines = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let written: Vec<&str> = lines.filter_map(|line| line.split('`').next()).collect();
    assert_eq!(written, names, "alerts in {PAGE}");
}

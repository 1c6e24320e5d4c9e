//! Metrics in the source: every macro of the `metrics` crate, with its literal name and labels.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::repository;

/// A metric that the code records.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Metric {
    /// `counter`, `gauge` or `histogram`.
    pub(crate) kind: String,
    pub(crate) labels: BTreeSet<String>,
    /// What its description says; empty without one.
    pub(crate) description: String,
}

/// A macro's name and arguments, and where it stands.
struct Call {
    name: String,
    arguments: Vec<String>,
    place: String,
}

/// Every metric by name. A name that is no literal, a metric of two kinds, without a description or with two, and a
/// description without a metric end the test.
pub(crate) fn recorded() -> BTreeMap<String, Metric> {
    let mut found: BTreeMap<String, Metric> = BTreeMap::new();
    let (uses, descriptions): (Vec<Call>, Vec<Call>) = calls()
        .into_iter()
        .partition(|call| !call.name.starts_with("describe_"));
    assert!(uses.len() > 50, "only {} uses were found", uses.len());
    for call in uses {
        let metric = found.entry(call.metric()).or_default();
        let Call { name, place, .. } = &call;
        assert!(
            metric.kind.is_empty() || metric.kind == *name,
            "{place}: {name}, elsewhere {}",
            metric.kind
        );
        metric.kind.clone_from(name);
        metric.labels.extend(call.labels());
    }
    for call in descriptions {
        let (name, place) = (call.metric(), &call.place);
        let Some(metric) = found.get_mut(&name) else {
            panic!("{place} describes {name}, which nothing records");
        };
        let kind = call.name.trim_start_matches("describe_");
        assert_eq!(metric.kind, kind, "{place}: {name}");
        assert_eq!(metric.description, "", "{place}: {name} is described twice");
        metric.description = literal(call.arguments.last().unwrap()).unwrap();
    }
    for (name, metric) in &found {
        assert!(!metric.description.is_empty(), "{name} is not described");
        let is_total = name.ends_with("_total");
        assert_eq!(is_total, metric.kind == "counter", "the name of {name}");
    }
    found
}

impl Call {
    fn metric(&self) -> String {
        let first = self.arguments.first().map(String::as_str);
        literal(first.unwrap_or_default())
            .unwrap_or_else(|| panic!("{}: the name is no literal", self.place))
    }

    fn labels(&self) -> impl Iterator<Item = String> {
        self.arguments.iter().skip(1).map(|argument| {
            let label = argument
                .split_once("=>")
                .and_then(|(label, _)| literal(label));
            label.unwrap_or_else(|| panic!("{}: {argument} is no literal label", self.place))
        })
    }
}

fn calls() -> Vec<Call> {
    let mut calls = Vec::new();
    for root in ["crates", "services"] {
        for krate in fs::read_dir(repository(root)).unwrap() {
            let mut files = Vec::new();
            collect(&krate.unwrap().path().join("src"), &mut files);
            for file in files {
                let text = fs::read_to_string(&file).unwrap();
                // What stands behind is for tests only.
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                find(code, &file, &mut calls);
            }
        }
    }
    calls
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if name != "tests" {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|it| it == "rs") && name != "tests.rs" {
            files.push(path);
        }
    }
}

fn find(code: &str, file: &Path, calls: &mut Vec<Call>) {
    const KINDS: [&str; 3] = ["counter", "gauge", "histogram"];
    for (start, _) in code.match_indices("metrics::") {
        let rest = &code[start + "metrics::".len()..];
        let Some((name, behind)) = rest.split_once("!(") else {
            continue;
        };
        if !KINDS.contains(&name.trim_start_matches("describe_")) {
            continue;
        }
        let line = code[..start].lines().count();
        calls.push(Call {
            name: name.to_owned(),
            arguments: arguments(behind),
            place: format!("{}:{line}", file.display()),
        });
    }
}

/// Up to the parenthesis that closes the macro, split at its commas.
fn arguments(text: &str) -> Vec<String> {
    let (mut found, mut current) = (Vec::new(), String::new());
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for c in text.chars() {
        match c {
            '"' if !escaped => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' if !quoted && depth == 0 => break,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                found.push(std::mem::take(&mut current));
                continue;
            }
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        current.push(c);
    }
    found.push(current);
    found.retain(|argument| !argument.trim().is_empty());
    found
}

fn literal(argument: &str) -> Option<String> {
    let inner = argument.trim().strip_prefix('"')?.strip_suffix('"')?;
    (!inner.contains(['"', '\\'])).then(|| inner.to_owned())
}

#[test]
fn every_metric_has_one_kind_and_one_description() {
    let found = recorded();
    let requests = &found["http_requests_total"];
    assert_eq!(requests.kind, "counter");
    let labels: Vec<_> = requests.labels.iter().map(String::as_str).collect();
    assert_eq!(labels, ["method", "route", "status"]);
}

#[test]
fn no_label_is_an_id_or_a_name() {
    for (name, metric) in recorded() {
        for label in metric.labels {
            let personal = [
                "id",
                "name",
                "customer",
                "connection",
                "permission",
                "meter",
            ];
            assert!(
                !personal.contains(&label.as_str()),
                "{name} has the label {label}"
            );
        }
    }
}

//! `infra/prometheus`: the rules, their tests, and what they send the operator to.

use std::collections::BTreeSet;
use std::process::Command;

use crate::{assert_exist, read, repository};

const RULES: &str = "infra/prometheus/alerts.yml";
const TESTS: &str = "infra/prometheus/alerts.test.yml";

/// A rule, as far as it is looked at here.
pub(crate) struct Rule {
    pub(crate) name: String,
    expression: String,
    text: String,
}

/// The rules of the file, by its layout: `- alert:` begins one, deeper lines go on with a value.
pub(crate) fn rules() -> Vec<Rule> {
    let text = read(RULES);
    let blocks = text.split("      - alert: ").skip(1);
    let rules: Vec<Rule> = blocks
        .map(|block| {
            let (name, rest) = block.split_once('\n').unwrap();
            let (_, behind) = rest.split_once("        expr: ").unwrap();
            let lines = behind.lines();
            let first = behind.lines().take(1);
            let more = lines
                .skip(1)
                .take_while(|line| line.starts_with("          "));
            let expression: Vec<&str> = first.chain(more).map(str::trim).collect();
            Rule {
                name: name.to_owned(),
                expression: expression.join(" ").trim_start_matches(">- ").to_owned(),
                text: rest.to_owned(),
            }
        })
        .collect();
    assert!(rules.len() > 20, "only {} rules were found", rules.len());
    rules
}

#[test]
fn rules_look_at_metrics_that_exist() {
    for rule in rules() {
        assert_exist(&format!("{RULES}: {}", rule.name), &rule.expression);
    }
}

#[test]
fn rules_say_how_bad_it_is_and_what_to_do() {
    for Rule { name, text, .. } in rules() {
        assert!(
            text.contains("severity: critical") || text.contains("severity: warning"),
            "{name} has no severity"
        );
        for key in ["summary: ", "description: ", "runbook: "] {
            assert!(text.contains(&format!("          {key}")), "{name}: {key}");
        }
        let (_, runbook) = text.split_once("runbook: ").unwrap();
        let (page, anchor) = runbook.lines().next().unwrap().split_once('#').unwrap();
        assert!(anchors(page).contains(anchor), "{name}: {page}#{anchor}");
    }
}

/// The anchors of a page's headings, as Git forges make them.
fn anchors(page: &str) -> BTreeSet<String> {
    let text = read(page);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|heading| {
            let words = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = words
                .chars()
                .filter(|c| c.is_alphanumeric() || " -".contains(*c));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

#[test]
fn every_rule_is_tested_firing_and_not_firing() {
    let tests = read(TESTS);
    let rules = rules();
    for Rule { name, .. } in &rules {
        for case in ["fires", "does not fire"] {
            let named = format!("  - name: {name} {case}\n");
            let test = tests.split_once(&named).map(|(_, rest)| rest);
            let test = test.unwrap_or_else(|| panic!("{TESTS} has no case \"{name} {case}\""));
            let test = test.split("  - name: ").next().unwrap();
            let query = format!("expr: ALERTS{{alertname=\"{name}\", alertstate=\"firing\"}}\n");
            assert!(
                test.contains(&query),
                "{name} {case}: looks at something else"
            );
            let is_quiet = test.contains("exp_samples: []");
            assert_eq!(is_quiet, case == "does not fire", "{name} {case}");
        }
    }
    assert_eq!(tests.matches("  - name: ").count(), 2 * rules.len());
}

#[test]
fn promtool_agrees() {
    let folder = repository("infra/prometheus");
    for arguments in [
        &["check", "config", "--syntax-only", "prometheus.yml"][..],
        &["test", "rules", "alerts.test.yml"],
    ] {
        let output = Command::new("promtool")
            .args(arguments)
            .current_dir(&folder)
            .output();
        let output = output.unwrap_or_else(|error| {
            panic!("promtool ({error}): `infra/dev/install test` installs it, package prometheus")
        });
        let told =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "promtool {arguments:?}: {told}");
    }
}

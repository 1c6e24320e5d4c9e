//! `infra/grafana`: the dashboards, read as Grafana reads them.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::{assert_exist, read, repository};

const FOLDER: &str = "infra/grafana/dashboards";

fn dashboards() -> Vec<(String, Value)> {
    let files = fs::read_dir(repository(FOLDER)).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let dashboards: Vec<_> = names
        .map(|name| {
            let text = read(&format!("{FOLDER}/{name}"));
            let dashboard = serde_json::from_str(&text);
            let dashboard = dashboard.unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, dashboard)
        })
        .collect();
    assert_eq!(dashboards.len(), 4);
    dashboards
}

#[test]
fn dashboards_can_be_told_apart_and_linked() {
    let mut seen = BTreeSet::new();
    for (name, dashboard) in dashboards() {
        let uid = dashboard["uid"].as_str().unwrap();
        assert_eq!(
            name,
            format!("{}.json", uid.trim_start_matches("metergate-"))
        );
        assert!(
            seen.insert(dashboard["title"].as_str().unwrap().to_owned()),
            "{name}"
        );
        assert_eq!(
            dashboard["id"],
            Value::Null,
            "{name}: an id is of one Grafana only"
        );
        let panels = dashboard["panels"].as_array().unwrap();
        let ids: BTreeSet<u64> = panels.iter().map(|it| it["id"].as_u64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len(), "{name}: panels with the same id");
    }
}

#[test]
fn every_panel_asks_for_metrics_that_exist_in_a_unit() {
    let sources = read("infra/grafana/provisioning/datasources/datasources.yaml");
    for (name, dashboard) in dashboards() {
        for panel in dashboard["panels"].as_array().unwrap() {
            let place = format!("{FOLDER}/{name}: {}", panel["title"].as_str().unwrap());
            let unit = panel["fieldConfig"]["defaults"]["unit"].as_str();
            assert!(unit.is_some(), "{place} has no unit");
            let targets = panel["targets"].as_array().unwrap();
            assert!(!targets.is_empty(), "{place}");
            for target in targets {
                assert_exist(&place, target["expr"].as_str().unwrap());
                let source = target["datasource"]["uid"].as_str().unwrap();
                assert!(
                    sources.contains(&format!("uid: {source}\n")),
                    "{place}: {source}"
                );
            }
        }
    }
}

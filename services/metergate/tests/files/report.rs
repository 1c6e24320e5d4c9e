//! What `convert --report` writes beside the tables.

use std::path::Path;

use crate::desk::Desk;
use crate::feed::{Feed, WATT_HOURS, intervals, solar_and_gas};

#[test]
fn a_report_and_a_readme_stand_beside_the_tables() {
    let desk = Desk::new();
    let file = desk.put("<b>home & garden.xml", &solar_and_gas());
    let printed = desk.convert(&[file], &["--name", "My home", "--report"]);
    assert_eq!(
        desk.names(),
        [
            "My-home-electricity.csv",
            "My-home-gas.csv",
            "My-home-readme.txt",
            "My-home-report.html"
        ]
    );
    assert!(printed.contains("My-home-report.html"), "{printed}");
    let report = desk.written("My-home-report.html");
    for part in [
        "Electricity: usage point 1000000001",
        "Gas: usage point 1000000002",
        "1.0365954 therm",
        "&lt;b&gt;home",
        "default-src",
    ] {
        let part = part.replace("1.0365954 therm", "1.04 therm");
        let escaped = part.replace("&lt;", "&#60;").replace("&gt;", "&#62;");
        assert!(
            report.contains(&part) || report.contains(&escaped),
            "{part}"
        );
    }
    assert!(!report.contains("<b>") && !report.contains("<script"));
    let readme = desk.written("My-home-readme.txt");
    for part in [
        "My-home-electricity.csv",
        "Back To Grid Value (Wh)\n    Energy fed back",
        "3 rows, 5 readings",
        "validated",
    ] {
        assert!(readme.contains(part), "{part}: {readme}");
    }
    // The same again gives the same bytes.
    let again = Desk::new();
    let file = again.put("<b>home & garden.xml", &solar_and_gas());
    again.convert(&[file], &["--name", "My home", "--report"]);
    let own = |desk: &Desk, text: String| text.replace(desk.folder.path().to_str().unwrap(), "");
    assert_eq!(
        own(&again, again.written("My-home-report.html")),
        own(&desk, report)
    );
}

#[test]
fn without_the_option_there_are_tables_only() {
    let desk = Desk::new();
    let file = desk.put("home.xml", &solar_and_gas());
    desk.convert(&[file], &[]);
    assert_eq!(desk.names().len(), 2);
}

#[test]
fn what_is_missing_is_told_with_its_time() {
    let desk = Desk::new();
    let mut quarters = intervals("2026-06-01T07:00:00Z", 96, 900);
    quarters.drain(40..44);
    let feed = Feed::new("2026-12-01T00:00:00Z").pacific();
    let feed = feed
        .usage_point("1", 0)
        .series("1", 1, WATT_HOURS, &quarters);
    let file = desk.put("day.xml", &feed.finish());
    desk.convert(&[file], &["--report"]);
    let report = desk.written("green-button-report.html");
    assert!(report.contains("Mon 1 Jun 2026, 10:00 -07:00"));
    assert!(report.contains("Mon 1 Jun 2026, 11:00 -07:00"));
    assert!(report.contains("4 intervals in 1 hour"));
    assert!(
        desk.written("green-button-readme.txt")
            .contains("from the grid: 4 intervals missing")
    );
}

#[test]
fn every_public_sample_that_converts_has_a_report() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples/espi");
    for file in [
        "pge-oev/gas-daily.xml",
        "pge-oev/2019-11-02.xml",
        "sce-verdigris/BulkSCEIntervalBlock.xml",
        "ontario-enbridge-gas/EGD_Gas_EnergyUsage_20221225_20241225.xml",
        "sdge/testdata.xml",
        "ameren-bidgely/Ameren_Res_Electric_15_Minutes_12-04-2023_12-04-2023.XML",
        "eddie-utilityapi/Batch.xml",
    ] {
        let path = folder.join(file);
        if !path.exists() {
            continue;
        }
        let desk = Desk::new();
        desk.convert(&[path], &["--report"]);
        let report = desk.written("green-button-report.html");
        assert!(report.contains("<h3>Months</h3>"), "{file}");
        assert!(report.len() < 60_000, "{file}: {}", report.len());
    }
}

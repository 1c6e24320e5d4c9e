//! Public feeds of several custodians, where the checkout has them.

use std::path::{Path, PathBuf};

use crate::desk::{Desk, column};

/// The public samples, where the checkout has them.
fn samples() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples/espi");
    folder.is_dir().then_some(folder)
}

#[test]
fn the_october_2019_samples_give_each_hour_once() {
    let Some(samples) = samples() else { return };
    let desk = Desk::new();
    let files = ["2019-10-16", "2019-10-17", "2019-11-02"];
    let files = files.map(|day| samples.join(format!("pge-oev/{day}.xml")));
    desk.convert(&files, &[]);
    let csv = desk.written("green-button-electricity.csv");
    let mut times = column(&csv, 1);
    assert_eq!(times.len(), 48 + 49);
    assert_eq!(
        times
            .iter()
            .filter(|time| time.starts_with("2019-11-03"))
            .count(),
        25
    );
    assert!(times.contains(&"2019-11-03T01:00:00-07:00"));
    assert!(times.contains(&"2019-11-03T01:00:00-08:00"));
    times.sort_unstable();
    times.dedup();
    assert_eq!(times.len(), 48 + 49);
}

#[test]
fn the_other_samples_come_out_as_their_readme_says() {
    let Some(samples) = samples() else { return };
    for (file, table, rows, unit, sum) in [
        ("pge-oev/gas-daily.xml", "gas", 1, "therm", "0"),
        (
            "sce-verdigris/BulkSCEIntervalBlock.xml",
            "electricity",
            97,
            "Wh",
            "24380",
        ),
        (
            "ontario-enbridge-gas/EGD_Gas_EnergyUsage_20221225_20241225.xml",
            "gas",
            20,
            "m3",
            "999",
        ),
        ("sdge/testdata.xml", "electricity", 552, "Wh", "351425"),
        (
            "ameren-bidgely/Ameren_Res_Electric_15_Minutes_12-04-2023_12-04-2023.XML",
            "electricity",
            96,
            "Wh",
            "57893",
        ),
        (
            "eddie-utilityapi/Batch.xml",
            "electricity",
            67,
            "Wh",
            "726240",
        ),
    ] {
        let desk = Desk::new();
        let path = samples.join(file);
        desk.convert(std::slice::from_ref(&path), &[]);
        assert_eq!(
            desk.names(),
            [format!("green-button-{table}.csv")],
            "{file}"
        );
        let csv = desk.written(&format!("green-button-{table}.csv"));
        assert_eq!(csv.lines().count(), rows + 1, "{file}");
        let report = desk.inspect(&[path]);
        let series = report["usage_points"][0]["series"].as_array().unwrap();
        assert_eq!(series.len(), 1, "{file}");
        assert_eq!(series[0]["intervals"], rows, "{file}");
        assert_eq!(series[0]["unit"]["name"], unit, "{file}");
        assert_eq!(series[0]["sum"], sum, "{file}");
    }
}

#[test]
fn the_broken_samples_are_refused_where_they_break() {
    let Some(samples) = samples() else { return };
    for (file, byte) in [
        (
            "eddie-utilityapi/BatchWithInvalidIntervalBlock.xml",
            "at byte 6837",
        ),
        (
            "eddie-utilityapi/BatchWithWrongContentForIntervalBlock.xml",
            "at byte 5799",
        ),
        ("pge-verdigris/PGEUsageSummary.xml", "ns1"),
        ("pge-oev/notification-as-captured.xml", "at byte 38"),
    ] {
        let desk = Desk::new();
        let complaint = desk.refused("convert", &[samples.join(file)], &[]);
        assert!(complaint.contains(byte), "{complaint}");
    }
}

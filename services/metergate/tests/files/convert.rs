//! What `convert` writes.

use crate::desk::{Desk, column};
use crate::feed::{Feed, WATT_HOURS, intervals, solar_and_gas};

const HEADER: &str = "SA_UUID,Interval Timestamp,Delivered From Grid Value (Wh),Back To Grid Value (Wh),Start (UTC),Duration (s),Unit,Quality,Time Of Use,Cost";

#[test]
fn a_solar_home_with_gas_gives_two_files() {
    let desk = Desk::new();
    let file = desk.put("home.xml", &solar_and_gas());
    let printed = desk.convert(&[file], &["--name", "My home"]);
    assert_eq!(desk.names(), ["My-home-electricity.csv", "My-home-gas.csv"]);
    let expected = [
        HEADER,
        "1000000001,2026-06-01T00:00:00-07:00,1,,2026-06-01T07:00:00Z,900,Wh,validated,,",
        "1000000001,2026-06-01T00:15:00-07:00,1.001,1,2026-06-01T07:15:00Z,900,Wh,validated,,",
        "1000000001,2026-06-01T00:30:00-07:00,1.002,1.001,2026-06-01T07:30:00Z,900,Wh,validated,,",
        "",
    ];
    assert_eq!(desk.written("My-home-electricity.csv"), expected.join("\n"));
    assert_eq!(
        desk.written("My-home-gas.csv"),
        "SA_UUID,Interval Timestamp,Gas Value,Start (UTC),Duration (s),Unit,Quality,Time Of Use,Cost\n\
         1000000002,2026-06-01T00:00:01-07:00,1.0365954,2026-06-01T07:00:01Z,86400,therm,validated,,\n"
    );
    assert!(printed.contains("3 rows, 5 readings"), "{printed}");
    assert!(printed.contains("LocalTimeParameters"), "{printed}");
}

#[test]
fn the_model_applications_columns_and_another_zone() {
    let desk = Desk::new();
    let file = desk.put("home.xml", &solar_and_gas());
    let printed = desk.convert(&[file], &["--columns", "model", "--timezone", "UTC"]);
    assert_eq!(
        desk.written("green-button-electricity.csv"),
        "SA_UUID,Interval Timestamp,Delivered From Grid Value (Wh),Back To Grid Value (Wh)\n\
         1000000001,2026-06-01T07:00:00+00:00,1,\n\
         1000000001,2026-06-01T07:15:00+00:00,1.001,1\n\
         1000000001,2026-06-01T07:30:00+00:00,1.002,1.001\n"
    );
    assert!(printed.contains("as asked for"), "{printed}");
}

#[test]
fn the_days_when_clocks_change_have_92_and_100_quarter_hours() {
    for (start, quarters, day) in [
        ("2026-03-08T08:00:00Z", 92, "2026-03-08"),
        ("2026-11-01T07:00:00Z", 100, "2026-11-01"),
    ] {
        for pacific in [true, false] {
            let desk = Desk::new();
            let feed = Feed::new("2026-12-01T00:00:00Z");
            let feed = if pacific { feed.pacific() } else { feed };
            let feed = feed.usage_point("1", 0).series(
                "1",
                1,
                WATT_HOURS,
                &intervals(start, quarters, 900),
            );
            let file = desk.put("day.xml", &feed.finish());
            let printed = desk.convert(&[file], &[]);
            assert_eq!(
                printed.contains("America/Los_Angeles"),
                !pacific,
                "{printed}"
            );
            let csv = desk.written("green-button-electricity.csv");
            let mut times = column(&csv, 1);
            assert!(times.iter().all(|time| time.starts_with(day)), "{times:?}");
            times.sort_unstable();
            times.dedup();
            assert_eq!(i64::try_from(times.len()).unwrap(), quarters);
        }
    }
}

#[test]
fn overlapping_files_give_each_interval_once_and_the_last_publication_counts() {
    let feed = |published, start, value| {
        let mut all = intervals(start, 4, 3600);
        for interval in &mut all {
            interval.2 = value;
        }
        Feed::new(published)
            .usage_point("1", 0)
            .series("1", 1, WATT_HOURS, &all)
            .finish()
    };
    let desk = Desk::new();
    let newer = desk.put(
        "newer.xml",
        &feed("2026-02-02T00:00:00Z", "2026-01-01T10:00:00Z", 2000),
    );
    let older = desk.put(
        "older.xml",
        &feed("2026-01-02T00:00:00Z", "2026-01-01T08:00:00Z", 1000),
    );
    let mut results = Vec::new();
    for files in [[&newer, &older], [&older, &newer]] {
        let files = files.map(Clone::clone);
        let printed = desk.convert(&files, &[]);
        assert!(
            printed.contains("merged: 2 readings that repeat an interval, 2 of them"),
            "{printed}"
        );
        results.push(desk.written("green-button-electricity.csv"));
        let report = desk.inspect(&files);
        let series = &report["usage_points"][0]["series"][0];
        assert_eq!(series["intervals"], 6);
        assert_eq!(series["readings"], 8);
        assert_eq!(series["duplicates_merged"], 2);
        assert_eq!(series["duplicates_with_another_value"], 2);
        assert_eq!(series["sum"], "10");
    }
    assert_eq!(column(&results[0], 2), ["1", "1", "2", "2", "2", "2"]);
    assert_eq!(
        results[0], results[1],
        "the order of the files does not matter"
    );
}

#[test]
fn running_twice_gives_the_same_bytes_and_nothing_else() {
    let desk = Desk::new();
    let file = desk.put("home.xml", &solar_and_gas());
    let first = desk.convert(std::slice::from_ref(&file), &[]);
    let names = desk.names();
    let bytes: Vec<String> = names.iter().map(|name| desk.written(name)).collect();
    assert_eq!(desk.convert(&[file], &[]), first);
    assert_eq!(desk.names(), names);
    let again: Vec<String> = names.iter().map(|name| desk.written(name)).collect();
    assert_eq!(again, bytes);
}

#[test]
fn names_cannot_leave_the_folder_or_start_a_formula() {
    let desk = Desk::new();
    let file = desk.put("home.xml", &solar_and_gas());
    desk.convert(&[file], &["--name", "=../../evil"]);
    assert_eq!(desk.names(), ["evil-electricity.csv", "evil-gas.csv"]);
}

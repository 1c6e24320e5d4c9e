//! What `inspect` says about series, and what `convert` does with the odd ones.

use serde_json::Value;

use crate::desk::{Desk, column};
use crate::feed::{Feed, REGISTER, WATT_HOURS, WATTS, intervals};

#[test]
fn registers_are_never_summed_and_twins_are_left_out_by_name() {
    let desk = Desk::new();
    let hours = intervals("2026-01-01T08:00:00Z", 2, 3600);
    let feed = Feed::new("2026-01-03T00:00:00Z")
        .usage_point("1", 0)
        .series("1", 1, WATT_HOURS, &hours)
        .series("1", 1, WATTS, &hours)
        .series(
            "1",
            1,
            REGISTER,
            &[
                (1_767_254_400, 3600, 500_000),
                (1_767_258_000, 3600, 500_001),
            ],
        );
    let file = desk.put("twins.xml", &feed.finish());
    let printed = desk.convert(std::slice::from_ref(&file), &[]);
    assert!(
        printed.contains("left out: usage point 1, delivered, W, 2 intervals"),
        "{printed}"
    );
    assert!(printed.contains("register readings"), "{printed}");
    assert_eq!(
        column(&desk.written("green-button-electricity.csv"), 2),
        ["1", "1.001"]
    );

    let report = desk.inspect(&[file]);
    let series = report["usage_points"][0]["series"].as_array().unwrap();
    assert_eq!(series.len(), 3);
    let register = series
        .iter()
        .find(|one| one["reading_type"]["accumulation_behaviour"]["code"] == 3)
        .unwrap();
    assert!(register.get("sum").is_none());
    assert_eq!(register["first_value"], "500000");
    assert_eq!(register["last_value"], "500001");
    assert!(register["left_out"].as_str().unwrap().contains("register"));
}

#[test]
fn a_flow_in_hours_and_in_quarter_hours_is_written_once() {
    let desk = Desk::new();
    let hours = format!("{WATT_HOURS}<intervalLength>3600</intervalLength>");
    let quarters = format!("{WATT_HOURS}<intervalLength>900</intervalLength>");
    let feed = Feed::new("2026-01-03T00:00:00Z")
        .usage_point("1", 0)
        .series("1", 1, &hours, &intervals("2026-01-01T08:00:00Z", 3, 3600))
        .series(
            "1",
            1,
            &quarters,
            &intervals("2026-01-01T08:00:00Z", 8, 900),
        );
    let file = desk.put("twice.xml", &feed.finish());
    let printed = desk.convert(&[file], &[]);
    assert!(
        printed.contains(
            "left out: 2 readings of usage point 1, delivered, Wh: other readings of the same time count"
        ),
        "{printed}"
    );
    let csv = desk.written("green-button-electricity.csv");
    let lengths = column(&csv, 5);
    assert_eq!(lengths.len(), 9);
    assert!(lengths[..8].iter().all(|length| *length == "900"));
    assert_eq!(lengths[8], "3600");
}

#[test]
fn series_that_do_not_continue_each_other_are_not_merged() {
    let desk = Desk::new();
    let bucket = |tou: u16| format!("{WATT_HOURS}<tou>{tou}</tou>");
    let net = intervals("2026-01-01T08:00:00Z", 4, 3600);
    let feed = Feed::new("2026-01-03T00:00:00Z")
        .usage_point("1", 0)
        .series("1", 1, &bucket(1), &[(1_767_254_400, 3600, 5_000)])
        .series(
            "1",
            1,
            &bucket(10),
            &[(1_767_254_400, 3600, 6_000), (1_767_258_000, 3600, 7_000)],
        )
        .series("1", 4, WATT_HOURS, &net);
    let file = desk.put("buckets.xml", &feed.finish());
    let printed = desk.convert(&[file], &["--timezone", "UTC"]);
    for part in [
        "left out: 1 reading of usage point 1, delivered, Wh: other readings of the same time count",
        "left out: usage point 1, net, Wh, 4 intervals",
        "left out: 2 readings of usage point 1, net, Wh, of times between Thu 1 Jan 2026, 10:00 +00:00 and Thu 1 Jan 2026, 12:00 +00:00 that the table does not cover",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert!(!printed.contains("merged"), "{printed}");
    assert_eq!(
        column(&desk.written("green-button-electricity.csv"), 2),
        ["5", "7"]
    );
}

#[test]
fn gaps_and_qualities_are_reported() {
    let desk = Desk::new();
    let mut quarters = intervals("2026-01-01T08:00:00Z", 8, 900);
    quarters.drain(2..5);
    let feed = Feed::new("2026-01-03T00:00:00Z")
        .usage_point("1", 0)
        .series("1", 1, WATT_HOURS, &quarters);
    let report = desk.inspect(&[desk.put("gap.xml", &feed.finish())]);
    let series = &report["usage_points"][0]["series"][0];
    assert_eq!(series["flow_direction"]["name"], "delivered");
    assert_eq!(series["unit"]["name"], "Wh");
    assert_eq!(series["intervals"], 5);
    assert_eq!(series["sum"], "5.019");
    assert_eq!(series["first_start"], "2026-01-01T08:00:00Z");
    assert_eq!(series["last_start"], "2026-01-01T09:45:00Z");
    assert_eq!(series["gap_count"], 1);
    assert_eq!(series["missing_intervals"], 3);
    assert_eq!(series["gaps"][0]["from"], "2026-01-01T08:30:00Z");
    assert_eq!(series["gaps"][0]["to"], "2026-01-01T09:15:00Z");
    assert_eq!(series["quality"][0]["name"], "validated");
    assert_eq!(series["quality"][0]["readings"], 5);
    assert_eq!(report["not_bound"], Value::Array(Vec::new()));
    assert_eq!(report["files"][0]["entries"]["IntervalBlock"], 1);
}

#[test]
fn readings_without_reading_type_get_it_from_another_file_or_are_reported() {
    let feed = Feed::new("2026-01-03T00:00:00Z")
        .usage_point("1", 0)
        .series(
            "1",
            1,
            WATT_HOURS,
            &intervals("2026-01-01T08:00:00Z", 2, 3600),
        )
        .finish();
    let start = feed.find("<a:entry><a:id>urn:/ReadingType").unwrap();
    let length = feed[start..].find("</a:entry>").unwrap() + "</a:entry>".len();
    let without = [&feed[..start], &feed[start + length..]].concat();
    let opening = feed.find("<a:entry>").unwrap();
    let only = [&feed[..opening], &feed[start..start + length], "</a:feed>"].concat();

    let desk = Desk::new();
    let without = desk.put("without.xml", &without);
    let only = desk.put("type.xml", &only);
    let report = desk.inspect(std::slice::from_ref(&without));
    assert_eq!(report["not_bound"][0]["readings"], 2);
    assert!(
        report["not_bound"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("reading type")
    );
    let complaint = desk.refused("convert", std::slice::from_ref(&without), &[]);
    assert!(
        complaint.contains("its reading type is missing"),
        "{complaint}"
    );
    for files in [[&without, &only], [&only, &without]] {
        desk.convert(&files.map(Clone::clone), &[]);
        assert_eq!(
            column(&desk.written("green-button-electricity.csv"), 2),
            ["1", "1.001"]
        );
    }
}

use espi::{
    AccumulationBehaviour, Commodity, FlowDirection, MeasurementKind, Reading, ReadingType,
    ServiceKind, UnitOfMeasure, UsagePointId,
};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::*;

fn pacific() -> TimeZone {
    TimeZone::get("America/Los_Angeles").unwrap()
}

/// A series as PG&E states it.
fn series(usage_point: &str, flow: u16) -> Series {
    Series {
        usage_point: Some(UsagePointId::parse(usage_point).unwrap()),
        service_kind: Some(ServiceKind::Electricity),
        reading_type: Some(ReadingType {
            accumulation_behaviour: Some(AccumulationBehaviour::DeltaData),
            commodity: Some(Commodity::Electricity),
            flow_direction: Some(FlowDirection::from_code(flow)),
            kind: Some(MeasurementKind::Energy),
            power_of_ten_multiplier: Some(-3),
            uom: Some(UnitOfMeasure::WattHour),
            ..ReadingType::default()
        }),
    }
}

fn with(mut series: Series, change: impl FnOnce(&mut ReadingType)) -> Series {
    change(series.reading_type.as_mut().unwrap());
    series
}

fn gas(usage_point: &str) -> Series {
    let mut gas = with(series(usage_point, 1), |kind| {
        kind.commodity = Some(Commodity::NaturalGas);
        kind.uom = Some(UnitOfMeasure::Therm);
        kind.power_of_ten_multiplier = Some(-8);
    });
    gas.service_kind = Some(ServiceKind::Gas);
    gas
}

fn reading(start: &str, duration: u32, value: i64) -> Reading {
    Reading {
        start: start.parse().unwrap(),
        duration,
        value,
        quality: [17].into(),
        tou: None,
        cpp: None,
        cost: None,
    }
}

fn csv_of(
    series: &[Series],
    readings: &[(usize, Reading)],
    table: Table,
    columns: Columns,
) -> (String, Written) {
    let selection = Selection::of(series);
    let mut writer = Writer::new(Vec::new(), &selection, table, columns, pacific()).unwrap();
    for (series, reading) in readings {
        writer.push(*series, reading).unwrap();
    }
    let (written, bytes) = writer.finish().unwrap();
    (String::from_utf8(bytes).unwrap(), written)
}

fn full(series: &[Series], readings: &[(usize, Reading)], table: Table) -> String {
    csv_of(series, readings, table, Columns::Full).0
}

const ELECTRICITY: &str = "SA_UUID,Interval Timestamp,Delivered From Grid Value (Wh),Back To Grid Value (Wh),Start (UTC),Duration (s),Unit,Quality,Time Of Use,Cost\n";
const GAS: &str =
    "SA_UUID,Interval Timestamp,Gas Value,Start (UTC),Duration (s),Unit,Quality,Time Of Use,Cost\n";

#[test]
fn both_flows_of_a_solar_home_share_rows() {
    let series = [series("100", 1), series("100", 19)];
    let noon = |value| reading("2026-06-01T19:00:00Z", 900, value);
    let rows = [
        (
            0,
            Reading {
                tou: Some(1),
                cost: Some(28_000),
                ..noon(1_060_900)
            },
        ),
        (
            1,
            Reading {
                tou: Some(2),
                cost: Some(-1_234),
                quality: [14].into(),
                ..noon(250)
            },
        ),
        (1, reading("2026-06-01T19:15:00Z", 900, 86_400)),
        (
            0,
            Reading {
                quality: [].into(),
                ..reading("2026-06-01T19:30:00Z", 900, 0)
            },
        ),
        // The same start with another length is another row.
        (1, reading("2026-06-01T19:30:00Z", 1800, -5)),
    ];
    let expected = [
        ELECTRICITY,
        "100,2026-06-01T12:00:00-07:00,1060.9,0.25,2026-06-01T19:00:00Z,900,Wh,validated / raw,1 / 2,0.26766\n",
        "100,2026-06-01T12:15:00-07:00,,86.4,2026-06-01T19:15:00Z,900,Wh,validated,,\n",
        "100,2026-06-01T12:30:00-07:00,0,,2026-06-01T19:30:00Z,900,Wh,,,\n",
        "100,2026-06-01T12:30:00-07:00,,-0.005,2026-06-01T19:30:00Z,1800,Wh,validated,,\n",
    ];
    assert_eq!(full(&series, &rows, Table::Electricity), expected.concat());
}

#[test]
fn gas_has_its_own_file_with_the_unit_in_each_row() {
    let cubic = with(gas("300"), |kind| {
        kind.uom = Some(UnitOfMeasure::CubicMetre);
        kind.power_of_ten_multiplier = Some(0);
        kind.default_quality = Some(19);
        kind.tou = Some(3);
    });
    let all = [gas("200"), series("100", 1), cubic];
    let rows = [
        (1, reading("2020-05-09T07:00:00Z", 3600, 1)),
        (
            0,
            Reading {
                cost: Some(112_000),
                ..reading("2020-05-09T07:00:01Z", 86_400, 103_659_540)
            },
        ),
        (
            2,
            Reading {
                quality: [].into(),
                ..reading("2020-05-09T07:00:00Z", 2_592_000, 118)
            },
        ),
    ];
    let expected = [
        GAS,
        "200,2020-05-09T00:00:01-07:00,1.0365954,2020-05-09T07:00:01Z,86400,therm,validated,,1.12\n",
        "300,2020-05-09T00:00:00-07:00,118,2020-05-09T07:00:00Z,2592000,m3,revenue-quality,3,\n",
    ];
    assert_eq!(full(&all, &rows, Table::Gas), expected.concat());
    let (electricity, written) = csv_of(&all, &rows, Table::Electricity, Columns::Full);
    assert_eq!(electricity.lines().count(), 2);
    assert_eq!((written.rows, written.readings), (1, 1));
}

#[test]
fn the_model_applications_columns_stand_alone() {
    let all = [gas("200"), series("100", 1)];
    let rows = [
        (1, reading("2026-01-01T08:00:00Z", 900, 12_000)),
        (0, reading("2026-01-01T08:00:01Z", 86_400, 50_000_000)),
    ];
    assert_eq!(
        csv_of(&all, &rows, Table::Electricity, Columns::Model).0,
        "SA_UUID,Interval Timestamp,Delivered From Grid Value (Wh),Back To Grid Value (Wh)\n\
         100,2026-01-01T00:00:00-08:00,12,\n"
    );
    assert_eq!(
        csv_of(&all, &rows, Table::Gas, Columns::Model).0,
        "SA_UUID,Interval Timestamp,Gas Value\n200,2026-01-01T00:00:01-08:00,0.5\n"
    );
}

#[test]
fn the_days_when_clocks_change_have_92_and_100_quarter_hours() {
    for (first, last, quarters) in [
        ("2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z", 92),
        ("2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z", 100),
    ] {
        let last: Timestamp = last.parse().unwrap();
        let mut at: Timestamp = first.parse().unwrap();
        let mut rows = Vec::new();
        while at < last {
            rows.push((
                0,
                Reading {
                    start: at,
                    ..reading(first, 900, 250_000)
                },
            ));
            at += 15.minutes();
        }
        let day = &first[..10];
        let text = full(&[series("100", 1)], &rows, Table::Electricity);
        let starts: Vec<&str> = text
            .lines()
            .skip(1)
            .map(|l| l.split(',').nth(1).unwrap())
            .collect();
        assert_eq!(starts.len(), quarters);
        assert!(
            starts.iter().all(|start| start.starts_with(day)),
            "{starts:?}"
        );
        let distinct: std::collections::BTreeSet<_> = starts.iter().collect();
        assert_eq!(
            distinct.len(),
            quarters,
            "the repeated hour differs by its offset"
        );
    }
}

#[test]
fn net_goes_to_the_column_of_its_sign() {
    let rows = [
        (0, reading("2026-06-01T19:00:00Z", 3600, 1500)),
        (0, reading("2026-06-01T20:00:00Z", 3600, -1500)),
        (0, reading("2026-06-01T21:00:00Z", 3600, 0)),
    ];
    let (text, _) = csv_of(
        &[series("100", 4)],
        &rows,
        Table::Electricity,
        Columns::Model,
    );
    let values: Vec<&str> = text
        .lines()
        .skip(1)
        .map(|l| &l[l.rfind("00,").unwrap() + 3..])
        .collect();
    assert_eq!(values, ["1.5,", ",1.5", "0,"]);
}

#[test]
fn every_series_left_out_has_its_reason() {
    let unknown = Series {
        usage_point: None,
        ..series("1", 1)
    };
    let untyped = Series {
        reading_type: None,
        ..series("1", 1)
    };
    let all = [
        series("100", 1),
        with(series("100", 1), |k| k.uom = Some(UnitOfMeasure::Watt)),
        with(series("100", 1), |k| k.uom = Some(UnitOfMeasure::VarHour)),
        with(series("100", 1), |k| k.uom = None),
        with(series("100", 1), |k| {
            k.accumulation_behaviour = Some(AccumulationBehaviour::BulkQuantity);
        }),
        with(series("100", 1), |k| {
            k.accumulation_behaviour = Some(AccumulationBehaviour::Instantaneous);
        }),
        with(series("100", 1), |k| k.commodity = Some(Commodity::Water)),
        with(series("100", 1), |k| k.phase = Some(128)),
        with(series("100", 1), |k| k.tou = Some(2)),
        series("100", 20),
        series("100", 4),
        series("100", 0),
        unknown,
        untyped,
        with(gas("200"), |k| k.uom = Some(UnitOfMeasure::CubicFoot)),
        gas("200"),
        with(gas("200"), |k| {
            k.flow_direction = Some(FlowDirection::Received);
        }),
    ];
    let selection = Selection::of(&all);
    let reasons: Vec<_> = selection
        .left_out()
        .iter()
        .map(|l| (l.series, l.reason))
        .collect();
    let expected = [
        (1, Reason::Unit(Some(UnitOfMeasure::Watt))),
        (2, Reason::Unit(Some(UnitOfMeasure::VarHour))),
        (3, Reason::Unit(None)),
        (4, Reason::Register(AccumulationBehaviour::BulkQuantity)),
        (
            5,
            Reason::NotPerInterval(AccumulationBehaviour::Instantaneous),
        ),
        (6, Reason::Commodity(Some(Commodity::Water))),
        (7, Reason::Twin(0)),
        (8, Reason::Twin(0)),
        (9, Reason::Flow(FlowDirection::Total)),
        (10, Reason::Twin(0)),
        (12, Reason::NoUsagePoint),
        (13, Reason::NoReadingType),
        (14, Reason::Twin(15)),
        (16, Reason::Flow(FlowDirection::Received)),
    ];
    assert_eq!(reasons, expected);
    assert_eq!(selection.table_of(0), Some(Table::Electricity));
    assert_eq!(selection.table_of(15), Some(Table::Gas));
    for left_out in selection.left_out() {
        assert_eq!(selection.table_of(left_out.series), None);
        assert!(!left_out.reason.to_string().is_empty());
    }
}

#[test]
fn what_is_not_stated_is_taken_as_the_usual_case() {
    let bare = |service_kind, uom| Series {
        usage_point: Some(UsagePointId::parse("1").unwrap()),
        service_kind,
        reading_type: Some(ReadingType {
            uom,
            ..ReadingType::default()
        }),
    };
    let wh = Some(UnitOfMeasure::WattHour);
    for (series, table) in [
        (bare(None, wh), Some(Table::Electricity)),
        (
            bare(Some(ServiceKind::Electricity), wh),
            Some(Table::Electricity),
        ),
        (bare(Some(ServiceKind::Gas), wh), Some(Table::Gas)),
        (bare(None, Some(UnitOfMeasure::Therm)), Some(Table::Gas)),
        // Water is measured in cubic metres too.
        (bare(None, Some(UnitOfMeasure::CubicMetre)), None),
        (
            bare(Some(ServiceKind::Water), Some(UnitOfMeasure::CubicMetre)),
            None,
        ),
    ] {
        assert_eq!(Selection::of(&[series]).table_of(0), table);
    }
}

#[test]
fn a_series_that_continues_another_stays_and_overlaps_are_counted() {
    let hourly = with(series("100", 1), |k| k.interval_length = Some(3600));
    let quarterly = with(series("100", 1), |k| k.interval_length = Some(900));
    let all = [hourly, quarterly];
    assert!(Selection::of(&all).left_out().is_empty());
    let rows = [
        (0, reading("2026-01-01T08:00:00Z", 3600, 4000)),
        (1, reading("2026-01-01T09:00:00Z", 900, 1000)),
        // The same hour once more, by the other series.
        (0, reading("2026-01-01T09:00:00Z", 3600, 4000)),
        (1, reading("2026-01-01T09:15:00Z", 900, 1000)),
    ];
    let (text, written) = csv_of(&all, &rows, Table::Electricity, Columns::Model);
    assert_eq!(text.lines().count(), 4, "{text}");
    assert_eq!((written.rows, written.readings), (3, 3));
    assert_eq!(
        written.overlaps,
        [Overlap {
            series: 0,
            readings: 1
        }]
    );
}

/// The delivered values of electricity.
fn delivered(series: &[Series], readings: &[(usize, Reading)]) -> (Vec<String>, Written) {
    let (text, written) = csv_of(series, readings, Table::Electricity, Columns::Model);
    let values = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(2).unwrap().to_owned());
    (values.collect(), written)
}

const fn overlap(series: usize, readings: u64) -> Overlap {
    Overlap { series, readings }
}

#[test]
fn hours_and_quarter_hours_of_one_series_count_once() {
    let rows = [
        // Told by both.
        (0, reading("2026-01-01T08:00:00Z", 900, 1000)),
        (0, reading("2026-01-01T08:00:00Z", 3600, 4000)),
        (0, reading("2026-01-01T08:15:00Z", 900, 1000)),
        (0, reading("2026-01-01T08:30:00Z", 900, 1000)),
        (0, reading("2026-01-01T08:45:00Z", 900, 1000)),
        (0, reading("2026-01-01T09:00:00Z", 3600, 5000)),
        // A quarter of an hour says less than the hour.
        (0, reading("2026-01-01T10:00:00Z", 3600, 6000)),
        (0, reading("2026-01-01T10:15:00Z", 900, 1000)),
    ];
    let (values, written) = delivered(&[series("100", 1)], &rows);
    assert_eq!(values, ["1", "1", "1", "1", "5", "6"]);
    assert_eq!((written.rows, written.readings), (6, 6));
    assert_eq!(written.overlaps, [overlap(0, 2)]);
}

/// Many thousand readings lie beside one, however long that is; without end is too much for the memory.
#[test]
fn a_year_beside_its_quarter_hours_does_not_count_and_a_century_is_refused() {
    let all = [series("100", 1)];
    let selection = Selection::of(&all);
    let written = |quarters: i64| {
        let (table, columns) = (Table::Electricity, Columns::Model);
        let mut writer = Writer::new(Vec::new(), &selection, table, columns, pacific())?;
        let year = reading("2026-01-01T08:00:00Z", 900, 1000);
        let start = year.start;
        let quarter = |nr: i64| Reading {
            start: start + (nr * 15).minutes(),
            ..year.clone()
        };
        let duration = u32::try_from(quarters * 900).unwrap();
        writer.push(0, &quarter(0))?;
        writer.push(
            0,
            &Reading {
                duration,
                ..year.clone()
            },
        )?;
        for nr in 1..quarters {
            writer.push(0, &quarter(nr))?;
        }
        writer.finish().map(|(written, _)| written)
    };
    let year = written(35_040).unwrap();
    assert_eq!((year.rows, year.overlaps), (35_040, vec![overlap(0, 1)]));
    let century = written(3_504_000);
    assert!(matches!(century, Err(TableError::Overlapping { .. })));
}

#[test]
fn a_day_beside_its_hours_does_not_count_also_when_clocks_change() {
    for (midnight, hours) in [("2026-03-08T08:00:00Z", 23), ("2026-11-01T07:00:00Z", 25)] {
        let first = reading(midnight, 3600, 1000);
        let start = first.start;
        let mut rows: Vec<(usize, Reading)> = (0..hours)
            .map(|hour: i64| {
                let start = start + hour.hours();
                (
                    0,
                    Reading {
                        start,
                        ..first.clone()
                    },
                )
            })
            .collect();
        rows.insert(1, (0, reading(midnight, 86_400, 1000 * hours)));
        let (values, written) = delivered(&[series("100", 1)], &rows);
        assert_eq!(values, vec!["1"; rows.len() - 1]);
        assert_eq!(written.overlaps, [overlap(0, 1)]);
    }
}

#[test]
fn net_of_two_lengths_counts_once_whatever_its_sign() {
    let rows = [
        (0, reading("2026-06-01T19:00:00Z", 900, 100)),
        (0, reading("2026-06-01T19:00:00Z", 3600, -500)),
        (0, reading("2026-06-01T19:15:00Z", 900, -200)),
        (0, reading("2026-06-01T19:30:00Z", 900, -200)),
        (0, reading("2026-06-01T19:45:00Z", 900, -200)),
    ];
    let (_, written) = delivered(&[series("100", 4)], &rows);
    assert_eq!(written.rows, 4);
    assert_eq!(written.overlaps, [overlap(0, 1)]);
}

#[test]
fn series_of_the_same_amount_complete_each_other() {
    let phase = |phase| with(series("100", 1), |kind| kind.phase = Some(phase));
    let changed = [
        // Split phase until the meter was changed, three phases since.
        [phase(769), phase(224)],
        [series("100", 1), series("100", 0)],
    ];
    for all in changed {
        assert!(Selection::of(&all).left_out().is_empty());
        let rows = [
            (0, reading("2026-01-01T08:00:00Z", 3600, 1000)),
            // Shorter, but of the series that goes behind.
            (1, reading("2026-01-01T09:00:00Z", 900, 7000)),
            (0, reading("2026-01-01T09:00:00Z", 3600, 1000)),
            (1, reading("2026-01-01T10:00:00Z", 3600, 2000)),
        ];
        let (values, written) = delivered(&all, &rows);
        assert_eq!(values, ["1", "1", "2"]);
        assert_eq!(written.overlaps, [overlap(1, 1)]);
        assert!(written.untold.is_empty());
    }
    // Each bucket has the hours of its tariff.
    let bucket = |tou| with(series("100", 1), |kind| kind.tou = Some(tou));
    let rows = [
        (0, reading("2026-01-01T08:00:00Z", 3600, 1000)),
        (1, reading("2026-01-01T09:00:00Z", 3600, 2000)),
        (0, reading("2026-01-01T10:00:00Z", 3600, 3000)),
    ];
    let (values, _) = delivered(&[bucket(1), bucket(2)], &rows);
    assert_eq!(values, ["1", "2", "3"]);
}

#[test]
fn what_only_a_series_that_is_left_out_tells_of_is_told_with_its_time() {
    let phase = |phase| with(series("100", 1), |kind| kind.phase = Some(phase));
    let cubic = with(gas("100"), |kind| kind.uom = Some(UnitOfMeasure::CubicFoot));
    for (all, table) in [
        ([series("100", 1), series("100", 4)], Table::Electricity),
        ([phase(769), phase(128)], Table::Electricity),
        ([gas("100"), cubic], Table::Gas),
    ] {
        let rows = [
            (0, reading("2026-01-01T08:00:00Z", 3600, 1)),
            (1, reading("2026-01-01T08:00:00Z", 3600, 1)),
            (1, reading("2026-01-01T09:00:00Z", 3600, 1)),
            (1, reading("2026-01-01T10:00:00Z", 3600, 1)),
        ];
        let (_, written) = csv_of(&all, &rows, table, Columns::Full);
        assert_eq!((written.rows, written.readings), (1, 1));
        assert!(written.overlaps.is_empty());
        let untold = Untold {
            series: 1,
            readings: 2,
            from: "2026-01-01T09:00:00Z".parse().unwrap(),
            until: "2026-01-01T11:00:00Z".parse().unwrap(),
        };
        assert_eq!(written.untold, [untold]);
        assert_eq!(
            untold.told(&all[1].name(), &pacific()),
            format!(
                "2 readings of {}, of times between Thu 1 Jan 2026, 01:00 -08:00 and Thu 1 Jan 2026, 03:00 -08:00 that the table does not cover",
                all[1].name()
            )
        );
    }
}

#[test]
fn two_series_with_the_very_same_interval_count_once() {
    let all = [series("100", 1), series("100", 1)];
    let same = || reading("2026-01-01T08:00:00Z", 900, 1000);
    let (text, written) = csv_of(
        &all,
        &[(0, same()), (1, same())],
        Table::Electricity,
        Columns::Model,
    );
    assert_eq!(text.lines().count(), 2, "{text}");
    assert_eq!(
        written.overlaps,
        [Overlap {
            series: 1,
            readings: 1
        }]
    );
}

#[test]
fn billing_periods_that_touch_by_an_hour_all_stay() {
    let all = [
        gas("200"),
        with(gas("200"), |k| k.interval_length = Some(2_678_400)),
    ];
    let rows = [
        (0, reading("2026-02-20T08:00:00Z", 2_592_000, 1)),
        (1, reading("2026-03-22T07:00:00Z", 2_678_400, 1)),
    ];
    assert_eq!(csv_of(&all, &rows, Table::Gas, Columns::Model).1.rows, 2);
}

#[test]
fn what_the_caller_got_wrong_is_an_error() {
    let all = [series("100", 1), series("200", 1)];
    let selection = Selection::of(&all);
    let start = || {
        Writer::new(
            Vec::new(),
            &selection,
            Table::Electricity,
            Columns::Full,
            pacific(),
        )
        .unwrap()
    };
    let at = |text| reading(text, 900, 1);

    let mut writer = start();
    writer.push(0, &at("2026-01-01T08:15:00Z")).unwrap();
    let late = writer.push(0, &at("2026-01-01T08:00:00Z"));
    assert!(matches!(late, Err(TableError::OutOfOrder { .. })));

    let mut writer = start();
    writer.push(1, &at("2026-01-01T08:00:00Z")).unwrap();
    let late = writer.push(0, &at("2026-01-01T08:15:00Z"));
    assert!(matches!(late, Err(TableError::OutOfOrder { .. })));

    let mut writer = start();
    writer.push(0, &at("2026-01-01T08:00:00Z")).unwrap();
    let again = writer.push(0, &at("2026-01-01T08:00:00Z"));
    assert!(matches!(again, Err(TableError::Repeated { series: 0, .. })));

    assert!(matches!(
        start().push(2, &at("2026-01-01T08:00:00Z")),
        Err(TableError::UnknownSeries(2))
    ));

    let huge = [with(series("100", 1), |k| {
        k.power_of_ten_multiplier = Some(90);
    })];
    let selection = Selection::of(&huge);
    let mut writer = Writer::new(
        Vec::new(),
        &selection,
        Table::Electricity,
        Columns::Full,
        pacific(),
    )
    .unwrap();
    let digits = writer.push(0, &at("2026-01-01T08:00:00Z"));
    assert!(matches!(digits, Err(TableError::Digits { .. })));
}

#[test]
fn an_output_that_takes_no_more_is_an_error_not_a_short_file() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let selection = Selection::of(&[series("100", 1)]);
    let writer = Writer::new(
        Full,
        &selection,
        Table::Electricity,
        Columns::Full,
        pacific(),
    )
    .unwrap();
    assert!(matches!(writer.finish(), Err(TableError::Output(_))));
}

#[test]
fn the_order_of_the_series_does_not_decide() {
    let all = [
        with(series("100", 1), |k| k.phase = Some(128)),
        series("100", 1),
        series("100", 4),
        with(series("100", 1), |k| k.interval_length = Some(900)),
        series("100", 0),
        series("200", 4),
        gas("300"),
    ];
    let chosen = |order: &[usize]| -> Vec<usize> {
        let shuffled: Vec<Series> = order.iter().map(|index| all[*index].clone()).collect();
        let selection = Selection::of(&shuffled);
        let places = 0..order.len();
        let mut chosen: Vec<usize> = places
            .filter(|place| selection.table_of(*place).is_some())
            .map(|place| order[place])
            .collect();
        chosen.sort_unstable();
        chosen
    };
    let mut order: Vec<usize> = (0..all.len()).collect();
    for _ in 0..all.len() {
        assert_eq!(chosen(&order), [1, 3, 4, 5, 6], "{order:?}");
        order.reverse();
        assert_eq!(chosen(&order), [1, 3, 4, 5, 6], "{order:?}");
        order.reverse();
        order.rotate_left(1);
    }
}

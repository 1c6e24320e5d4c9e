use jiff::civil::date;

use super::*;
use crate::{Amount, Row};

fn zone() -> TimeZone {
    TimeZone::get("America/Los_Angeles").unwrap()
}

fn amount(value: i64) -> Amount<'static> {
    Amount {
        value: value.into(),
        unit: "Wh",
        net: false,
        quality: &[17],
        cost: None,
        currency: None,
    }
}

fn collect(
    rows: impl IntoIterator<Item = (i64, u32, Option<Amount<'static>>, Option<Amount<'static>>)>,
) -> Point {
    let mut collector = Collector::new(Service::Electricity, zone());
    for (start, duration, delivered, received) in rows {
        collector.take(&Row {
            usage_point: "1",
            start: jiff::Timestamp::from_second(start).unwrap(),
            duration,
            delivered,
            received,
        });
    }
    collector.finish().remove(0)
}

fn second(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

#[test]
fn gaps_are_counted_in_intervals_and_their_time_is_kept() {
    let start = second("2026-06-01T07:00:00Z");
    let quarters = (0..96).filter(|nr| !(10..14).contains(nr) && *nr != 50);
    let point = collect(quarters.map(|nr| (start + nr * 900, 900, Some(amount(100)), None)));
    let flow = &point.delivered;
    assert_eq!(flow.gaps.intervals, 5);
    assert_eq!(flow.gaps.kept.len(), 2);
    let first = flow.gaps.kept[0];
    assert_eq!(first.from.as_second(), start + 9_000);
    assert_eq!(
        (
            first.until.as_second() - first.from.as_second(),
            first.intervals
        ),
        (3_600, 4)
    );
    let month = &flow.months[&calendar::Month::of(date(2026, 6, 1))];
    assert_eq!(month.seconds, 91 * 900);
    assert_eq!(flow.total, 9_100.into());
    assert_eq!(point.received.intervals, 0);
}

#[test]
fn a_second_or_an_hour_between_intervals_is_no_gap() {
    // As with intervals of 899 s, and with days when clocks go back.
    let start = second("2026-06-01T07:00:00Z");
    let point = collect((0..10).map(|nr| (start + nr * 900, 899, Some(amount(1)), None)));
    assert!(point.delivered.gaps.is_empty());
    assert_eq!(
        point
            .delivered
            .months
            .values()
            .map(|month| month.seconds)
            .sum::<i64>(),
        9_000 - 1
    );
    let days = [
        "2026-10-31T07:00:01Z",
        "2026-11-01T07:00:01Z",
        "2026-11-02T08:00:01Z",
    ];
    let point = collect(days.map(|day| (second(day), 86_400, Some(amount(1)), None)));
    assert!(point.delivered.gaps.is_empty());
    assert!(
        point.delivered.peak.is_none(),
        "days have no power to speak of"
    );
}

#[test]
fn the_hour_that_comes_twice_is_averaged_and_the_skipped_one_stays_empty() {
    let start = second("2026-11-01T07:00:00Z");
    let point = collect((0..25).map(|nr| {
        (
            start + nr * 3_600,
            3_600,
            Some(amount(if nr == 1 { 300 } else { 100 })),
            None,
        )
    }));
    let day = &point.delivered.days[&date(2026, 11, 1)];
    assert_eq!(day.hours[1].seconds, 7_200);
    assert_eq!(day.hours[1].mean(), Some(200.into()));
    let start = second("2026-03-08T08:00:00Z");
    let point = collect((0..23).map(|nr| (start + nr * 3_600, 3_600, Some(amount(100)), None)));
    let day = &point.delivered.days[&date(2026, 3, 8)];
    assert_eq!(day.hours[2].mean(), None);
    assert!(point.delivered.gaps.is_empty());
}

#[test]
fn a_net_reading_says_that_the_other_flow_is_nothing() {
    let net = |value| Amount {
        net: true,
        ..amount(value)
    };
    let start = second("2026-06-01T07:00:00Z");
    let point = collect([
        (start, 900, Some(net(5)), None),
        (start + 900, 900, None, Some(net(7))),
    ]);
    assert!(point.delivered.gaps.is_empty() && point.received.gaps.is_empty());
    assert_eq!(
        (point.delivered.total, point.received.total),
        (5.into(), 7.into())
    );
    assert_eq!(
        (point.delivered.intervals, point.received.intervals),
        (2, 2)
    );
}

#[test]
fn the_peak_is_power_and_knows_whether_it_was_estimated() {
    let start = second("2026-06-01T07:00:00Z");
    let estimated = Amount {
        quality: &[8],
        ..amount(600)
    };
    let point = collect([
        (start, 3_600, Some(amount(1_000)), None),
        (start + 3_600, 900, Some(estimated), None),
    ]);
    let peak = point.delivered.peak.unwrap();
    assert_eq!(
        (peak.power, peak.duration, peak.estimated),
        (2_400.into(), 900, true)
    );
    assert_eq!(point.estimated(), 1);
}

#[test]
fn a_sum_of_costs_is_trusted_only_when_each_interval_has_one_in_one_currency() {
    let cost = |cents: i64, currency| Amount {
        cost: Some(Decimal::new(cents, 2)),
        currency,
        ..amount(1)
    };
    let start = second("2026-06-01T07:00:00Z");
    let trusted = |amounts: [Amount<'static>; 2]| {
        let rows = amounts
            .into_iter()
            .zip(0_i64..)
            .map(|(amount, nr)| (start + nr * 900, 900, Some(amount), None));
        let point = collect(rows);
        point.delivered.costs.trusted(point.delivered.intervals)
    };
    assert_eq!(
        trusted([cost(10, Some(840)), cost(5, Some(840))]),
        Some((Decimal::new(15, 2), 840))
    );
    assert_eq!(trusted([cost(10, Some(840)), cost(5, Some(978))]), None);
    assert_eq!(trusted([cost(10, None), cost(5, None)]), None);
    assert_eq!(trusted([cost(10, Some(840)), amount(1)]), None);
    assert_eq!(trusted([cost(0, Some(840)), cost(0, Some(840))]), None);
}

#[test]
fn numbers_beyond_all_measure_do_not_break_it() {
    let start = second("2026-06-01T07:00:00Z");
    let huge = Amount {
        value: Decimal::MAX,
        cost: Some(Decimal::MAX),
        currency: Some(840),
        ..amount(1)
    };
    let point = collect([
        (start, 0, Some(huge), None),
        (start, 900, Some(huge), None),
        (start, u32::MAX, Some(huge), None),
        (jiff::Timestamp::MAX.as_second(), u32::MAX, Some(huge), None),
    ]);
    assert_eq!(point.delivered.intervals, 4);
}

//! The year as days and hours.

use charts::{Cell, Column, HeatMap, Id, Labels, Levels, Table, rounded};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use rust_decimal::{Decimal, RoundingStrategy};

use super::years;
use crate::collect::Point;
use crate::collect::calendar::{Month, hours_of};
use crate::collect::flow::{Day, Flow};
use crate::words::{self, kilo};

pub(super) fn figures(point: &Point, place: usize, months: &[Month], zone: &TimeZone) -> String {
    let mut out = String::new();
    let pieces = years::pieces(months);
    let flows = point.flows();
    let carrying: Vec<_> = flows
        .into_iter()
        .filter(|(_, flow)| !flow.total.is_zero())
        .collect();
    let mut number = place * 100;
    for piece in &pieces {
        for (name, flow) in &carrying {
            let columns = columns(flow, piece, zone);
            if columns.is_empty() {
                continue;
            }
            number += 1;
            let chart = chart(number, name, flow, columns);
            out.push_str(&charts::figure_with_table(
                &chart,
                "Show days as a table",
                &table(name, flow, piece, zone),
            ));
        }
    }
    out
}

fn chart(number: usize, name: &str, flow: &Flow, columns: Vec<Column>) -> HeatMap {
    let span = columns.first().zip(columns.last());
    let span = span.map_or_else(String::new, |(first, last)| {
        words::range(&first.name, &last.name)
    });
    let means = flow
        .days
        .values()
        .flat_map(|day| day.hours.iter().filter_map(|hour| hour.mean()));
    let cells = || columns.iter().flat_map(|column| &column.hours);
    let missing = cells().filter(|cell| **cell == Cell::Missing).count();
    let description = format!(
        "Average power in each hour of {}, from light for little to strong for much{}. The table has each day.",
        words::count(u64::try_from(columns.len()).unwrap_or(u64::MAX), "day"),
        if missing == 0 {
            String::new()
        } else {
            format!(
                "; {} without readings are hatched",
                words::count(u64::try_from(missing).unwrap_or(u64::MAX), "hour")
            )
        }
    );
    HeatMap {
        labels: Labels {
            id: Id::numbered("heat", number),
            title: format!("{name} by day and hour, {span} (kW)"),
            description,
            x: "Day".to_owned(),
            y: "Hour of the day".to_owned(),
            unit: String::new(),
        },
        levels: Levels::of(means.map(power)),
        columns,
        missing: "no readings".to_owned(),
    }
}

/// kW with the digits of a watt.
fn power(watts: Decimal) -> Decimal {
    kilo(watts).round_dp_with_strategy(3, RoundingStrategy::MidpointAwayFromZero)
}

/// The days of the months between the first and the last reading of the flow.
fn columns(flow: &Flow, months: &[Month], zone: &TimeZone) -> Vec<Column> {
    let (Some(first), Some(end)) = (flow.first, flow.end) else {
        return Vec::new();
    };
    let known = Known::of(first, end, zone);
    days(first, end, months, zone)
        .map(|day| Column {
            name: words::day(day),
            label: (day.day() == 1).then(|| day.strftime("%b").to_string()),
            hours: known.cells(day, flow.days.get(&day), zone),
        })
        .collect()
}

fn days(
    first: Timestamp,
    end: Timestamp,
    months: &[Month],
    zone: &TimeZone,
) -> impl Iterator<Item = Date> {
    let from =
        words::day_of(first, zone).max(months.first().map_or(Date::MAX, |month| month.first()));
    let last = words::last_day(end, zone);
    let behind = months
        .last()
        .and_then(|month| month.next())
        .map_or(Date::MIN, Month::first);
    std::iter::successors(Some(from), |day| day.tomorrow().ok())
        .take_while(move |day| *day <= last && *day < behind)
}

/// Local time from the first reading to the end of the last.
struct Known {
    from: DateTime,
    until: DateTime,
}

impl Known {
    fn of(first: Timestamp, end: Timestamp, zone: &TimeZone) -> Self {
        Self {
            from: zone.to_datetime(first),
            until: zone.to_datetime(end),
        }
    }

    fn cells(&self, day: Date, known: Option<&Day>, zone: &TimeZone) -> [Cell; 24] {
        let exists = hours_of(day, zone);
        let mut cells = [Cell::Outside; 24];
        for (hour, cell) in cells.iter_mut().enumerate() {
            let mean = known.and_then(|known| known.hours.get(hour)?.mean());
            let due = exists.get(hour) == Some(&true) && self.holds(day, hour);
            *cell = match mean {
                Some(mean) => Cell::Value(power(mean)),
                None if due => Cell::Missing,
                None => Cell::Outside,
            };
        }
        cells
    }

    fn holds(&self, day: Date, hour: usize) -> bool {
        let Ok(hour) = i8::try_from(hour) else {
            return false;
        };
        let end = day.at(hour, 59, 59, 0);
        self.from <= end && day.at(hour, 0, 0, 0) < self.until
    }
}

/// A row for each day that has readings. What is missing is what the picture hatches.
fn table(name: &str, flow: &Flow, months: &[Month], zone: &TimeZone) -> Table {
    let span = flow.first.zip(flow.end);
    let span = span.map(|(first, end)| Known::of(first, end, zone));
    let from = months.first().map_or(Date::MAX, |month| month.first());
    let behind = months
        .last()
        .and_then(|month| month.next())
        .map_or(Date::MIN, Month::first);
    let row = |(day, known): (&Date, &Day)| {
        let sum = known
            .hours
            .iter()
            .fold(Decimal::ZERO, |sum, hour| sum.saturating_add(hour.sum));
        let means = known
            .hours
            .iter()
            .enumerate()
            .filter_map(|(hour, known)| Some((hour, known.mean()?)));
        let most = means.max_by_key(|known| known.1);
        let cells = span
            .as_ref()
            .map(|span| span.cells(*day, Some(known), zone));
        let cells = cells.into_iter().flatten();
        let missing = cells.filter(|cell| *cell == Cell::Missing).count();
        vec![
            day.to_string(),
            rounded(kilo(sum), 2),
            most.map_or_else(String::new, |(hour, mean)| {
                format!("{} from {hour:02}:00", rounded(power(mean), 2))
            }),
            missing.to_string(),
        ]
    };
    Table {
        header: vec![
            "Day".to_owned(),
            format!("{name} (kWh)"),
            "Highest hour (kW)".to_owned(),
            "Hours without readings".to_owned(),
        ],
        rows: flow
            .days
            .range(from..)
            .take_while(|(day, _)| **day < behind)
            .map(row)
            .collect(),
    }
}

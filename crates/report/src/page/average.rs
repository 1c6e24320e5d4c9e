//! The average day of each month, small pictures with one scale.

use charts::{Chart as _, Curve, DayProfile, Id, Labels, Table, rounded};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::collect::Point;
use crate::collect::calendar::Month;
use crate::collect::flow::{Flow, Hour};
use crate::words::kilo;

/// A year that begins inside of a month touches so many.
const MOST: usize = 13;

pub(super) fn figures(point: &Point, place: usize, months: &[Month]) -> String {
    let months = months
        .get(months.len().saturating_sub(MOST)..)
        .unwrap_or(months);
    let days: Vec<(Month, Vec<Curve>)> = months
        .iter()
        .map(|month| (*month, curves(point, *month)))
        .collect();
    let values = || {
        days.iter()
            .flat_map(|day| &day.1)
            .flat_map(|curve| curve.hours.iter().flatten().copied())
    };
    let cover = (
        values().min().unwrap_or_default(),
        values().max().unwrap_or_default(),
    );
    let charts: Vec<DayProfile> = days
        .into_iter()
        .enumerate()
        .filter(|(_, (_, curves))| {
            curves
                .iter()
                .any(|curve| curve.hours.iter().any(Option::is_some))
        })
        .map(|(number, (month, curves))| chart(place * MOST + number, month, curves, cover))
        .collect();
    let Some(first) = charts.first() else {
        return String::new();
    };
    let mut out = charts::legend(first);
    if !out.is_empty() {
        out = format!("<div class=\"chart\">{out}</div>");
    }
    out.push_str("<div class=\"small-charts\">");
    for chart in &charts {
        out.push_str(&charts::picture(chart));
    }
    out.push_str("</div>");
    out.push_str(&charts::details(
        "Show as a table",
        "Average power by hour and month",
        &table(&charts),
    ));
    out
}

fn chart(number: usize, month: Month, curves: Vec<Curve>, cover: (Decimal, Decimal)) -> DayProfile {
    let describe = |curve: &Curve| {
        let known = || {
            curve
                .hours
                .iter()
                .enumerate()
                .filter_map(|(hour, value)| Some((hour, (*value)?)))
        };
        let most = known().max_by_key(|known| known.1)?;
        let least = known().min_by_key(|known| known.1)?;
        Some(format!(
            "{}: highest from {}:00 with {} kW, lowest from {}:00 with {} kW.",
            curve.name,
            most.0,
            rounded(most.1, 2),
            least.0,
            rounded(least.1, 2)
        ))
    };
    let sentences: Vec<String> = curves.iter().filter_map(describe).collect();
    DayProfile {
        labels: Labels {
            id: Id::numbered("day", number),
            title: month.name(),
            description: sentences.join(" "),
            x: "Hour of the day".to_owned(),
            y: "Power".to_owned(),
            unit: "kW".to_owned(),
        },
        curves,
        cover,
    }
}

/// The flows that carry something.
fn curves(point: &Point, month: Month) -> Vec<Curve> {
    let flows = point.flows();
    let carrying = flows.iter().filter(|(_, flow)| {
        !flow.total.is_zero() || std::ptr::eq(*flow, &raw const point.delivered)
    });
    carrying
        .map(|(name, flow)| curve(name, flow, month))
        .collect()
}

fn curve(name: &str, flow: &Flow, month: Month) -> Curve {
    let mut sums = [Hour::default(); 24];
    let until = month.next().map(Month::first);
    let days = flow.days.range(month.first()..);
    for (_, day) in days.take_while(|(day, _)| until.is_none_or(|until| **day < until)) {
        for (sum, hour) in sums.iter_mut().zip(&day.hours) {
            sum.sum = sum.sum.saturating_add(hour.sum);
            sum.seconds = sum.seconds.saturating_add(hour.seconds);
        }
    }
    let mean = |hour: Hour| {
        let value = kilo(hour.mean()?);
        Some(value.round_dp_with_strategy(3, RoundingStrategy::MidpointAwayFromZero))
    };
    Curve {
        name: name.to_owned(),
        hours: sums.map(mean),
    }
}

/// A row for each hour, a column for each month and flow.
fn table(charts: &[DayProfile]) -> Table {
    let mut header = vec!["Hour of the day".to_owned()];
    let mut rows: Vec<Vec<String>> = (0..24).map(|hour| vec![format!("{hour:02}:00")]).collect();
    for chart in charts {
        let own = chart.table();
        let several = chart.curves.len() > 1;
        for curve in &chart.curves {
            header.push(if several {
                format!("{}, {} (kW)", chart.labels.title, curve.name.to_lowercase())
            } else {
                format!("{} (kW)", chart.labels.title)
            });
        }
        for (row, own) in rows.iter_mut().zip(own.rows) {
            row.extend(own.into_iter().skip(1));
        }
    }
    Table { header, rows }
}

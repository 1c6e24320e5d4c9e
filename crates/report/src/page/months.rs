//! Bars by month.

use charts::{Bars, Chart as _, Group, Id, Labels, rounded};
use jiff::tz::TimeZone;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::collect::calendar::Month;
use crate::collect::flow::{Flow, MonthSum};
use crate::collect::{Point, Service};
use crate::words::{self, kilo};

pub(super) fn figure(point: &Point, place: usize, months: &[Month], zone: &TimeZone) -> String {
    let flows = point.flows();
    let (y, unit) = match point.service {
        Service::Electricity => ("Energy", "kWh".to_owned()),
        Service::Gas => ("Gas", point.unit.clone()),
    };
    let complete: Vec<bool> = months
        .iter()
        .map(|month| is_complete(&flows, *month, zone))
        .collect();
    let groups = months
        .iter()
        .zip(&complete)
        .map(|(month, complete)| group(point.service, &flows, *month, *complete));
    let chart = Bars {
        labels: Labels {
            id: Id::numbered("months", place),
            title: format!("{y} by month"),
            description: description(point.service, &flows, months, &complete, &unit),
            x: axis(months, &complete),
            y: y.to_owned(),
            unit,
        },
        group: "Month".to_owned(),
        series: flows.iter().map(|(name, _)| (*name).to_owned()).collect(),
        groups: groups.collect(),
    };
    let mut table = chart.table();
    table.header.push("Time with readings".to_owned());
    for (row, month) in table.rows.iter_mut().zip(months) {
        row.push(words::percent(
            known(&flows, *month),
            month.seconds(zone).unwrap_or(0),
        ));
    }
    charts::figure_with_table(&chart, "Show as a table", &table)
}

fn group(service: Service, flows: &[(&str, &Flow)], month: Month, complete: bool) -> Group {
    let value =
        |(_, flow): &(&str, &Flow)| flow.months.get(&month).map(|sum| shown(service, sum.sum));
    Group {
        label: if complete {
            month.short()
        } else {
            format!("{}*", month.short())
        },
        name: month.name(),
        values: flows.iter().map(value).collect(),
    }
}

/// In the unit of the chart, with the digits that its table has.
fn shown(service: Service, sum: Decimal) -> Decimal {
    let (value, digits) = match service {
        Service::Electricity => (kilo(sum), 1),
        Service::Gas => (sum, 2),
    };
    value.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero)
}

/// Seconds of the month with readings: of the flow that has fewest.
fn known(flows: &[(&str, &Flow)], month: Month) -> i64 {
    let seconds = flows.iter().map(|(_, flow)| {
        flow.months
            .get(&month)
            .map_or(0, |sum: &MonthSum| sum.seconds)
    });
    seconds.min().unwrap_or(0)
}

/// But for a few hours: the table has the exact share.
fn is_complete(flows: &[(&str, &Flow)], month: Month, zone: &TimeZone) -> bool {
    // As with bills: such intervals are counted where they begin, and say nothing of where they end.
    if flows
        .iter()
        .any(|(_, flow)| flow.usual_duration() > 2 * 86_400)
    {
        return true;
    }
    let all = month.seconds(zone);
    all.is_some_and(|all| known(flows, month).saturating_mul(100) >= all.saturating_mul(99))
}

fn axis(months: &[Month], complete: &[bool]) -> String {
    let ends = months.first().zip(months.last());
    let span = ends.map_or_else(String::new, |(first, last)| {
        words::range(&first.name(), &last.name())
    });
    if complete.contains(&false) {
        format!("{span}; * incomplete")
    } else {
        span
    }
}

fn description(
    service: Service,
    flows: &[(&str, &Flow)],
    months: &[Month],
    complete: &[bool],
    unit: &str,
) -> String {
    let mut sentences = Vec::new();
    for (name, flow) in flows {
        let sums = || {
            months
                .iter()
                .filter_map(|month| Some((month, shown(service, flow.months.get(month)?.sum))))
        };
        let (Some(most), Some(least)) = (
            sums().max_by_key(|sum| sum.1),
            sums().min_by_key(|sum| sum.1),
        ) else {
            continue;
        };
        sentences.push(format!(
            "{name}: highest in {} with {} {unit}, lowest in {} with {} {unit}.",
            most.0.name(),
            rounded(most.1, 2),
            least.0.name(),
            rounded(least.1, 2)
        ));
    }
    let incomplete: Vec<String> = months
        .iter()
        .zip(complete)
        .filter(|(_, complete)| !**complete)
        .map(|(month, _)| month.name())
        .collect();
    if !incomplete.is_empty() {
        sentences.push(format!("Incomplete: {}.", incomplete.join(", ")));
    }
    sentences.join(" ")
}

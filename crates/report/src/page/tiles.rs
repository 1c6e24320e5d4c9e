//! The figures at the top of a usage point's part.

use charts::rounded;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::Report;
use crate::collect::calendar::hours_of;
use crate::collect::flow::{Flow, HOUR};
use crate::collect::{Point, Service};
use crate::words::{self, kilo};

/// A figure with its name and what has to be known about it.
pub(super) struct Tile {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) note: String,
}

pub(super) fn of(report: &Report, point: &Point) -> Vec<Tile> {
    let zone = &report.zone;
    let mut tiles = vec![period(report, point)];
    for (name, flow) in point.flows() {
        tiles.push(Tile {
            name,
            value: amount(point, flow.total),
            note: words::count(flow.intervals, "interval")
                + ", usually "
                + &words::length(flow.usual_duration().into()),
        });
    }
    if point.service == Service::Electricity && point.delivered.intervals > 0 {
        tiles.extend(base_load(point, zone));
        tiles.extend(peak(&point.delivered, zone));
    }
    tiles.push(missing(point));
    tiles.push(estimated(point));
    tiles.extend(cost(point));
    tiles
}

/// A total with its unit.
fn amount(point: &Point, total: Decimal) -> String {
    match point.service {
        Service::Electricity => format!("{} kWh", rounded(kilo(total), 1)),
        Service::Gas => format!("{} {}", rounded(total, 2), point.unit),
    }
}

fn period(report: &Report, point: &Point) -> Tile {
    let zone = &report.zone;
    let Some(span) = point.span() else {
        return Tile {
            name: "Period",
            value: "none".to_owned(),
            note: "There are no readings.".to_owned(),
        };
    };
    let (first, last) = (
        words::day_of(span.from, zone),
        words::last_day(span.until, zone),
    );
    let days = first
        .until(last)
        .map_or(0, |between| i64::from(between.get_days()) + 1);
    let mut note = words::length(days * 86_400);
    if let Some((from, until)) = report.about.asked {
        let (asked, end) = (words::day_of(from, zone), words::last_day(until, zone));
        if first > asked || last < end {
            note = format!(
                "{note}; asked for {}",
                words::range(&words::day(asked), &words::day(end))
            );
        } else {
            note.push_str(", all that was asked for");
        }
    }
    Tile {
        name: "Period",
        value: words::range(&words::day(first), &words::day(last)),
        note,
    }
}

/// The median, over the days whose every hour is complete, of the hour with the lowest average power. Hours in which
/// energy was fed in do not count: what came from the grid is not what was used.
fn base_load(point: &Point, zone: &TimeZone) -> Option<Tile> {
    let mut lowest: Vec<Decimal> = Vec::new();
    for (day, known) in &point.delivered.days {
        let exists = hours_of(*day, zone);
        let fed_in = point.received.days.get(day);
        let hours = known.hours.iter().zip(exists).enumerate();
        let hours = hours
            .filter(|(_, (_, exists))| *exists)
            .map(|(nr, (hour, _))| (nr, hour));
        if hours.clone().any(|(_, hour)| hour.seconds + 60 < HOUR) {
            continue;
        }
        let feeds_in = |nr: usize| {
            let hour = fed_in.and_then(|day| day.hours.get(nr));
            hour.is_some_and(|hour| !hour.sum.is_zero())
        };
        let means = hours
            .filter(|(nr, _)| !feeds_in(*nr))
            .filter_map(|(_, hour)| hour.mean());
        lowest.extend(means.min());
    }
    lowest.sort_unstable();
    let median = median(&lowest)?;
    let days = u64::try_from(lowest.len()).unwrap_or(u64::MAX);
    let hours = if point.received.total.is_zero() {
        ""
    } else {
        " without feed-in"
    };
    Some(Tile {
        name: "Base load",
        value: format!("{} kW", rounded(kilo(median), 3)),
        note: format!(
            "from the grid; the lowest hour{hours} of a day, median of {}",
            words::count(days, "complete day")
        ),
    })
}

/// Of sorted values: the middle one, or the mean of both.
fn median(sorted: &[Decimal]) -> Option<Decimal> {
    let upper = sorted.len() / 2;
    let lower = sorted.len().checked_sub(1)? / 2;
    let (lower, upper) = (sorted.get(lower)?, sorted.get(upper)?);
    // Halves first: the sum of two extremes does not fit.
    Some((*lower / Decimal::TWO).saturating_add(*upper / Decimal::TWO))
}

fn peak(flow: &Flow, zone: &TimeZone) -> Option<Tile> {
    let peak = flow.peak?;
    let estimated = if peak.estimated {
        "; estimated by the utility"
    } else {
        ""
    };
    Some(Tile {
        name: "Peak",
        value: format!("{} kW", rounded(kilo(peak.power), 2)),
        note: format!(
            "from the grid; average of {} from {}{estimated}",
            words::length(peak.duration.into()),
            words::moment(peak.start, zone)
        ),
    })
}

/// Of the flow that misses most.
fn missing(point: &Point) -> Tile {
    let flows = point.flows();
    let worst = flows
        .iter()
        .map(|(_, flow)| *flow)
        .max_by_key(|flow| flow.gaps.seconds);
    let note = |flow: &Flow| {
        format!(
            "{} in {}",
            words::count(flow.gaps.intervals, "interval"),
            words::length(flow.gaps.seconds)
        )
    };
    let alike = || {
        flows
            .iter()
            .all(|(_, flow)| worst.is_some_and(|worst| worst.gaps.kept == flow.gaps.kept))
    };
    let note = match worst {
        Some(worst) if worst.gaps.is_empty() => {
            "of the time from the first to the last reading".to_owned()
        }
        Some(worst) if flows.len() == 1 => note(worst),
        Some(worst) if alike() => format!("{}, in both directions", note(worst)),
        _ => {
            let notes = flows
                .iter()
                .map(|(name, flow)| format!("{name}: {}", note(flow)));
            notes.collect::<Vec<_>>().join("; ")
        }
    };
    Tile {
        name: "Missing",
        value: worst.map_or_else(
            || "0 %".to_owned(),
            |flow| words::percent(flow.gaps.seconds, flow.seconds()),
        ),
        note,
    }
}

fn estimated(point: &Point) -> Tile {
    let flows = point.flows();
    let all: u64 = flows.iter().map(|(_, flow)| flow.intervals).sum();
    let estimated = point.estimated();
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let unstated: u64 = flows.iter().map(|(_, flow)| flow.without_quality).sum();
    let note = if unstated == all {
        "The utility states no quality: estimated values cannot be told.".to_owned()
    } else {
        format!(
            "{} of {}",
            words::count(estimated, "value"),
            charts::grouped(all.into())
        )
    };
    Tile {
        name: "Estimated",
        value: if unstated == all {
            "unknown".to_owned()
        } else {
            words::percent(signed(estimated), signed(all))
        },
        note,
    }
}

/// Only when every interval has a cost in one currency.
fn cost(point: &Point) -> Option<Tile> {
    let flows = point.flows();
    if !flows.iter().any(|(_, flow)| flow.costs.any()) {
        return None;
    }
    let mut sums = Vec::new();
    for (name, flow) in &flows {
        if let Some((sum, number)) = flow.costs.trusted(flow.intervals) {
            let currency =
                words::currency(number).map_or_else(|| format!("currency {number}"), str::to_owned);
            sums.push((*name, format!("{} {currency}", rounded(sum, 2))));
        }
    }
    let value = match sums.as_slice() {
        [] => "not added up".to_owned(),
        [(_, sum)] => sum.clone(),
        several => several
            .iter()
            .map(|(name, sum)| format!("{name}: {sum}"))
            .collect::<Vec<_>>()
            .join("; "),
    };
    let note = match sums.as_slice() {
        [] => "Costs are stated for some of the intervals, or without one currency: they are in the CSV file.".to_owned(),
        [(name, _)] if flows.len() > 1 => {
            format!("{}, as the utility states it for each interval; not a bill", name.to_lowercase())
        }
        _ => "as the utility states it for each interval; not a bill".to_owned(),
    };
    Some(Tile {
        name: "Cost",
        value,
        note,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_two_is_between_them() {
        let of = |values: &[&str]| {
            let mut values: Vec<Decimal> = values.iter().map(|it| it.parse().unwrap()).collect();
            values.sort_unstable();
            median(&values).map(|median| median.normalize().to_string())
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["0.3"]).as_deref(), Some("0.3"));
        assert_eq!(of(&["0.1", "0.4"]).as_deref(), Some("0.25"));
        assert_eq!(of(&["9", "1", "2"]).as_deref(), Some("2"));
        assert_eq!(of(&["9", "1", "3", "2"]).as_deref(), Some("2.5"));
        assert_eq!(median(&[Decimal::MAX; 2]), Some(Decimal::MAX));
    }
}

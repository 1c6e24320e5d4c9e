//! The part of the page about one usage point.

use charts::Table;

use super::{Report, average, heat, lists, months, tiles, years};
use crate::collect::flow::{Flow, HOUR};
use crate::collect::{Point, Service};

/// One usage point.
pub(super) struct Section {
    pub(super) anchor: String,
    pub(super) heading: String,
    pub(super) tiles: Vec<tiles::Tile>,
    /// Sentences about what cannot be shown.
    pub(super) remarks: Vec<String>,
    /// Charts as markup.
    pub(super) months: String,
    pub(super) average: String,
    pub(super) heat: String,
    pub(super) missing: lists::List,
    pub(super) estimated: lists::List,
    pub(super) qualities: String,
}

impl Section {
    pub(super) fn of(report: &Report, place: usize, point: &Point, drawn: bool) -> Self {
        let zone = &report.zone;
        let (shown, older) = years::months(point, zone);
        let mut remarks = remarks(point);
        if older {
            remarks.push(format!(
                "Charts show the last {} years; older readings are in the CSV file and in the totals.",
                years::MOST
            ));
        }
        let hourly = has_hours(point);
        if drawn && !hourly && point.service == Service::Electricity {
            remarks.push("Intervals are longer than an hour: there are no hours to show, no base load and no peak.".to_owned());
        }
        if !drawn {
            remarks.push("Hours are not drawn for this many usage points: `metergate convert --report` draws one at a time.".to_owned());
        }
        let draw = drawn && hourly && point.service == Service::Electricity;
        Self {
            anchor: format!("usage-point-{}", place + 1),
            heading: heading(point),
            tiles: tiles::of(report, point),
            remarks,
            months: months::figure(point, place, &shown, zone),
            average: if draw {
                average::figures(point, place, &shown)
            } else {
                String::new()
            },
            heat: if draw {
                heat::figures(point, place, &shown, zone)
            } else {
                String::new()
            },
            missing: lists::missing(point, zone),
            estimated: lists::estimated(point, zone),
            qualities: charts::details(
                "Readings by quality",
                "Readings by quality",
                &qualities(report, point),
            ),
        }
    }
}

fn heading(point: &Point) -> String {
    let service = match point.service {
        Service::Electricity => "Electricity",
        Service::Gas => "Gas",
    };
    format!("{service}: usage point {}", point.id)
}

/// Most of the readings tell hours.
fn has_hours(point: &Point) -> bool {
    point
        .flows()
        .iter()
        .any(|(_, flow)| flow.usual_duration() <= HOUR)
}

fn remarks(point: &Point) -> Vec<String> {
    let mut remarks = Vec::new();
    if point.service == Service::Electricity {
        if point.received.intervals == 0 {
            remarks.push(
                "No flow to the grid was delivered: nothing is fed in here, or it was not shared."
                    .to_owned(),
            );
        } else if point.delivered.intervals == 0 {
            remarks.push("No flow from the grid was delivered.".to_owned());
        } else {
            remarks.push("This place feeds energy in: what comes from the grid is not all that is used here.".to_owned());
        }
    }
    let long = |flow: &Flow| flow.usual_duration() > 2 * 86_400;
    if point.flows().iter().any(|(_, flow)| long(flow)) {
        remarks.push(
            "Intervals are longer than days: each is counted in the month in which it begins."
                .to_owned(),
        );
    }
    let mixed = point
        .flows()
        .iter()
        .any(|(_, flow)| flow.durations.len() > 1);
    if mixed {
        remarks.push(
            "Intervals are not all of the same length; the CSV file has each one's.".to_owned(),
        );
    }
    remarks
}

fn qualities(report: &Report, point: &Point) -> Table {
    let flows = point.flows();
    let mut codes: Vec<u16> = flows
        .iter()
        .flat_map(|(_, flow)| flow.qualities.keys().copied())
        .collect();
    codes.sort_unstable();
    codes.dedup();
    let number = |count: u64| charts::grouped(count.into());
    let mut rows: Vec<Vec<String>> = codes
        .into_iter()
        .map(|code| {
            let (word, meaning) = (report.about.quality)(code);
            let counts = flows
                .iter()
                .map(|(_, flow)| number(flow.qualities.get(&code).copied().unwrap_or(0)));
            [word.into_owned(), meaning.to_owned()]
                .into_iter()
                .chain(counts)
                .collect()
        })
        .collect();
    if flows.iter().any(|(_, flow)| flow.without_quality > 0) {
        let counts = flows.iter().map(|(_, flow)| number(flow.without_quality));
        let names = [
            "none stated".to_owned(),
            "The utility says nothing about the quality.".to_owned(),
        ];
        rows.push(names.into_iter().chain(counts).collect());
    }
    let names = flows.iter().map(|(name, _)| format!("{name} (intervals)"));
    Table {
        header: ["Quality".to_owned(), "Meaning".to_owned()]
            .into_iter()
            .chain(names)
            .collect(),
        rows,
    }
}

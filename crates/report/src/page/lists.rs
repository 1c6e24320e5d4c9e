//! Stretches of time in words: what is missing, what is estimated.

use jiff::tz::TimeZone;

use crate::collect::Point;
use crate::collect::flow::Flow;
use crate::collect::runs::Runs;
use crate::words;

/// So many lines for each flow: a page is to be read.
const LINES: usize = 60;

/// A list of stretches.
#[derive(Default)]
pub(super) struct List {
    pub(super) lines: Vec<Line>,
    /// What is not listed, in a sentence.
    pub(super) rest: Vec<String>,
}

pub(super) struct Line {
    pub(super) flow: &'static str,
    pub(super) from: String,
    pub(super) until: String,
    pub(super) intervals: String,
    pub(super) length: String,
}

pub(super) fn missing(point: &Point, zone: &TimeZone) -> List {
    List::of(point, zone, |flow| &flow.gaps)
}

pub(super) fn estimated(point: &Point, zone: &TimeZone) -> List {
    List::of(point, zone, |flow| &flow.estimated)
}

impl List {
    fn of(point: &Point, zone: &TimeZone, runs: impl Fn(&Flow) -> &Runs) -> Self {
        let mut list = Self::default();
        let flows = point.flows();
        if let [(_, one), (_, other)] = flows.as_slice() {
            let (one, other) = (runs(one), runs(other));
            // As with net readings: both are missing, or neither.
            if one.kept == other.kept && one.more == other.more {
                list.add("Both", one, zone);
                return list;
            }
        }
        for (name, flow) in flows {
            list.add(name, runs(flow), zone);
        }
        list
    }

    fn add(&mut self, flow: &'static str, runs: &Runs, zone: &TimeZone) {
        for span in runs.kept.iter().take(LINES) {
            let seconds = span.until.duration_since(span.from).as_secs();
            self.lines.push(Line {
                flow,
                from: words::moment(span.from, zone),
                until: words::moment(span.until, zone),
                intervals: charts::grouped(span.intervals.into()),
                length: words::length(seconds),
            });
        }
        let unlisted = u64::try_from(runs.kept.len().saturating_sub(LINES))
            .unwrap_or(u64::MAX)
            .saturating_add(runs.more);
        if unlisted > 0 {
            self.rest.push(format!(
                "{flow}: {} more.",
                words::count(unlisted, "stretch").replace("stretchs", "stretches")
            ));
        }
    }
}

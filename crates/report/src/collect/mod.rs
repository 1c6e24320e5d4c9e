//! Rows in, sums out. What is kept is bounded by the days that have readings.

pub(crate) mod calendar;
pub(crate) mod costs;
pub(crate) mod flow;
pub(crate) mod runs;

use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use crate::{Amount, Row};
use flow::Flow;
pub use runs::Span;

/// What a usage point supplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// In Wh, both directions.
    Electricity,
    /// In the unit of the rows.
    Gas,
}

/// Takes the rows of one table.
#[derive(Debug)]
pub struct Collector {
    service: Service,
    zone: TimeZone,
    points: Vec<Point>,
}

/// A usage point, summed up.
#[derive(Debug, Clone)]
pub struct Point {
    pub(crate) service: Service,
    pub(crate) id: String,
    pub(crate) unit: String,
    /// From the grid, or gas.
    pub(crate) delivered: Flow,
    /// Back to the grid.
    pub(crate) received: Flow,
}

impl Collector {
    /// Local time is the zone's.
    #[must_use]
    pub const fn new(service: Service, zone: TimeZone) -> Self {
        Self {
            service,
            zone,
            points: Vec::new(),
        }
    }

    /// Takes the next row: sorted by usage point, then start, as the CSV is.
    pub fn take(&mut self, row: &Row<'_>) {
        let known = self
            .points
            .last()
            .is_some_and(|point| point.id == row.usage_point);
        if !known {
            self.points.push(Point::new(self.service, row.usage_point));
        }
        if let Some(point) = self.points.last_mut() {
            point.take(row, &self.zone);
        }
    }

    /// What was collected, by usage point.
    #[must_use]
    pub fn finish(self) -> Vec<Point> {
        self.points
    }
}

impl Point {
    fn new(service: Service, id: &str) -> Self {
        Self {
            service,
            id: id.to_owned(),
            unit: String::new(),
            delivered: Flow::default(),
            received: Flow::default(),
        }
    }

    fn take(&mut self, row: &Row<'_>, zone: &TimeZone) {
        let delivered = row.delivered.or_else(|| none_of(row.received));
        let received = row.received.or_else(|| none_of(row.delivered));
        if let Some(amount) = &delivered {
            if self.unit != amount.unit {
                amount.unit.clone_into(&mut self.unit);
            }
            self.delivered.take(row.start, row.duration, amount, zone);
        }
        if let Some(amount) = &received {
            self.received.take(row.start, row.duration, amount, zone);
        }
    }

    /// The service agreement.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What there is, each with its reader's word.
    pub(crate) fn flows(&self) -> Vec<(&'static str, &Flow)> {
        let names = match self.service {
            Service::Electricity => [
                ("From the grid", &self.delivered),
                ("To the grid", &self.received),
            ],
            Service::Gas => [("Gas", &self.delivered), ("Gas back", &self.received)],
        };
        names
            .into_iter()
            .filter(|(_, flow)| flow.intervals > 0)
            .collect()
    }

    /// Missing and estimated intervals of each flow: `From the grid`, `To the grid`, `Gas`.
    #[must_use]
    pub fn shortcomings(&self) -> Vec<(&'static str, u64, u64)> {
        let flows = self.flows().into_iter();
        flows
            .map(|(name, flow)| (name, flow.gaps.intervals, flow.estimated.intervals))
            .collect()
    }

    /// Estimated intervals of all flows.
    pub(crate) const fn estimated(&self) -> u64 {
        self.delivered.estimated.intervals + self.received.estimated.intervals
    }

    /// From the first reading to the end of the last.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        let flows = [&self.delivered, &self.received];
        Some(Span {
            from: flows.iter().filter_map(|flow| flow.first).min()?,
            until: flows.iter().filter_map(|flow| flow.end).max()?,
            intervals: flows.iter().map(|flow| flow.intervals).sum(),
        })
    }
}

/// The flow that a net reading of the other direction says is 0.
fn none_of(other: Option<Amount<'_>>) -> Option<Amount<'_>> {
    let other = other.filter(|other| other.net)?;
    Some(Amount {
        value: Decimal::ZERO,
        cost: other.cost.map(|_| Decimal::ZERO),
        ..other
    })
}

#[cfg(test)]
mod tests;

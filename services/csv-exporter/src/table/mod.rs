//! Readings in, CSV out: the tables that the exporter and `metergate convert`
//! both write, so that the same readings give the same bytes wherever they
//! come from.
//!
//! Start at [`Selection`], the one place that decides which series go into
//! which [`Table`] and says why the others do not; then [`Writer`], which
//! turns sorted readings into rows. Pure: no files, no database, no clock.
//!
//! # The files
//!
//! UTF-8 without byte order mark, comma separated, lines end in `\n`, quotes
//! only where needed, header first. Electricity and gas are never in one file.
//!
//! | column | content |
//! |---|---|
//! | `SA_UUID` | usage point |
//! | `Interval Timestamp` | start, RFC 3339, local with its offset: the hour that repeats in autumn stays two hours |
//! | `Delivered From Grid Value (Wh)` | electricity only: energy from the grid; empty when there is no such flow |
//! | `Back To Grid Value (Wh)` | electricity only: energy fed back, a positive number; empty when there is no such flow |
//! | `Gas Value` | gas only: amount in the row's unit |
//! | `Start (UTC)` | start, RFC 3339, `Z` |
//! | `Duration (s)` | length of the interval in seconds |
//! | `Unit` | `Wh`, `therm`, `m3`, `ft3`, … (`uom-<code>` when ESPI's code has no name) |
//! | `Quality` | ESPI's reading quality in words (`validated`, `raw`, `revenue-quality`, …, `quality-<code>`), several separated by a space; empty when none is stated |
//! | `Time Of Use` | the tariff's time-of-use bucket as a number; empty when none is stated |
//! | `Cost` | in units of the currency, exact; empty when none is stated |
//!
//! Values are exact decimals in plain notation (`value × 10^multiplier`, no
//! exponent, no trailing zeros). Where both flows share a row, quality and
//! time of use are one value if equal, else `delivered / received` with `-`
//! for none, and the cost is the sum of both.
//!
//! A text cell that a spreadsheet would take for a formula gets an apostrophe
//! in front; numbers stay numbers.

mod cells;
mod kept;
mod row;
mod selection;
mod writer;

use espi::{FlowDirection, ReadingType, ServiceKind, UsagePointId};

pub use cells::{quality_meaning, quality_word, text as text_cell, unit as unit_name};
pub use selection::{LeftOut, Reason, Selection};
pub use writer::{Overlap, TableError, Untold, Writer, Written};

/// One of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Energy in Wh, a column for each direction.
    Electricity,
    /// Amounts of gas, the unit in each row.
    Gas,
}

impl Table {
    /// Both, in the order they are written.
    pub const ALL: [Self; 2] = [Self::Electricity, Self::Gas];

    /// The word in file names and messages: `electricity` or `gas`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Electricity => "electricity",
            Self::Gas => "gas",
        }
    }

    /// The header line's cells.
    #[must_use]
    pub fn header(self, columns: Columns) -> Vec<&'static str> {
        let model: &[&str] = match self {
            Self::Electricity => &[
                "SA_UUID",
                "Interval Timestamp",
                "Delivered From Grid Value (Wh)",
                "Back To Grid Value (Wh)",
            ],
            Self::Gas => &["SA_UUID", "Interval Timestamp", "Gas Value"],
        };
        let more: &[&str] = match columns {
            Columns::Full => &[
                "Start (UTC)",
                "Duration (s)",
                "Unit",
                "Quality",
                "Time Of Use",
                "Cost",
            ],
            Columns::Model => &[],
        };
        [model, more].concat()
    }
}

/// How many columns a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Columns {
    /// All of them.
    #[default]
    Full,
    /// The model application's columns alone: electricity's first four, gas's first three.
    Model,
}

/// What is known about a series of readings, from the database or from a feed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Series {
    /// The service agreement; without one a reading belongs in no row.
    pub usage_point: Option<UsagePointId>,
    /// Kind of service, which stands in for a missing commodity.
    pub service_kind: Option<ServiceKind>,
    /// Unit, multiplier, direction and the rest.
    pub reading_type: Option<ReadingType>,
}

impl Series {
    /// What it is called: `usage point 5391320451, delivered, Wh`.
    #[must_use]
    pub fn name(&self) -> String {
        let usage_point = self.usage_point.as_ref();
        let usage_point = usage_point.map_or("unknown", UsagePointId::as_str);
        let kind = self.reading_type.as_ref();
        let flow = kind.and_then(|kind| kind.flow_direction);
        let flow = match flow.unwrap_or(FlowDirection::None) {
            FlowDirection::None => "no direction".to_owned(),
            FlowDirection::Delivered => "delivered".to_owned(),
            FlowDirection::Received => "received".to_owned(),
            FlowDirection::Net => "net".to_owned(),
            FlowDirection::Total => "total".to_owned(),
            FlowDirection::Other(code) => format!("direction {code}"),
        };
        let unit = kind.and_then(|kind| kind.uom);
        let unit = unit.map_or_else(|| "no unit".into(), unit_name);
        format!("usage point {usage_point}, {flow}, {unit}")
    }
}

impl From<&espi::Series> for Series {
    fn from(series: &espi::Series) -> Self {
        Self {
            usage_point: series.usage_point.clone(),
            service_kind: series.service_kind,
            reading_type: series.reading_type.clone(),
        }
    }
}

#[cfg(test)]
mod tests;

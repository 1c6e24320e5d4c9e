//! `report.html`: what a year of readings looks like, for people. The same rows that become the CSV go in, one page
//! comes out: self-contained, no script, nothing fetched, printable, and honest about what is missing.
//!
//! - [`Row`] is one row of the CSV, with exact values.
//! - [`Collector`] takes sorted rows and keeps sums: by month, by day and hour, gaps, estimated intervals, the peak.
//!   What it holds grows with the days that have readings, not with the readings.
//! - [`Report`] makes the page of what was collected.
//!
//! Pure: no files, no clock, no database; depends on `charts` alone of the workspace. Everything that comes from outside
//! (names, ids, units, zones) stays text.

mod collect;
mod page;
mod row;
mod words;

pub use collect::{Collector, Point, Service, Span};
pub use page::{About, Report};
pub use row::{Amount, Row};
pub use words::moment;

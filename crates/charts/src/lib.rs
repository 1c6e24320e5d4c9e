//! Charts as SVG, drawn on the server: grouped [`Bars`], [`Lines`] over time with gaps, a [`DayProfile`] over the
//! hours of a day, and a [`HeatMap`] of days and hours.
//!
//! `plotters` lays out and draws; the markup is written by a drawing backend of ours (`canvas`), because the stock one
//! puts colours into attributes of each element. Here an element's role becomes a CSS class instead ([`STYLE`] has the
//! colours of both schemes, of print, and of high contrast), neighbours of one role become one path, and there is no
//! `style` attribute, so that a page's policy can forbid them. Why: `docs/adr/0012-charts.md`.
//!
//! Start at [`Chart`]. Values come in as exact decimals with their unit and become floats only as coordinates. Every
//! chart says what it shows in words, and answers its data as a [`Table`] for those who cannot see it: [`figure`] puts
//! picture, legend and table together. All texts are escaped here. Pure: no clock, no files, nothing of the workspace.
//!
//! A page that shows charts has [`STYLE`] in its style sheet once, and gives each chart an [`Id`] of its own.

mod bars;
mod canvas;
mod data;
mod figure;
mod frame;
mod heat;
mod ink;
mod labels;
mod lines;
mod number;
mod profile;
mod scale;
mod ticks;

pub use bars::{Bars, Group};
pub use data::Table;
pub use figure::{LegendEntry, details, figure, figure_with_table, legend, picture};
pub use heat::{Cell, Column, HeatMap, Levels};
pub use ink::Ink;
pub use labels::{Id, IdError, Labels};
pub use lines::{Line, Lines};
pub use number::{grouped, rounded};
pub use profile::{Curve, DayProfile};

/// Colours and sizes of charts, legends and their tables: a part of the page's style sheet. Uses the custom properties
/// that it defines under `.chart`, nothing else of the page.
pub const STYLE: &str = include_str!("style.css");

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// Fewer values than names, or the other way round.
    #[error("the chart {0:?} has {1} values where {2} are named")]
    Shape(String, usize, usize),
    /// Nothing to draw.
    #[error("the chart {0:?} has no value")]
    Empty(String),
    /// Drawing failed.
    #[error("the chart {0:?} could not be drawn: {1}")]
    Draw(String, String),
}

/// What can be drawn.
pub trait Chart {
    /// What is said about it.
    fn labels(&self) -> &Labels;
    /// The picture: one `svg` element.
    fn svg(&self) -> Result<String, ChartError>;
    /// The same data as text.
    fn table(&self) -> Table;
    /// What the colours mean; empty where there is only one.
    fn legend(&self) -> Vec<LegendEntry>;
}

/// Text as it may stand in HTML, SVG and in double-quoted attributes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Not characters of XML, and what some of them do to a terminal or an editor is no part of a chart.
            control if control.is_control() => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests;

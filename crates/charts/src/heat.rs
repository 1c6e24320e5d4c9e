//! A heat map: a column for each day, a row for each hour.

use plotters::element::Rectangle;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::bars::position;
use crate::data::NONE;
use crate::figure::LegendEntry;
use crate::frame::{Frame, Size, XTick};
use crate::ink::Ink;
use crate::labels::Labels;
use crate::number::grouped;
use crate::scale::{Scale, drawable, nice_step};
use crate::{Chart, ChartError, Table};

/// Days from left to right, hours from top to bottom.
#[derive(Debug, Clone)]
pub struct HeatMap {
    /// What is said about the chart.
    pub labels: Labels,
    /// The days.
    pub columns: Vec<Column>,
    /// What the colours stand for.
    pub levels: Levels,
    /// What hatching means: `missing`.
    pub missing: String,
}

/// One day.
#[derive(Debug, Clone)]
pub struct Column {
    /// In the table: `2026-03-08`.
    pub name: String,
    /// Below the column, for the first day of a month.
    pub label: Option<String>,
    /// By hour from midnight.
    pub hours: [Cell; 24],
}

/// What is known of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cell {
    /// A value.
    Value(Decimal),
    /// There should be one.
    Missing,
    /// There should be none: outside the period, or skipped when the clocks went forward.
    #[default]
    Outside,
}

/// Equal steps from 0; the last one takes all that is above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    step: Decimal,
}

impl Levels {
    /// Steps for these values. The highest hundredth does not count, so that one spike does not wash out a year.
    #[must_use]
    pub fn of(values: impl Iterator<Item = Decimal>) -> Self {
        let mut values: Vec<Decimal> = values.map(drawable).collect();
        values.sort_unstable();
        let place = values.len() - values.len() / 100;
        let high = values
            .get(place.saturating_sub(1))
            .copied()
            .unwrap_or_default();
        Self {
            step: fine_step(high / Decimal::from(Ink::LEVELS)),
        }
    }

    fn of_value(self, value: Decimal) -> u8 {
        let steps = (drawable(value) / self.step)
            .floor()
            .to_i64()
            .unwrap_or(i64::MAX);
        u8::try_from(steps.max(0))
            .unwrap_or(Ink::LEVELS)
            .min(Ink::LEVELS - 1)
    }

    /// `0 – 0.5`, …, `≥ 3`.
    fn name(self, level: u8) -> String {
        let from = self.step * Decimal::from(level);
        if level + 1 >= Ink::LEVELS {
            return format!("≥ {}", grouped(from));
        }
        format!("{} – {}", grouped(from), grouped(from + self.step))
    }
}

/// Like [`nice_step`], with more to choose from: seven steps of 2 for a highest of 8 would leave half of them unused.
fn fine_step(at_least: Decimal) -> Decimal {
    let coarse = nice_step(at_least);
    let tenth = coarse / Decimal::TEN;
    let candidates = [1, 2, 3, 4, 5, 6, 8, 10].map(|factor| tenth * Decimal::from(factor));
    let fits = candidates
        .into_iter()
        .find(|step| *step >= at_least && *step > Decimal::ZERO);
    fits.unwrap_or(coarse).normalize()
}

/// Margins of the picture; between them two units for each day and nine for each hour.
const MARGIN: Size = Size {
    width: 0,
    height: 0,
    top: 42,
    right: 10,
    bottom: 52,
    left: 46,
};

/// Room for days: a chart of few days leaves the rest of it empty, and is not blown up to the width of the page.
const LEAST: usize = 30;

impl HeatMap {
    /// Days that there is room for.
    fn room(&self) -> usize {
        self.columns.len().max(LEAST)
    }

    fn size(&self) -> Size {
        let days = u32::try_from(self.room()).unwrap_or(u32::MAX);
        // Whole units for each day: columns of different widths would look like a pattern.
        let unit = (732 / days).clamp(2, 24);
        Size {
            width: MARGIN.left + MARGIN.right + days.saturating_mul(unit),
            height: MARGIN.top + MARGIN.bottom + 24 * 9,
            ..MARGIN
        }
    }

    /// Runs of equal cells in an hour's row: first day, day behind the last, what they are.
    fn runs(&self, hour: usize, wanted: Ink) -> Vec<(usize, usize)> {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for (day, column) in self.columns.iter().enumerate() {
            let ink = match column.hours.get(hour) {
                Some(Cell::Value(value)) => Ink::Level(self.levels.of_value(*value)),
                Some(Cell::Missing) => Ink::Missing,
                _ => continue,
            };
            if ink != wanted {
                continue;
            }
            match runs.last_mut() {
                Some(run) if run.1 == day => run.1 = day + 1,
                _ => runs.push((day, day + 1)),
            }
        }
        runs
    }

    fn ticks(&self) -> Vec<XTick> {
        let labelled = self.columns.iter().enumerate();
        let labelled = labelled.filter_map(|(day, column)| Some((day, column.label.as_ref()?)));
        let tick = |(place, (day, label)): (usize, (usize, &String))| XTick {
            at: position(day),
            label: label.clone(),
            minor: place % 2 == 1,
            line: true,
        };
        labelled.enumerate().map(tick).collect()
    }

    fn inks() -> impl Iterator<Item = Ink> {
        (0..Ink::LEVELS).map(Ink::Level).chain([Ink::Missing])
    }
}

impl Chart for HeatMap {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn svg(&self) -> Result<String, ChartError> {
        if self.columns.is_empty() {
            return Err(ChartError::Empty(self.labels.title.clone()));
        }
        // From the top: the axis of hours runs downwards.
        let hour = |hour: u32| (-f64::from(hour), hour.to_string());
        let frame = Frame {
            labels: &self.labels,
            class: "heat",
            size: self.size(),
            x: (0.0, position(self.room())),
            x_ticks: self.ticks(),
            y: Scale {
                from: -24.0,
                to: 0.0,
                ticks: [0, 6, 12, 18, 24].map(hour).into(),
            },
            y_title: self.labels.quantity(),
        };
        frame.svg(|plot| {
            for ink in Self::inks() {
                for hour in 0..24 {
                    for (from, to) in self.runs(hour, ink) {
                        let corners = [
                            (position(from), -position(hour)),
                            (position(to), -position(hour + 1)),
                        ];
                        plot.plotting_area()
                            .draw(&Rectangle::new(corners, ink.fill()))?;
                    }
                }
            }
            Ok(())
        })
    }

    /// All of it, a row for each day. For a year that is long: a page may rather show a summary of its own.
    fn table(&self) -> Table {
        let row = |column: &Column| {
            let cell = |cell: &Cell| match cell {
                Cell::Value(value) => grouped(*value),
                Cell::Missing => self.missing.clone(),
                Cell::Outside => NONE.to_owned(),
            };
            std::iter::once(column.name.clone())
                .chain(column.hours.iter().map(cell))
                .collect()
        };
        let hours = (0..24).map(|hour| format!("{hour:02}:00 ({})", self.labels.unit));
        Table {
            header: std::iter::once(self.labels.x.clone())
                .chain(hours)
                .collect(),
            rows: self.columns.iter().map(row).collect(),
        }
    }

    fn legend(&self) -> Vec<LegendEntry> {
        let level = |level| LegendEntry {
            ink: Ink::Level(level),
            name: self.levels.name(level),
        };
        let mut legend: Vec<LegendEntry> = (0..Ink::LEVELS).map(level).collect();
        let cells = || self.columns.iter().flat_map(|column| &column.hours);
        if cells().any(|cell| *cell == Cell::Missing) {
            legend.push(LegendEntry {
                ink: Ink::Missing,
                name: self.missing.clone(),
            });
        }
        legend
    }
}

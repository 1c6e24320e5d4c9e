//! What a day looks like: values by hour of the day, small enough for several beside each other.

use rust_decimal::Decimal;

use crate::bars::position;
use crate::data::NONE;
use crate::figure::LegendEntry;
use crate::frame::{Frame, Size, XTick};
use crate::ink::Ink;
use crate::labels::Labels;
use crate::lines::draw_line;
use crate::number::grouped;
use crate::scale::{Scale, float};
use crate::{Chart, ChartError, Table};

/// Curves over the 24 hours of a day. A value holds for its whole hour, so they are steps.
#[derive(Debug, Clone)]
pub struct DayProfile {
    /// What is said about the chart.
    pub labels: Labels,
    /// The colours in this order.
    pub curves: Vec<Curve>,
    /// The lowest and the highest value that the axis has to hold, so that several charts have the same one.
    pub cover: (Decimal, Decimal),
}

/// One curve.
#[derive(Debug, Clone)]
pub struct Curve {
    /// In legend and table.
    pub name: String,
    /// By hour from midnight; `None` breaks the curve.
    pub hours: [Option<Decimal>; 24],
}

impl Curve {
    /// Two points for each hour, joined while hours are known.
    fn pieces(&self) -> Vec<Vec<(f64, f64)>> {
        let mut pieces: Vec<Vec<(f64, f64)>> = Vec::new();
        let mut open = false;
        for (hour, value) in self.hours.iter().enumerate() {
            let Some(value) = value.map(float) else {
                open = false;
                continue;
            };
            let ends = [(position(hour), value), (position(hour) + 1.0, value)];
            match pieces.last_mut().filter(|_| open) {
                Some(piece) => piece.extend(ends),
                None => pieces.push(ends.to_vec()),
            }
            open = true;
        }
        pieces
    }
}

impl Chart for DayProfile {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn svg(&self) -> Result<String, ChartError> {
        let tick = |hour: u32| XTick {
            at: f64::from(hour),
            label: hour.to_string(),
            minor: false,
            line: true,
        };
        let frame = Frame {
            labels: &self.labels,
            class: "profile",
            size: Size::SMALL,
            x: (0.0, 24.0),
            x_ticks: [0, 6, 12, 18, 24].map(tick).into(),
            y: Scale::covering([self.cover.0, self.cover.1].into_iter()),
            y_title: self.labels.quantity(),
        };
        frame.svg(|plot| {
            for (place, curve) in self.curves.iter().enumerate() {
                draw_line(plot, Ink::series(place), place == 0, curve.pieces(), 0.5)?;
            }
            Ok(())
        })
    }

    fn table(&self) -> Table {
        let unit = &self.labels.unit;
        let names = self
            .curves
            .iter()
            .map(|curve| format!("{} ({unit})", curve.name));
        let row = |hour: usize| {
            let cell = |curve: &Curve| {
                let value = curve.hours.get(hour).copied().flatten();
                value.map_or_else(|| NONE.to_owned(), grouped)
            };
            let name = format!("{hour:02}:00");
            std::iter::once(name)
                .chain(self.curves.iter().map(cell))
                .collect()
        };
        Table {
            header: std::iter::once(self.labels.x.clone())
                .chain(names)
                .collect(),
            rows: (0..24).map(row).collect(),
        }
    }

    fn legend(&self) -> Vec<LegendEntry> {
        LegendEntry::of_series(self.curves.iter().map(|curve| &curve.name))
    }
}

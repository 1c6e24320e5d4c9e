//! Lines over time, broken where nothing is known.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use plotters::element::{PathElement, Polygon};
use rust_decimal::Decimal;

use crate::data::NONE;
use crate::figure::LegendEntry;
use crate::frame::{DrawError, Frame, Plot, Size};
use crate::ink::Ink;
use crate::labels::Labels;
use crate::number::grouped;
use crate::scale::{Scale, float};
use crate::{Chart, ChartError, Table, ticks};

/// Lines over time, such as power.
#[derive(Debug, Clone)]
pub struct Lines {
    /// What is said about the chart.
    pub labels: Labels,
    /// The zone of the times on the axis and in the table.
    pub zone: TimeZone,
    /// Left end of the axis.
    pub from: Timestamp,
    /// Right end of the axis, after `from`.
    pub until: Timestamp,
    /// Readings further apart than this are not joined: in between nothing is known.
    pub gap: SignedDuration,
    /// What is drawn; the colours in this order.
    pub lines: Vec<Line>,
}

/// One line.
#[derive(Debug, Clone)]
pub struct Line {
    /// In legend and table.
    pub name: String,
    /// Sorted by time; `None` breaks the line.
    pub points: Vec<(Timestamp, Option<Decimal>)>,
    /// The area between the line and 0 is filled.
    pub area: bool,
}

impl Lines {
    /// Seconds from the left end.
    fn x(&self, at: Timestamp) -> f64 {
        at.duration_since(self.from).as_secs_f64()
    }

    fn values(&self) -> impl Iterator<Item = Decimal> + Clone {
        let points = self.lines.iter().flat_map(|line| &line.points);
        let shown = points.filter(|(at, _)| (self.from..=self.until).contains(at));
        shown.filter_map(|(_, value)| *value)
    }

    /// The pieces of a line between gaps, as coordinates.
    fn pieces(&self, line: &Line) -> Vec<Vec<(f64, f64)>> {
        let mut pieces: Vec<Vec<(f64, f64)>> = Vec::new();
        let mut last: Option<Timestamp> = None;
        for (at, value) in &line.points {
            if !(self.from..=self.until).contains(at) {
                continue;
            }
            let Some(value) = value else {
                last = None;
                continue;
            };
            let point = (self.x(*at), float(*value));
            let joined = last.is_some_and(|last| at.duration_since(last) <= self.gap);
            match pieces.last_mut().filter(|_| joined) {
                Some(piece) => piece.push(point),
                None => pieces.push(vec![point]),
            }
            last = Some(*at);
        }
        pieces
    }
}

impl Chart for Lines {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn svg(&self) -> Result<String, ChartError> {
        if self.until <= self.from {
            return Err(ChartError::Empty(self.labels.title.clone()));
        }
        let end = self.x(self.until);
        let x_ticks = ticks::between(self.from, self.until, &self.zone);
        let frame = Frame {
            labels: &self.labels,
            class: "lines",
            size: Size::WIDE,
            x: (0.0, end),
            x_ticks,
            y: Scale::covering(self.values()),
            y_title: self.labels.quantity(),
        };
        frame.svg(|plot| {
            for (place, line) in self.lines.iter().enumerate() {
                let dot = end / 600.0;
                draw_line(plot, Ink::series(place), line.area, self.pieces(line), dot)?;
            }
            Ok(())
        })
    }

    /// A row for each time that one of the lines has a value at or a break.
    fn table(&self) -> Table {
        let mut times: Vec<Timestamp> = self
            .lines
            .iter()
            .flat_map(|line| line.points.iter().map(|point| point.0))
            .collect();
        times.sort_unstable();
        times.dedup();
        times.retain(|at| (self.from..=self.until).contains(at));
        let cell = |line: &Line, at: Timestamp| {
            let found = line.points.partition_point(|point| point.0 < at);
            let point = line.points.get(found).filter(|point| point.0 == at);
            point
                .and_then(|point| point.1)
                .map_or_else(|| NONE.to_owned(), grouped)
        };
        let row = |at: &Timestamp| {
            let time = at
                .to_zoned(self.zone.clone())
                .strftime("%Y-%m-%d %H:%M:%S %:z");
            let cells = self.lines.iter().map(|line| cell(line, *at));
            std::iter::once(time.to_string()).chain(cells).collect()
        };
        let unit = &self.labels.unit;
        let names = self
            .lines
            .iter()
            .map(|line| format!("{} ({unit})", line.name));
        Table {
            header: std::iter::once(self.labels.x.clone())
                .chain(names)
                .collect(),
            rows: times.iter().map(row).collect(),
        }
    }

    fn legend(&self) -> Vec<LegendEntry> {
        LegendEntry::of_series(self.lines.iter().map(|line| &line.name))
    }
}

/// The pieces of one line; a lonely point becomes a dash of the given width, so that it is seen.
pub(crate) fn draw_line(
    plot: &Plot<'_, '_>,
    series: u8,
    area: bool,
    pieces: Vec<Vec<(f64, f64)>>,
    dot: f64,
) -> Result<(), DrawError> {
    let plane = plot.plotting_area();
    if area {
        for piece in &pieces {
            if let (Some(first), Some(last)) = (piece.first(), piece.last()) {
                let base = [(last.0, 0.0), (first.0, 0.0)];
                let outline: Vec<(f64, f64)> = piece.iter().copied().chain(base).collect();
                plane.draw(&Polygon::new(outline, Ink::Area(series).fill()))?;
            }
        }
    }
    for mut piece in pieces {
        if let [only] = piece.as_slice() {
            let (x, y) = *only;
            piece = vec![(x - dot, y), (x + dot, y)];
        }
        plane.draw(&PathElement::new(piece, Ink::Series(series).stroke()))?;
    }
    Ok(())
}

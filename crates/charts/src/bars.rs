//! Grouped bars: a few series beside each other in each group.

use plotters::element::Rectangle;
use rust_decimal::Decimal;

use crate::data::NONE;
use crate::figure::LegendEntry;
use crate::frame::{Frame, Size, XTick};
use crate::ink::Ink;
use crate::labels::Labels;
use crate::number::grouped;
use crate::scale::{Scale, float};
use crate::{Chart, ChartError, Table};

/// Bars in groups, such as import and export by month.
#[derive(Debug, Clone)]
pub struct Bars {
    /// What is said about the chart.
    pub labels: Labels,
    /// What the first column of the table is: `Month`.
    pub group: String,
    /// What the bars of a group are: `From the grid`, `To the grid`.
    pub series: Vec<String>,
    /// From left to right.
    pub groups: Vec<Group>,
}

/// One group of bars.
#[derive(Debug, Clone)]
pub struct Group {
    /// Below the group; short: `Mar`.
    pub label: String,
    /// In the table: `March 2026`.
    pub name: String,
    /// One for each series; `None` where nothing is known, which is not 0.
    pub values: Vec<Option<Decimal>>,
}

/// Of a group's width, what its bars take.
const FILLED: f64 = 0.74;

impl Bars {
    fn check(&self) -> Result<(), ChartError> {
        let title = || self.labels.title.clone();
        if self.groups.is_empty() || self.series.is_empty() {
            return Err(ChartError::Empty(title()));
        }
        let named = self.series.len();
        let wrong = self.groups.iter().find(|group| group.values.len() != named);
        wrong.map_or(Ok(()), |group| {
            Err(ChartError::Shape(title(), group.values.len(), named))
        })
    }

    fn ticks(&self) -> Vec<XTick> {
        // So many labels stand beside each other without touching; of more, each second or third.
        let every = self.groups.len().div_ceil(14).max(1);
        let narrow = self.groups.len() > 7;
        let labelled = self.groups.iter().enumerate().step_by(every);
        let tick = |(nr, (place, group)): (usize, (usize, &Group))| XTick {
            at: position(place) + 0.5,
            label: group.label.clone(),
            minor: narrow && nr % 2 == 1,
            line: false,
        };
        labelled.enumerate().map(tick).collect()
    }
}

impl Chart for Bars {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn svg(&self) -> Result<String, ChartError> {
        self.check()?;
        let values = self
            .groups
            .iter()
            .flat_map(|group| group.values.iter().flatten().copied());
        let frame = Frame {
            labels: &self.labels,
            class: "bars",
            size: Size::WIDE,
            x: (0.0, position(self.groups.len())),
            x_ticks: self.ticks(),
            y: Scale::covering(values),
            y_title: self.labels.quantity(),
        };
        let width = FILLED / position(self.series.len());
        frame.svg(|plot| {
            // By series, so that each is one element.
            for series in 0..self.series.len() {
                let ink = Ink::Series(Ink::series(series)).fill();
                for (place, group) in self.groups.iter().enumerate() {
                    let Some(value) = group.values.get(series).copied().flatten() else {
                        continue;
                    };
                    let left = position(place) + (1.0 - FILLED) / 2.0 + position(series) * width;
                    // A little less than its share: bars do not touch.
                    let corners = [
                        (left, float(value).max(0.0)),
                        (left + width * 0.94, float(value).min(0.0)),
                    ];
                    plot.plotting_area().draw(&Rectangle::new(corners, ink))?;
                }
            }
            Ok(())
        })
    }

    fn table(&self) -> Table {
        let unit = &self.labels.unit;
        let header = self.series.iter().map(|name| format!("{name} ({unit})"));
        let row = |group: &Group| {
            let cell = |value: &Option<Decimal>| value.map_or_else(|| NONE.to_owned(), grouped);
            let cells = group.values.iter().map(cell);
            std::iter::once(group.name.clone()).chain(cells).collect()
        };
        Table {
            header: std::iter::once(self.group.clone()).chain(header).collect(),
            rows: self.groups.iter().map(row).collect(),
        }
    }

    fn legend(&self) -> Vec<LegendEntry> {
        LegendEntry::of_series(self.series.iter())
    }
}

/// A place as a coordinate.
pub(crate) fn position(place: usize) -> f64 {
    u32::try_from(place).map_or(0.0, f64::from)
}

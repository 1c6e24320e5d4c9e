//! The picture around the data: size, axes, grid, labels.

use std::convert::Infallible;
use std::fmt::Write;

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::PathElement;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{IntoFont, TextStyle};

use crate::canvas::Canvas;
use crate::ink::Ink;
use crate::labels::Labels;
use crate::scale::Scale;
use crate::{ChartError, escape};

pub(crate) type DrawError = DrawingAreaErrorKind<Infallible>;
pub(crate) type Plot<'a, 'c> =
    ChartContext<'a, Canvas<'c>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Root<'c> = DrawingArea<Canvas<'c>, Shift>;

/// A named position on the horizontal axis.
pub(crate) struct XTick {
    pub(crate) at: f64,
    pub(crate) label: String,
    /// Left out on narrow screens.
    pub(crate) minor: bool,
    /// With a line through the plot.
    pub(crate) line: bool,
}

/// Size and margins in units of the picture. Left and bottom hold the labels, top the vertical axis' title.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) top: u32,
    pub(crate) right: u32,
    pub(crate) bottom: u32,
    pub(crate) left: u32,
}

impl Size {
    /// As wide as a column of text.
    pub(crate) const WIDE: Self = Self {
        width: 720,
        height: 320,
        top: 42,
        right: 14,
        bottom: 56,
        left: 66,
    };
    /// One of several beside each other.
    pub(crate) const SMALL: Self = Self {
        width: 300,
        height: 216,
        top: 38,
        right: 10,
        bottom: 60,
        left: 44,
    };
}

/// What stands around the data.
pub(crate) struct Frame<'a> {
    pub(crate) labels: &'a Labels,
    /// A class of the `svg` element.
    pub(crate) class: &'static str,
    pub(crate) size: Size,
    /// The horizontal axis' range.
    pub(crate) x: (f64, f64),
    pub(crate) x_ticks: Vec<XTick>,
    pub(crate) y: Scale,
    /// What stands above the vertical axis.
    pub(crate) y_title: String,
}

impl Frame<'_> {
    /// The `svg` element, the data drawn by `draw`.
    pub(crate) fn svg(
        &self,
        draw: impl FnOnce(&Plot<'_, '_>) -> Result<(), DrawError>,
    ) -> Result<String, ChartError> {
        let mut inside = String::new();
        self.draw(&mut inside, draw)
            .map_err(|error| ChartError::Draw(self.labels.title.clone(), error.to_string()))?;
        let Size { width, height, .. } = self.size;
        let (id, class) = (&self.labels.id, self.class);
        let mut out = format!(
            "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" \
             aria-labelledby=\"{id}-t {id}-d\"><title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>",
            escape(&self.labels.title),
            escape(&self.labels.description),
        );
        if inside.contains("url(#") {
            let _ = write!(
                out,
                "<defs><pattern id=\"{id}-m\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
                 <path class=\"hatching\" d=\"M-1 1l2 -2M0 6l6 -6M5 7l2 -2\"/></pattern></defs>"
            );
        }
        out.push_str(&inside);
        out.push_str("</svg>");
        Ok(out)
    }

    fn draw(
        &self,
        out: &mut String,
        draw: impl FnOnce(&Plot<'_, '_>) -> Result<(), DrawError>,
    ) -> Result<(), DrawError> {
        let size = self.size;
        let canvas = Canvas::new(
            out,
            (size.width, size.height),
            format!("{}-m", self.labels.id),
        );
        let root = canvas.into_drawing_area();
        let plot = ChartBuilder::on(&root)
            .margin_top(size.top)
            .margin_right(size.right)
            .margin_bottom(size.bottom)
            .margin_left(size.left)
            .build_cartesian_2d(self.x.0..self.x.1, self.y.from..self.y.to)?;
        self.grid(&plot)?;
        draw(&plot)?;
        self.axes(&plot)?;
        self.write_labels(&root, &plot)?;
        root.present()
    }

    fn grid(&self, plot: &Plot<'_, '_>) -> Result<(), DrawError> {
        let area = plot.plotting_area();
        for (y, _) in &self.y.ticks {
            let line = [(self.x.0, *y), (self.x.1, *y)];
            area.draw(&PathElement::new(line, Ink::Grid.stroke()))?;
        }
        for tick in self.x_ticks.iter().filter(|tick| tick.line) {
            let line = [(tick.at, self.y.from), (tick.at, self.y.to)];
            area.draw(&PathElement::new(line, Ink::Grid.stroke()))?;
        }
        Ok(())
    }

    /// Where 0 is, which need not be the bottom.
    fn axes(&self, plot: &Plot<'_, '_>) -> Result<(), DrawError> {
        let zero = 0.0_f64.clamp(self.y.from, self.y.to);
        let line = [(self.x.0, zero), (self.x.1, zero)];
        plot.plotting_area()
            .draw(&PathElement::new(line, Ink::Axis.stroke()))
    }

    fn write_labels(&self, root: &Root<'_>, plot: &Plot<'_, '_>) -> Result<(), DrawError> {
        let size = self.size;
        let whole = |units: u32| i32::try_from(units).unwrap_or(i32::MAX);
        for (y, label) in &self.y.ticks {
            let (x, y) = plot.backend_coord(&(self.x.0, *y));
            write_text(
                root,
                label,
                Ink::Label,
                (x - 7, y),
                (HPos::Right, VPos::Center),
            )?;
        }
        for tick in &self.x_ticks {
            let (x, y) = plot.backend_coord(&(tick.at, self.y.from));
            let ink = if tick.minor {
                Ink::MinorLabel
            } else {
                Ink::Label
            };
            write_text(
                root,
                &tick.label,
                ink,
                (x, y + 7),
                (HPos::Center, VPos::Top),
            )?;
        }
        write_text(
            root,
            &self.y_title,
            Ink::Label,
            (2, 2),
            (HPos::Left, VPos::Top),
        )?;
        let middle = (whole(size.left) + whole(size.width) - whole(size.right)) / 2;
        let below = (middle, whole(size.height) - 5);
        write_text(
            root,
            &self.labels.x,
            Ink::Label,
            below,
            (HPos::Center, VPos::Bottom),
        )
    }
}

/// The size of the letters is the style sheet's: this one only tells `plotters` something.
fn write_text(
    root: &Root<'_>,
    text: &str,
    ink: Ink,
    at: (i32, i32),
    (h_pos, v_pos): (HPos, VPos),
) -> Result<(), DrawError> {
    let color = ink.color();
    let style = TextStyle::from(("sans-serif", 12).into_font())
        .color(&color)
        .pos(Pos { h_pos, v_pos });
    root.draw_text(text, &style, at)
}

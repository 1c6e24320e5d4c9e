//! What a drawn thing is: its role, which is a class in the markup and a colour number for `plotters`.

use plotters::style::{RGBColor, ShapeStyle};

/// The role of a line, an area or a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Lines behind the data.
    Grid,
    /// The axes.
    Axis,
    /// Text.
    Label,
    /// Text that narrow screens leave out.
    MinorLabel,
    /// The line or bar of the series of this number, from 0; colours repeat after [`Ink::SERIES`].
    Series(u8),
    /// The area below it.
    Area(u8),
    /// A step of a heat map, from 0 to [`Ink::LEVELS`] - 1.
    Level(u8),
    /// Where a value should be and is not.
    Missing,
}

impl Ink {
    /// Distinct colours of series.
    pub const SERIES: u8 = 4;
    /// Steps of a heat map.
    pub const LEVELS: u8 = 7;

    /// The CSS class.
    #[must_use]
    pub fn class(self) -> String {
        match self {
            Self::Grid => "grid".into(),
            Self::Axis => "axis".into(),
            Self::Label => "label".into(),
            Self::MinorLabel => "label minor".into(),
            Self::Series(number) => format!("s{}", number % Self::SERIES),
            Self::Area(number) => format!("a{}", number % Self::SERIES),
            Self::Level(step) => format!("h{}", step.min(Self::LEVELS - 1)),
            Self::Missing => "missing".into(),
        }
    }

    /// Of the series in this place.
    pub(crate) fn series(place: usize) -> u8 {
        u8::try_from(place % usize::from(Self::SERIES)).unwrap_or(0)
    }

    /// `plotters` knows colours only: the role as one.
    const fn code(self) -> (u8, u8) {
        match self {
            Self::Grid => (0, 0),
            Self::Axis => (1, 0),
            Self::Label => (2, 0),
            Self::MinorLabel => (3, 0),
            Self::Series(number) => (4, number),
            Self::Area(number) => (5, number),
            Self::Level(step) => (6, step),
            Self::Missing => (7, 0),
        }
    }

    /// The role that a colour stands for.
    pub(crate) const fn from_rgb(rgb: (u8, u8, u8)) -> Self {
        match (rgb.0, rgb.1) {
            (1, _) => Self::Axis,
            (2, _) => Self::Label,
            (3, _) => Self::MinorLabel,
            (4, number) => Self::Series(number),
            (5, number) => Self::Area(number),
            (6, step) => Self::Level(step),
            (7, _) => Self::Missing,
            _ => Self::Grid,
        }
    }

    pub(crate) const fn color(self) -> RGBColor {
        let (role, number) = self.code();
        RGBColor(role, number, 0)
    }

    pub(crate) fn stroke(self) -> ShapeStyle {
        ShapeStyle {
            color: self.color().into(),
            filled: false,
            stroke_width: 1,
        }
    }

    pub(crate) fn fill(self) -> ShapeStyle {
        self.stroke().filled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_survives_its_way_through_colours() {
        for ink in [
            Ink::Grid,
            Ink::Axis,
            Ink::Label,
            Ink::MinorLabel,
            Ink::Series(3),
            Ink::Area(1),
            Ink::Level(6),
            Ink::Missing,
        ] {
            let RGBColor(r, g, b) = ink.color();
            assert_eq!(Ink::from_rgb((r, g, b)), ink);
        }
        assert_eq!(Ink::Series(5).class(), "s1");
        assert_eq!(Ink::Level(99).class(), "h6");
    }
}

//! The backend that `plotters` draws on: SVG with classes.

use std::convert::Infallible;
use std::fmt::Write;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

use crate::escape;
use crate::ink::Ink;

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// Collects the inside of an `svg` element.
pub(crate) struct Canvas<'a> {
    size: (u32, u32),
    out: &'a mut String,
    /// Where the hatching of missing values is defined.
    hatching: String,
    /// The path that is being drawn, and its role.
    open: Option<(Ink, Shape)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Stroke,
    Fill,
}

impl<'a> Canvas<'a> {
    pub(crate) fn new(out: &'a mut String, size: (u32, u32), hatching: String) -> Self {
        Self {
            size,
            out,
            hatching,
            open: None,
        }
    }

    /// Makes a path of this role the open one. What follows in the same role goes into the same element.
    fn turn_to(&mut self, ink: Ink, shape: Shape) -> &mut String {
        if self.open != Some((ink, shape)) {
            self.close();
            let class = ink.class();
            let _ = match (ink, shape) {
                (Ink::Missing, Shape::Fill) => {
                    write!(
                        self.out,
                        r#"<path class="{class}" fill="url(#{})" d=""#,
                        self.hatching
                    )
                }
                (_, Shape::Fill) => write!(self.out, r#"<path class="{class}" d=""#),
                (_, Shape::Stroke) => write!(self.out, r#"<path class="{class} line" d=""#),
            };
            self.open = Some((ink, shape));
        }
        self.out
    }

    fn close(&mut self) {
        if self.open.take().is_some() {
            self.out.push_str("\"/>");
        }
    }

    fn polygon(&mut self, ink: Ink, points: &[BackendCoord]) {
        let out = self.turn_to(ink, Shape::Fill);
        trace(out, points);
        out.push('z');
    }
}

impl Drop for Canvas<'_> {
    fn drop(&mut self) {
        self.close();
    }
}

/// A line through the points; at one horizontal position nothing more than where it enters, its extremes and where it
/// leaves, which looks the same.
fn trace(out: &mut String, points: &[BackendCoord]) {
    let mut first = true;
    let mut rest = points;
    let mut at = (0, 0);
    while let Some(&(x, _)) = rest.first() {
        let length = rest.iter().take_while(|point| point.0 == x).count();
        let (column, after) = rest.split_at(length.max(1));
        rest = after;
        for y in corners(column) {
            if first {
                let _ = write!(out, "M{x} {y}");
                first = false;
            } else if (x, y) != at {
                step(out, (x - at.0, y - at.1));
            }
            at = (x, y);
        }
    }
}

fn corners(column: &[BackendCoord]) -> Vec<i32> {
    let ys = || column.iter().map(|point| point.1);
    if column.len() <= 4 {
        return ys().collect();
    }
    let picked = [ys().next(), ys().min(), ys().max(), ys().next_back()];
    picked.into_iter().flatten().collect()
}

fn step(out: &mut String, (dx, dy): (i32, i32)) {
    let _ = match (dx, dy) {
        (0, dy) => write!(out, "v{dy}"),
        (dx, 0) => write!(out, "h{dx}"),
        (dx, dy) => write!(out, "l{dx} {dy}"),
    };
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        self.close();
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect(point, point, &color, true)
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let ink = Ink::from_rgb(style.color().rgb);
        let shape = if fill { Shape::Fill } else { Shape::Stroke };
        let (x, y) = upper_left;
        let (width, height) = (bottom_right.0 - x, bottom_right.1 - y);
        if width != 0 && height != 0 {
            let out = self.turn_to(ink, shape);
            let _ = write!(out, "M{x} {y}h{width}v{height}h{}z", -width);
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let points: Vec<BackendCoord> = path.into_iter().collect();
        let out = self.turn_to(Ink::from_rgb(style.color().rgb), Shape::Stroke);
        trace(out, &points);
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let ink = Ink::from_rgb(style.color().rgb);
        let shape = if fill { Shape::Fill } else { Shape::Stroke };
        let radius = i64::from(radius);
        let (x, y) = (i64::from(center.0) - radius, center.1);
        let out = self.turn_to(ink, shape);
        let across = 2 * radius;
        let _ = write!(
            out,
            "M{x} {y}a{radius} {radius} 0 1 0 {across} 0a{radius} {radius} 0 1 0 -{across} 0z"
        );
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        vert: I,
        style: &S,
    ) -> Drawn {
        let points: Vec<BackendCoord> = vert.into_iter().collect();
        self.polygon(Ink::from_rgb(style.color().rgb), &points);
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &T,
        pos: BackendCoord,
    ) -> Drawn {
        self.close();
        let class = Ink::from_rgb(style.color().rgb).class();
        let anchor = match style.anchor().h_pos {
            HPos::Left => "",
            HPos::Center => r#" text-anchor="middle""#,
            HPos::Right => r#" text-anchor="end""#,
        };
        // In shares of the letters' height, which the style sheet decides.
        let drop = match style.anchor().v_pos {
            VPos::Top => r#" dy=".8em""#,
            VPos::Center => r#" dy=".35em""#,
            VPos::Bottom => "",
        };
        let _ = write!(
            self.out,
            r#"<text class="{class}" x="{}" y="{}"{anchor}{drop}>{}</text>"#,
            pos.0,
            pos.1,
            escape(text)
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use plotters::style::Color;

    use super::*;

    #[test]
    fn what_looks_the_same_is_written_once() {
        let mut out = String::new();
        trace(&mut out, &[(0, 5), (0, 5), (1, 5), (1, 9), (3, 2)]);
        assert_eq!(out, "M0 5h1v4l2 -7");
        let column: Vec<BackendCoord> = (0..100).map(|y| (7, (y * 37) % 50)).collect();
        out.clear();
        trace(&mut out, &column);
        assert_eq!(out, "M7 0v49v-36");
    }

    #[test]
    fn neighbours_of_a_role_share_an_element() {
        let mut out = String::new();
        {
            let mut canvas = Canvas::new(&mut out, (10, 10), "x-m".into());
            for x in 0..3 {
                canvas
                    .draw_rect(
                        (x, 0),
                        (x + 1, 2),
                        &Ink::Level(1).fill().color.to_backend_color(),
                        true,
                    )
                    .unwrap();
            }
            canvas
                .draw_rect(
                    (0, 2),
                    (1, 3),
                    &Ink::Missing.fill().color.to_backend_color(),
                    true,
                )
                .unwrap();
        }
        assert_eq!(
            out,
            r#"<path class="h1" d="M0 0h1v2h-1zM1 0h1v2h-1zM2 0h1v2h-1z"/><path class="missing" fill="url(#x-m)" d="M0 2h1v1h-1z"/>"#
        );
    }
}

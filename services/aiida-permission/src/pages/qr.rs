//! A code as a picture that scales: one path of an SVG.

use std::fmt::Write as _;

use qrcode_generator::qr::{Encoder, ErrorCorrection};

/// Light modules around the code, which scanners need.
const QUIET: usize = 4;

/// What the template draws.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Picture {
    /// Modules of a side, the quiet zone included.
    pub(super) side: usize,
    /// Its dark modules, as the path of an SVG of that side, to be drawn one wide.
    pub(super) path: String,
}

/// The picture of a text; `None` when it is too long for any (3 kB).
pub(super) fn picture(text: &str) -> Option<Picture> {
    // More correction makes smaller modules: on a clean screen, at arm's length, their size is what counts.
    let symbol = Encoder::new(ErrorCorrection::Low).encode_bytes(text).ok()?;
    // Each row is a line one module thick, drawn from run to run: half the bytes of as many rectangles.
    let mut path = String::new();
    for (y, row) in symbol.to_matrix().iter().enumerate() {
        // Writing to a text does not fail.
        let _written = write!(path, "M{QUIET} {}.5", y + QUIET);
        for run in row.chunk_by(|one, other| one == other) {
            let _written = match run.first() {
                Some(true) => write!(path, "h{}", run.len()),
                _ => write!(path, "m{} 0", run.len()),
            };
        }
    }
    Some(Picture {
        side: symbol.size() + 2 * QUIET,
        path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_ten_permissions_still_fits_and_a_longer_text_does_not() {
        let picture = picture(&"e".repeat(1900)).unwrap();
        assert!((21..=185).contains(&picture.side));
        // The finder in the corner: seven dark modules, then a light one.
        assert!(picture.path.starts_with("M4 4.5h7m1 0"), "{}", picture.path);
        assert_eq!(super::picture(&"e".repeat(3000)), None);
    }
}

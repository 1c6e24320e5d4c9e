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
    /// Its dark modules, as the path of an SVG of that side.
    pub(super) path: String,
}

/// The picture of a text; `None` when it is too long for any (3 kB).
pub(super) fn picture(text: &str) -> Option<Picture> {
    // More correction makes smaller modules, which a camera finds harder than a clean screen needs.
    let symbol = [ErrorCorrection::Medium, ErrorCorrection::Low]
        .into_iter()
        .find_map(|level| Encoder::new(level).encode_bytes(text).ok())?;
    let mut path = String::new();
    for (y, row) in symbol.to_matrix().iter().enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|one, other| one == other) {
            if run.first() == Some(&true) {
                let (left, top, length) = (x + QUIET, y + QUIET, run.len());
                // Writing to a text does not fail.
                let _written = write!(path, "M{left} {top}h{length}v1h-{length}z");
            }
            x += run.len();
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
        // The finder in the corner: seven dark modules.
        assert!(picture.path.starts_with("M4 4h7v1h-7z"), "{}", picture.path);
        assert_eq!(super::picture(&"e".repeat(3000)), None);
    }
}

//! The quality codes of one reading. Nearly every reading has none or one, and a feed has
//! millions of readings, so up to three live in place and only more go to the heap.

use std::fmt;
use std::ops::Deref;

const IN_PLACE: usize = 3;

/// Zero or more quality codes of a reading, in document order; use it as a `[u16]` slice.
#[derive(Clone)]
pub struct Qualities(Store);

#[derive(Clone)]
enum Store {
    Few { length: u8, codes: [u16; IN_PLACE] },
    Many(Vec<u16>),
}

impl Qualities {
    /// No code at all.
    #[must_use]
    pub const fn new() -> Self {
        Self(Store::Few {
            length: 0,
            codes: [0; IN_PLACE],
        })
    }

    /// Adds a code at the end.
    pub fn push(&mut self, code: u16) {
        match &mut self.0 {
            Store::Few { length, codes } => {
                if let Some(slot) = codes.get_mut(usize::from(*length)) {
                    *slot = code;
                    *length += 1;
                } else {
                    let mut many = codes.to_vec();
                    many.push(code);
                    self.0 = Store::Many(many);
                }
            }
            Store::Many(many) => many.push(code),
        }
    }
}

impl Deref for Qualities {
    type Target = [u16];

    fn deref(&self) -> &[u16] {
        match &self.0 {
            Store::Few { length, codes } => codes.get(..usize::from(*length)).unwrap_or_default(),
            Store::Many(many) => many,
        }
    }
}

impl Default for Qualities {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Qualities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.deref().fmt(f)
    }
}

impl PartialEq for Qualities {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Qualities {}

impl FromIterator<u16> for Qualities {
    fn from_iter<I: IntoIterator<Item = u16>>(codes: I) -> Self {
        let mut all = Self::new();
        for code in codes {
            all.push(code);
        }
        all
    }
}

impl From<&[u16]> for Qualities {
    fn from(codes: &[u16]) -> Self {
        codes.iter().copied().collect()
    }
}

impl<const N: usize> From<[u16; N]> for Qualities {
    fn from(codes: [u16; N]) -> Self {
        codes.into_iter().collect()
    }
}

impl From<Vec<u16>> for Qualities {
    fn from(codes: Vec<u16>) -> Self {
        codes.into_iter().collect()
    }
}

impl<'a> IntoIterator for &'a Qualities {
    type Item = &'a u16;
    type IntoIter = std::slice::Iter<'a, u16>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_a_vector_would() {
        for count in 0..9_u16 {
            let plain: Vec<u16> = (0..count).map(|n| n * 3).collect();
            let codes = Qualities::from(plain.clone());
            assert_eq!(&*codes, plain.as_slice());
            assert_eq!(codes, plain.iter().copied().collect::<Qualities>());
            assert_eq!(format!("{codes:?}"), format!("{plain:?}"));
        }
    }
}

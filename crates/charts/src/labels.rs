//! What a chart says of itself.

use std::fmt;

/// Title, description and axes in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// Unique on the page: titles and patterns are referred to by it.
    pub id: Id,
    /// What is shown: `Energy by month`.
    pub title: String,
    /// What there is to see, for those who cannot: `Highest in August with 612 kWh; two months are incomplete.`
    pub description: String,
    /// The horizontal axis with its unit: `Local time of day (hours)`.
    pub x: String,
    /// The vertical axis, without its unit: `Energy`.
    pub y: String,
    /// The unit of the values: `kWh`.
    pub unit: String,
}

impl Labels {
    /// `Energy (kWh)`, or the bare word where there is no unit.
    #[must_use]
    pub fn quantity(&self) -> String {
        if self.unit.is_empty() {
            self.y.clone()
        } else {
            format!("{} ({})", self.y, self.unit)
        }
    }
}

/// An `id` of HTML: lower-case letters, digits and hyphens, beginning with a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id(String);

/// Not an [`Id`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a chart's id is made of lower-case letters, digits and hyphens, beginning with a letter")]
pub struct IdError;

impl Id {
    /// Checks it.
    pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        let sound = text.starts_with(|first: char| first.is_ascii_lowercase())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if sound { Ok(Self(text)) } else { Err(IdError) }
    }

    /// `{word}-{number}`, for the charts of a page by their order; everything but lower-case letters is left out of the
    /// word.
    #[must_use]
    pub fn numbered(word: &str, number: usize) -> Self {
        let word: String = word.chars().filter(char::is_ascii_lowercase).collect();
        Self(format!("c{word}-{number}"))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_need_no_escaping() {
        for good in ["a", "power-1", "c0"] {
            assert_eq!(Id::new(good).unwrap().to_string(), good);
        }
        for bad in ["", "1a", "-a", "A", "a b", "a\"", "ä", "a<"] {
            assert_eq!(Id::new(bad), Err(IdError), "{bad:?}");
        }
        assert_eq!(Id::numbered("Heat <b>", 3).to_string(), "ceatb-3");
    }
}

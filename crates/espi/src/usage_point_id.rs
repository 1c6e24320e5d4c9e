//! The id of a usage point, checked once so that it can be used in a path or a table afterwards.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest id accepted, in bytes. PG&E's have 10 digits; others use UUIDs (36) or base64.
const MAX_LENGTH: usize = 64;

/// A usage point's id: PG&E's 10-digit service agreement number, or another custodian's spelling.
///
/// 1 to 64 characters of `A-Z a-z 0-9 - _ . ~ = + :`, the first a letter or digit, so an id can
/// neither climb out of a folder nor start a spreadsheet formula. Ids are opaque: nothing is
/// decoded from them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UsagePointId(String);

/// Why a text is no usage point id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsagePointIdError {
    /// Nothing between the slashes.
    #[error("a usage point id is empty")]
    Empty,
    /// Longer than any id seen.
    #[error("a usage point id has {0} characters, at most 64 are accepted")]
    TooLong(usize),
    /// A character that would not be safe in a path.
    #[error(
        "a usage point id holds the character {0:?}: letters, digits and - _ . ~ = + : are accepted, a letter or digit first"
    )]
    Character(char),
}

impl UsagePointId {
    /// Checks a text.
    pub fn parse(text: &str) -> Result<Self, UsagePointIdError> {
        let first = text.chars().next().ok_or(UsagePointIdError::Empty)?;
        if text.len() > MAX_LENGTH {
            return Err(UsagePointIdError::TooLong(text.len()));
        }
        if !first.is_ascii_alphanumeric() {
            return Err(UsagePointIdError::Character(first));
        }
        let unsafe_one = text
            .chars()
            .find(|c| !c.is_ascii_alphanumeric() && !"-_.~=+:".contains(*c));
        match unsafe_one {
            Some(c) => Err(UsagePointIdError::Character(c)),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UsagePointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for UsagePointId {
    type Err = UsagePointIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for UsagePointId {
    type Error = UsagePointIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<UsagePointId> for String {
    fn from(id: UsagePointId) -> Self {
        id.0
    }
}

impl AsRef<str> for UsagePointId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_as_custodians_write_them_are_accepted() {
        for id in [
            "5391320451",
            "01",
            "NB6WRU",
            "B111B9A3-BD27-52E1-B444-F79B2AB7E01B",
            "NzI6bnVsbDozNjAwOjE=",
        ] {
            assert_eq!(UsagePointId::parse(id).unwrap().as_str(), id);
        }
    }

    #[test]
    fn ids_that_could_leave_a_folder_or_start_a_formula_are_refused() {
        assert_eq!(UsagePointId::parse(""), Err(UsagePointIdError::Empty));
        for (id, c) in [
            ("..", '.'),
            ("a/b", '/'),
            ("=1+1", '='),
            ("a b", ' '),
            ("a\u{0}", '\u{0}'),
            ("a%2fb", '%'),
        ] {
            assert_eq!(
                UsagePointId::parse(id),
                Err(UsagePointIdError::Character(c))
            );
        }
        let long = "1".repeat(65);
        assert_eq!(
            UsagePointId::parse(&long),
            Err(UsagePointIdError::TooLong(65))
        );
    }
}

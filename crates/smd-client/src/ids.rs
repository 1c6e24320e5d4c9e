//! Identifiers taken from the custodian's URIs.
//!
//! They come from the last path segment, never by cutting a prefix off: the prefix is not always
//! the same. `SubscriptionID`, `RetailCustomerID` and `AuthorizationID` are one number at PG&E.

use std::{fmt, str::FromStr};

/// Longest id accepted, in characters. PG&E's have up to ten; file names and paths carry it.
const LONGEST: usize = 64;

/// A subscription, which is also the retail customer and the authorization.
///
/// Holds 1 to 64 ASCII letters, digits, `-`, `_` or `.`, and not only dots, so that it is safe as a
/// path segment of a URL and as part of a file name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriptionId(String);

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing there.
    #[error("the id is empty")]
    Empty,
    /// Longer than any id the custodian gives.
    #[error("the id has {0} characters, more than {LONGEST}")]
    TooLong(usize),
    /// A character that could leave a path or a file name.
    #[error("the id holds characters other than letters, digits, '-', '_' and '.'")]
    UnsafeCharacter,
}

impl SubscriptionId {
    /// The id in the last path segment of a resource URI, as `…/Batch/Subscription/1234`.
    ///
    /// A query, a fragment and slashes at the end do not matter; relative references are fine.
    pub fn from_uri(uri: &str) -> Result<Self, IdError> {
        last_segment(uri).parse()
    }

    /// The id as the custodian wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The last path segment of a URI that is not empty, without query and fragment.
pub(crate) fn last_segment(uri: &str) -> &str {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    path.trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default()
}

impl FromStr for SubscriptionId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.len() > LONGEST {
            return Err(IdError::TooLong(text.chars().count()));
        }
        let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !text.chars().all(safe) || text.chars().all(|c| c == '.') {
            return Err(IdError::UnsafeCharacter);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_last_segment_whatever_the_prefix() {
        for uri in [
            "https://api.pge.com/GreenButtonConnect/espi/1_1/resource/Batch/Subscription/52111",
            "https://other.example/espi/Subscription/52111/",
            "/Subscription/52111?correlationID=1#top",
            "52111",
        ] {
            assert_eq!(
                SubscriptionId::from_uri(uri).unwrap().as_str(),
                "52111",
                "{uri}"
            );
        }
    }

    #[test]
    fn refuses_what_could_leave_a_path() {
        for uri in [
            "",
            "/",
            "https://h/Subscription/..",
            "a b",
            "x\\y",
            "%2e%2e",
            "é",
            "a\0b",
        ] {
            assert!(SubscriptionId::from_uri(uri).is_err(), "{uri:?}");
        }
        assert_eq!(
            "7".repeat(65).parse::<SubscriptionId>(),
            Err(IdError::TooLong(65))
        );
    }
}

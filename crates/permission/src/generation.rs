//! Which kind of code a home has scanned, and so which words it knows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The code that the home scanned. Homes refuse unknown keys in it, so one code cannot serve both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Generation {
    /// Homes from 2025-11-12: one permission in a code, the token as `bearerToken`, schemas without versions, the
    /// end as a message on the termination topic.
    Single,
    /// Homes from 2026-02-05 (end by the termination topic) and from 2026-06-02 (end by command): all permissions
    /// of a request in one code. Which of the two a home is shows nowhere, so both ends are sent.
    Bundle,
}

impl Generation {
    /// Both, the current one first.
    pub const ALL: [Self; 2] = [Self::Bundle, Self::Single];

    /// The name in column `aiida.permission.code`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Bundle => "bundle",
        }
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No such generation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no generation of homes: there are `single` and `bundle`")]
pub struct UnknownGeneration(String);

impl FromStr for Generation {
    type Err = UnknownGeneration;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|generation| generation.name() == text)
            .ok_or_else(|| UnknownGeneration(text.to_owned()))
    }
}

//! The stages of an authorization's life.

use std::fmt;
use std::str::FromStr;

/// Where an authorization stands; the migration tells what each means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Its history is being pulled.
    Fetching,
    /// Every window is in.
    Fetched,
    /// Given up.
    Failed,
    /// Ended by the customer at the custodian before we had finished.
    Withdrawn,
    /// The customer authorized again.
    Superseded,
    /// Erased by the operator.
    Erased,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Fetching,
        Self::Fetched,
        Self::Failed,
        Self::Withdrawn,
        Self::Superseded,
        Self::Erased,
    ];

    /// Its name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fetching => "fetching",
            Self::Fetched => "fetched",
            Self::Failed => "failed",
            Self::Withdrawn => "withdrawn",
            Self::Superseded => "superseded",
            Self::Erased => "erased",
        }
    }

    /// From its name in the database, whose constraint admits no other.
    pub(in crate::smd) fn from_column(name: &str) -> Self {
        name.parse().unwrap_or(Self::Failed)
    }
}

/// This is not the name of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such stage")]
pub struct UnknownStage;

impl FromStr for Stage {
    type Err = UnknownStage;

    /// From its name in the database.
    fn from_str(name: &str) -> Result<Self, UnknownStage> {
        let mut stages = Self::ALL.into_iter();
        stages
            .find(|stage| stage.as_str() == name)
            .ok_or(UnknownStage)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_is_read_back_from_its_name() {
        for stage in Stage::ALL {
            assert_eq!(stage.to_string().parse(), Ok(stage));
        }
        assert_eq!("Fetched".parse::<Stage>(), Err(UnknownStage));
    }
}

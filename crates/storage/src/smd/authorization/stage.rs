//! The stages of an authorization's life.

use std::fmt;

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
        Self::ALL
            .into_iter()
            .find(|stage| stage.as_str() == name)
            .unwrap_or(Self::Failed)
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
            assert_eq!(Stage::from_column(&stage.to_string()), stage);
        }
    }
}

//! What must hold, each by name, with what was seen.

use std::fmt::Display;

use serde::Serialize;

/// Something that must hold.
#[derive(Debug, Clone, Serialize)]
pub struct Claim {
    /// What, in words.
    pub claim: String,
    /// Whether it does.
    pub holds: bool,
    /// What was seen.
    pub seen: String,
}

/// Claims in the order in which they were looked at.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Claims(Vec<Claim>);

impl Claims {
    /// Notes a claim.
    pub fn note(&mut self, claim: impl Into<String>, holds: bool, seen: impl Display) {
        self.0.push(Claim {
            claim: claim.into(),
            holds,
            seen: seen.to_string(),
        });
    }

    /// Notes a claim that holds unless looking at it failed, and gives what was found.
    pub fn take<T>(
        &mut self,
        claim: impl Into<String>,
        seen: impl FnOnce(&T) -> String,
        outcome: Result<T, impl Display>,
    ) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.note(claim, true, seen(&value));
                Some(value)
            }
            Err(error) => {
                self.note(claim, false, format!("{error:#}"));
                None
            }
        }
    }

    /// Adds others.
    pub fn append(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Adds others, with `whose` before their names.
    pub fn extend(&mut self, whose: &str, others: Self) {
        self.0.extend(others.0.into_iter().map(|it| Claim {
            claim: format!("{whose}: {}", it.claim),
            ..it
        }));
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Claim] {
        &self.0
    }

    /// Those that do not hold.
    #[must_use]
    pub fn failed(&self) -> Vec<&Claim> {
        self.0.iter().filter(|it| !it.holds).collect()
    }
}

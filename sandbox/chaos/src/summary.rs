//! What a suite came to, for people and for `summary.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use demo::{BoxError, Claims};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::load::failed;

/// One suite.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// Its name.
    pub suite: String,
    /// What its moments and victims came from.
    pub seed: u64,
    /// How long it took.
    pub seconds: u64,
    /// What was broken, and how often.
    pub done: BTreeMap<String, u64>,
    /// Walks through the custodian's pages that came to an end.
    pub authorizations: u64,
    /// Of which the customer took the consent back in time.
    pub withdrawn: u64,
    /// Requests to the custodian's API.
    pub requests: u64,
    /// Homes that streamed.
    pub homes: u64,
    /// Homes whose acceptance met a fault: they do not repeat it.
    pub stranded: u64,
    /// Records that the broker acknowledged to the homes.
    pub messages: u64,
    /// Readings that were acknowledged to homes and are not stored.
    pub lost: u64,
    /// How many things were looked at that must hold.
    pub looked_at: usize,
    /// Those that do not hold, with what was seen.
    pub failed: Vec<String>,
    /// What else the suite has to say.
    pub notes: BTreeMap<String, Value>,
}

impl Summary {
    pub(crate) fn new(suite: &str, seed: u64) -> Self {
        Self {
            suite: suite.to_owned(),
            seed,
            ..Self::default()
        }
    }

    pub(crate) fn take(&mut self, claims: &Claims) {
        self.looked_at += claims.all().len();
        self.failed.extend(failed(claims));
    }

    /// Everything that must hold does, and something was looked at.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.failed.is_empty() && self.looked_at > 0
    }

    /// One line.
    #[must_use]
    pub fn line(&self) -> String {
        let done: Vec<String> = self
            .done
            .iter()
            .map(|(what, times)| format!("{what} {times}"))
            .collect();
        format!(
            "{}: {} (seed {}): {}; {} authorizations ({} withdrawn), {} requests, {} homes ({} more stranded), {} messages ({} readings lost), {} claims, {} s",
            self.suite,
            if self.holds() { "holds" } else { "FAILED" },
            self.seed,
            done.join(", "),
            self.authorizations,
            self.withdrawn,
            self.requests,
            self.homes,
            self.stranded,
            self.messages,
            self.lost,
            self.looked_at,
            self.seconds,
        )
    }

    /// Enters it in `summary.json`, beside what other suites left there.
    pub(crate) fn enter(&self, folder: &Path) -> Result<(), BoxError> {
        let path = folder.join("summary.json");
        let before = fs::read(&path).ok();
        let before = before.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut all: Map<String, Value> = before.unwrap_or_default();
        all.insert(self.suite.clone(), serde_json::to_value(self)?);
        fs::write(path, serde_json::to_string_pretty(&all)? + "\n")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_said_and_nothing_looked_at_does_not_hold() {
        let mut summary = Summary::new("kills", 7);
        assert!(!summary.holds());
        let mut claims = Claims::default();
        claims.note("it is there", true, "yes");
        summary.take(&claims);
        assert!(summary.holds() && summary.line().starts_with("kills: holds (seed 7)"));
        claims.note("it is here", false, "no");
        summary.take(&claims);
        assert!(!summary.holds());
        assert_eq!(summary.failed, ["it is here: no"]);
    }

    #[test]
    fn suites_stand_beside_each_other() {
        let folder = tempfile::tempdir().unwrap();
        for suite in ["kills", "broker", "kills"] {
            Summary::new(suite, 1).enter(folder.path()).unwrap();
        }
        let text = fs::read(folder.path().join("summary.json")).unwrap();
        let all: Map<String, Value> = serde_json::from_slice(&text).unwrap();
        let mut suites: Vec<&String> = all.keys().collect();
        suites.sort();
        assert_eq!(suites, ["broker", "kills"]);
    }
}

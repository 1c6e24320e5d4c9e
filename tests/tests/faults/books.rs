//! What must be true of the whole stack when every journey is over.

use std::fs;

use custodian::ledger::{RequestKind, RequestRecord};
use demo::check;

use crate::kinds::Kind;
use crate::table::End;
use crate::world::{Outcome, World};

/// No job of a customer is left that lives; time has passed for those that had only to end.
const NO_LIVE_JOB: &str = "SELECT count(*) = 0 FROM jobs.job
    WHERE state IN ('available', 'running') AND unique_key <> 'schedule'";

/// Nothing lies where feeds are staged, and no authorization waits for its end.
const NOTHING_LEFT: &str = "SELECT (SELECT count(*) FROM smd.staged_reading) = 0
    AND (SELECT count(*) FROM smd.authorization WHERE released_at IS NULL) = 0
    AND (SELECT count(*) FROM smd.notice WHERE collected_at IS NULL) = 0";

impl World {
    /// Everything that is wrong.
    pub(crate) async fn books(&self, outcomes: &[Outcome]) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut note = |what: &str, holds: bool| {
            if !holds {
                wrong.push(what.to_owned());
            }
        };
        let over = self.quickly(self.soon(NO_LIVE_JOB)).await;
        note("a job of a customer is still there", over);
        note(
            "something is left in the database",
            self.soon(NOTHING_LEFT).await,
        );
        note(
            "a token is left",
            self.stack.sql(check::NO_TOKEN_LEFT).await.is_ok(),
        );
        note("a temporary file is left", self.no_temporary_file());
        wrong.extend(self.what_the_operator_does_not_see(outcomes));
        wrong.extend(self.deletions(outcomes).await);
        wrong.extend(self.personal_in_logs().await);
        if self.stack.cluster.log().contains("deadlock") {
            wrong.push("a deadlock in the database".to_owned());
        }
        wrong
    }

    /// Whether a condition comes to hold in time.
    pub(crate) async fn soon(&self, condition: &str) -> bool {
        let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
        while !self.stack.holds(condition).await.unwrap() {
            if std::time::Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        true
    }

    fn no_temporary_file(&self) -> bool {
        let entries = fs::read_dir(self.stack.output()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names
            .into_iter()
            .all(|name| !name.to_string_lossy().starts_with('.'))
    }

    /// Runs a command of the operator's.
    pub(crate) fn metergate(&self, arguments: &[&str]) -> String {
        let mut command = self.stack.metergate().unwrap();
        let output = command.args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &*String::from_utf8_lossy(&output.stderr)
    }

    /// Each customer who failed is there as failed, each with the job that was given up.
    fn what_the_operator_does_not_see(&self, outcomes: &[Outcome]) -> Vec<String> {
        let failed = outcomes
            .iter()
            .filter(|it| it.case.end == End::Failed)
            .count();
        let withdrawn = outcomes
            .iter()
            .filter(|it| it.case.end == End::Withdrawn)
            .count();
        let lines = |arguments: &[&str]| {
            let all = ["--limit", "5000"];
            let text = self.metergate(&[arguments, &all].concat());
            // The head is no row.
            text.lines().count().saturating_sub(1)
        };
        let seen = [
            (
                "customers who failed",
                failed,
                lines(&["customers", "list", "--stage", "failed"]),
            ),
            (
                "customers who withdrew",
                withdrawn,
                lines(&["customers", "list", "--stage", "withdrawn"]),
            ),
            (
                "fetches that were given up",
                failed,
                lines(&[
                    "jobs",
                    "list",
                    "--kind",
                    "smd.fetch",
                    "--state",
                    "discarded",
                ]),
            ),
        ];
        let wrong = seen.iter().filter(|(_, are, shown)| are != shown);
        wrong
            .map(|(what, are, shown)| format!("{what}: {are}, the operator is shown {shown}"))
            .collect()
    }

    /// Every authorization was deleted with one success, unless a fault swallowed the answer.
    async fn deletions(&self, outcomes: &[Outcome]) -> Vec<String> {
        let log: Vec<RequestRecord> = self.site.control("requests/log").await.unwrap();
        let mut wrong = Vec::new();
        for outcome in outcomes.iter().filter(|it| it.wrong.is_none()) {
            let case = outcome.case;
            let unheard = [Kind::AnswerLost, Kind::ServerErrorAfter, Kind::Silent];
            let said_done = [Kind::Page, Kind::Json, Kind::Empty, Kind::NoContent];
            let at_delete = case.place == crate::places::Place::Delete;
            if at_delete && (unheard.contains(&case.kind) || said_done.contains(&case.kind)) {
                continue;
            }
            let expected = usize::from(case.end != End::Withdrawn);
            let all = self.authorizations(&outcome.customer).await;
            let Some(newest) = all.last() else { continue };
            let path = format!("/Authorization/{}", newest.id);
            let deleted = log.iter().filter(|it| {
                it.kind == RequestKind::AuthorizationDelete
                    && it.target.ends_with(&path)
                    && it.status == Some(200)
            });
            let deleted = deleted.count();
            if deleted != expected {
                wrong.push(format!("{case}: deleted {deleted} times, not {expected}"));
            }
        }
        wrong
    }

    /// What the sandbox knows to be personal, and secrets, as whole words in a log.
    async fn personal_in_logs(&self) -> Vec<String> {
        let logs = self.stack.logs();
        let mut words: std::collections::HashSet<&str> = logs.split(|c| !is_of_word(c)).collect();
        words.remove("");
        let mut wrong = Vec::new();
        if !logs.contains("the authorization is ended") {
            wrong.push("these are not the logs".to_owned());
        }
        for value in self.site.personal().await.unwrap() {
            let is_there = if value.chars().all(is_of_word) {
                words.contains(value.as_str())
            } else {
                logs.contains(&value)
            };
            if is_there {
                wrong.push(format!("{value:?} is in the logs"));
            }
        }
        for parameter in ["code=", "state=", "Bearer ", "refresh_token="] {
            if logs.contains(parameter) {
                wrong.push(format!("{parameter:?} is in the logs"));
            }
        }
        wrong
    }
}

const fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

//! What a handler is given and what it answers.

use std::fmt::Display;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use serde_json::Value;
use service_kit::config::chain;
use tokio_util::sync::CancellationToken;

use crate::{JobKind, Lease, LeaseLost};

/// How a run ended. Notes are one short line for the operator: nothing personal, no secret.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Done.
    Done,
    /// Done, with something for whoever waits for the job.
    DoneWith(Value),
    /// Failed for now: again after the back-off, or given up after the last attempt.
    Retry(String),
    /// Not ready yet: again after this time; costs no attempt.
    Snooze(Duration),
    /// No longer wanted.
    Cancel(String),
    /// Failed for good: given up at once, unless its kind is never given up.
    Fail(String),
    /// The program is stopping: again at once, elsewhere; costs no attempt.
    HandBack,
}

impl Outcome {
    /// A failed attempt, in one line with its causes.
    pub fn retry(error: &(impl std::error::Error + 'static)) -> Self {
        Self::Retry(chain(error))
    }

    /// A failure that no repetition mends.
    pub fn fail(reason: impl Display) -> Self {
        Self::Fail(reason.to_string())
    }
}

/// A claimed job.
#[derive(Debug)]
pub struct Job<K> {
    /// Its id in the job table.
    pub id: i64,
    /// What it is about.
    pub payload: K,
    /// 1 for the first attempt, as of the claim; see [`Job::is_last_attempt`].
    pub attempt: i32,
    /// Attempts after which it is given up; `None`: never.
    pub max_attempts: Option<i32>,
    /// To be held in every transaction that writes.
    pub lease: Lease,
    /// Cancelled when the program is about to stop: a long handler ends at its next checkpoint with
    /// [`Outcome::HandBack`].
    pub stopping: CancellationToken,
    pub(crate) progressed: AtomicBool,
}

impl<K> Job<K> {
    /// [`Lease::progressed`], remembered for [`Job::is_last_attempt`].
    pub async fn progressed(&self, conn: &mut AsyncPgConnection) -> Result<(), LeaseLost> {
        self.lease.progressed(conn).await?;
        self.progressed.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the job is given up when this run fails. Progress made in this run counts as a first
    /// attempt.
    pub fn is_last_attempt(&self) -> bool {
        let attempt = if self.progressed.load(Ordering::Relaxed) {
            1
        } else {
            self.attempt
        };
        self.max_attempts.is_some_and(|most| attempt >= most)
    }
}

/// Runs the jobs of one kind. Idempotent: the same job may run again from its start at any time,
/// also while an older run of it still believes to hold the lease.
pub trait Handler<K: JobKind>: Send + Sync + 'static {
    /// Runs one job. Dropped at any await when the lease is lost, the deadline passes or the program
    /// must stop at once.
    fn run(&self, job: Job<K>) -> impl Future<Output = Outcome> + Send;
}

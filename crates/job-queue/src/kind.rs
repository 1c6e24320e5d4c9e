//! What is declared of a kind of job, in one place, and how the database learns of it.

use std::time::Duration;

use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::QueueError;

/// How often a failing job is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Given up after this many attempts without progress in between.
    Attempts(i32),
    /// Never given up; an alarm is raised when it is older than an hour.
    Forever,
}

/// What happens, in the discarding transaction, when a job is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discard {
    /// The row stays for the operator; nothing else.
    Keep,
    /// A job of this kind is enqueued with the same payload and key, whoever discards.
    Enqueue(&'static str),
}

/// Everything the job table knows of a kind.
#[derive(Debug, Clone, Copy)]
pub struct KindSpec {
    /// Unique name, `context.verb`.
    pub name: &'static str,
    /// The database role whose members may run it.
    pub run_by: &'static str,
    /// The database roles whose members may enqueue it (the discard action needs no right).
    pub enqueued_by: &'static [&'static str],
    /// How often it is tried.
    pub retry: Retry,
    /// Wait after the first failure; doubled each time.
    pub backoff_first: Duration,
    /// The longest wait between two attempts.
    pub backoff_limit: Duration,
    /// How long a killed worker's job stays unclaimed. Renewed three times per lease.
    pub lease: Duration,
    /// One run never takes longer than this.
    pub deadline: Duration,
    /// What follows when it is given up.
    pub on_discard: Discard,
    /// Enqueued by itself once per this time.
    pub every: Option<Duration>,
    /// Somebody may [`wait_for`](crate::wait_for) it: its end is notified.
    pub announced: bool,
}

impl KindSpec {
    /// Ten attempts, back-off from one second to ten minutes, 30 s lease, 10 min deadline, kept
    /// for the operator when given up, not periodic, not announced.
    #[must_use]
    pub const fn new(
        name: &'static str,
        run_by: &'static str,
        enqueued_by: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            run_by,
            enqueued_by,
            retry: Retry::Attempts(10),
            backoff_first: Duration::from_secs(1),
            backoff_limit: Duration::from_mins(10),
            lease: Duration::from_secs(30),
            deadline: Duration::from_mins(10),
            on_discard: Discard::Keep,
            every: None,
            announced: false,
        }
    }
}

/// A kind of job: the type is its payload. Ids only: nothing personal, no secret, no document.
pub trait JobKind: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What the job table knows of it.
    const SPEC: KindSpec;

    /// At most one live job has this key; `None` allows any number.
    fn unique_key(&self) -> Option<String>;
}

/// Writes the declared kinds into the database; part of migrating, in one transaction. Kinds that are
/// no longer declared stay, because jobs of theirs may be there, but are no longer periodic.
pub async fn declare(conn: &mut AsyncPgConnection, kinds: &[KindSpec]) -> Result<(), QueueError> {
    for kind in kinds {
        let (on_discard, max_attempts) = (
            match kind.on_discard {
                Discard::Keep => None,
                Discard::Enqueue(name) => Some(name),
            },
            match kind.retry {
                Retry::Attempts(n) => Some(n),
                Retry::Forever => None,
            },
        );
        diesel::sql_query(
            "INSERT INTO jobs.kind (name, run_by, enqueued_by, max_attempts, backoff_first, backoff_limit,
                                    lease, deadline, on_discard, every, announced)
             VALUES ($1, $2, $3, $4, $5 * interval '1 ms', $6 * interval '1 ms',
                     $7 * interval '1 ms', $8 * interval '1 ms', $9, $10 * interval '1 ms', $11)
             ON CONFLICT (name) DO UPDATE SET
                run_by = excluded.run_by, enqueued_by = excluded.enqueued_by,
                max_attempts = excluded.max_attempts, backoff_first = excluded.backoff_first,
                backoff_limit = excluded.backoff_limit, lease = excluded.lease, deadline = excluded.deadline,
                on_discard = excluded.on_discard, every = excluded.every, announced = excluded.announced",
        )
        .bind::<Text, _>(kind.name)
        .bind::<Text, _>(kind.run_by)
        .bind::<Array<Text>, _>(kind.enqueued_by)
        .bind::<Nullable<Integer>, _>(max_attempts)
        .bind::<BigInt, _>(millis(kind.backoff_first))
        .bind::<BigInt, _>(millis(kind.backoff_limit))
        .bind::<BigInt, _>(millis(kind.lease))
        .bind::<BigInt, _>(millis(kind.deadline))
        .bind::<Nullable<Text>, _>(on_discard)
        .bind::<Nullable<BigInt>, _>(kind.every.map(millis))
        .bind::<Bool, _>(kind.announced)
        .execute(conn)
        .await?;
    }
    diesel::sql_query("UPDATE jobs.kind SET every = NULL WHERE name <> ALL ($1)")
        .bind::<Array<Text>, _>(kinds.iter().map(|kind| kind.name).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    diesel::sql_query(
        "INSERT INTO jobs.schedule (kind, due_at) SELECT name, clock_timestamp() FROM jobs.kind WHERE every IS NOT NULL
         ON CONFLICT (kind) DO NOTHING",
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whole milliseconds for `$n * interval '1 ms'`, at most a century: more would leave the range of the database's times.
#[must_use]
pub fn millis(duration: Duration) -> i64 {
    const CENTURY: i64 = 100 * 365 * 24 * 3_600 * 1_000;
    i64::try_from(duration.as_millis())
        .unwrap_or(CENTURY)
        .min(CENTURY)
}

//! `smd.fetch`: prepare once, then one window after the other; each is a checkpoint.

mod prepare;
mod pull;

pub(crate) use prepare::Findings;

use std::time::Duration;

use diesel_async::AsyncConnection;
use jiff::SignedDuration;
use job_queue::{Handler, Job, Outcome};
use storage::kinds::{CsvExport, SmdFetch, SmdRelease};
use storage::smd::AuthorizationId;
use storage::smd::authorization::{self, Authorization, Stage};
use storage::smd::plan::{self, Pull};
use storage::smd::reading;
use storage::smd::{erasure, notice};

use crate::Fetcher;
use crate::consent;
use crate::error::StepError;

/// When to look again whether what was announced is collected.
const COLLECTING: Duration = Duration::from_secs(5);

/// Requests for one window that were answered 202 and brought no notification.
const MOST_ASKED: i32 = 3;

impl Handler<SmdFetch> for Fetcher {
    async fn run(&self, job: Job<SmdFetch>) -> Outcome {
        let id = job.payload.authorization;
        match self.fetch(&job).await {
            Ok(outcome) => outcome,
            Err(error) => match self.judge(&job, error).await {
                Ok(outcome) => outcome,
                Err(error) => {
                    tracing::warn!(authorization = %id, %error, "a failed step could not be noted");
                    Outcome::retry(&error)
                }
            },
        }
    }
}

/// What to do next for an authorization.
enum Next<'a> {
    Pull(&'a Pull),
    /// Every open window waits for a notification; the first is asked again after this time.
    Wait(Duration),
    Complete,
}

/// The first window of each usage point that is not in; `pulls` are in order of usage points.
fn first_open(pulls: &[Pull]) -> impl Iterator<Item = &Pull> {
    let mut last_seen = None;
    pulls
        .iter()
        .filter(|pull| !pull.received)
        .filter(move |pull| last_seen.replace(&pull.usage_point) != Some(&pull.usage_point))
}

fn never_delivered() -> StepError {
    StepError::Hopeless {
        reason: format!("asked {MOST_ASKED} times for a window, and no notification came"),
        words: "PG&E announced your usage but never delivered it. Please start again later.",
    }
}

impl Fetcher {
    async fn fetch(&self, job: &Job<SmdFetch>) -> Result<Outcome, StepError> {
        let id = job.payload.authorization;
        loop {
            if job.stopping.is_cancelled() {
                return Ok(Outcome::HandBack);
            }
            let Some(authorization) = self.authorization(id).await? else {
                return Ok(Outcome::Cancel("there is no such authorization".to_owned()));
            };
            match authorization.stage {
                Stage::Fetching => {}
                stage => {
                    self.findings.lock().await.remove(&id);
                    return self.after(job, stage).await;
                }
            }
            self.refuse_overdue(&authorization)?;
            if !authorization.planned {
                self.prepare(job, &authorization).await?;
                continue;
            }
            let pulls = self.pulls(id).await?;
            match self.next(&pulls)? {
                Next::Pull(pull) => self.pull(job, &authorization, pull).await?,
                Next::Wait(time) => return Ok(Outcome::Snooze(time)),
                Next::Complete => return self.complete(job, &pulls).await,
            }
        }
    }

    async fn authorization(&self, id: AuthorizationId) -> Result<Option<Authorization>, StepError> {
        let mut conn = self.database.get().await?;
        Ok(authorization::get(&mut conn, id).await?)
    }

    async fn pulls(&self, id: AuthorizationId) -> Result<Vec<Pull>, StepError> {
        let mut conn = self.database.get().await?;
        Ok(plan::pulls(&mut conn, id).await?)
    }

    /// The history is not being fetched any more.
    async fn after(&self, job: &Job<SmdFetch>, stage: Stage) -> Result<Outcome, StepError> {
        match stage {
            // Killed between the note and the end of the run.
            Stage::Failed => Ok(Outcome::fail("given up before")),
            Stage::Superseded => self.forget(job).await,
            _ => Ok(Outcome::Done),
        }
    }

    /// The customer authorized again: what was pulled under the older authorization goes.
    async fn forget(&self, job: &Job<SmdFetch>) -> Result<Outcome, StepError> {
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            erasure::erase_data(conn, job.payload.authorization).await?;
            Ok::<_, StepError>(())
        })
        .await?;
        Ok(Outcome::Done)
    }

    /// Waiting costs no attempts, so time is what bounds it.
    fn refuse_overdue(&self, authorization: &Authorization) -> Result<(), StepError> {
        let limit = SignedDuration::from_hours(i64::from(self.config.fetch.give_up_hours));
        let age = authorization
            .read_at
            .duration_since(authorization.authorized_at);
        if age < limit {
            return Ok(());
        }
        Err(StepError::Hopeless {
            reason: format!(
                "not complete after {} hours",
                self.config.fetch.give_up_hours
            ),
            words: "PG&E did not deliver your usage in time. Please start again.",
        })
    }

    /// The first open window of the first usage point that waits for nothing: one request is
    /// outstanding per usage point.
    fn next<'a>(&self, pulls: &'a [Pull]) -> Result<Next<'a>, StepError> {
        let patience = Duration::from_mins(u64::from(self.config.fetch.ask_again_minutes));
        let mut shortest: Option<Duration> = None;
        for pull in first_open(pulls) {
            let Some(waited) = pull.accepted_ms_ago else {
                return Ok(Next::Pull(pull));
            };
            let waited = Duration::from_millis(u64::try_from(waited).unwrap_or(0));
            let left = patience.saturating_sub(waited);
            if !left.is_zero() {
                shortest = Some(shortest.map_or(left, |shortest| shortest.min(left)));
            } else if pull.accepted < MOST_ASKED {
                return Ok(Next::Pull(pull));
            } else {
                return Err(never_delivered());
            }
        }
        Ok(shortest.map_or(Next::Complete, Next::Wait))
    }

    /// Every window is in: one transaction says so and asks for the release and the files.
    async fn complete(&self, job: &Job<SmdFetch>, pulls: &[Pull]) -> Result<Outcome, StepError> {
        let id = job.payload.authorization;
        let mut conn = self.database.get().await?;
        // A window may be announced in pieces: what waits to be collected may still belong to it.
        if pulls.iter().any(|pull| pull.accepted > 0) {
            let own = notice::waiting(&mut conn, Some(id)).await?;
            if own + notice::waiting(&mut conn, None).await? > 0 {
                return Ok(Outcome::Snooze(COLLECTING));
            }
        }
        if reading::series_of(&mut conn, id).await?.is_empty() {
            return Err(StepError::Hopeless {
                reason: "every window is empty".to_owned(),
                words: "PG&E has no usage of yours yet for the time we asked for. Please start again in a few days.",
            });
        }
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            // Jobs before the authorization: whoever erases it takes them in the same order.
            job_queue::enqueue_one(conn, &SmdRelease { authorization: id }).await?;
            job_queue::enqueue_one(conn, &CsvExport { authorization: id }).await?;
            let known = authorization::lock(conn, id).await?;
            if known.is_none_or(|known| known.stage != Stage::Fetching) {
                return Err(StepError::NotWanted);
            }
            authorization::mark_fetched(conn, id).await?;
            Ok(())
        })
        .await?;
        metrics::counter!("smd_histories_fetched_total").increment(1);
        tracing::info!(authorization = %id, "every window is in");
        Ok(Outcome::Done)
    }

    /// What a failed step means: withdrawn consent, a wait, another attempt, or the end.
    async fn judge(&self, job: &Job<SmdFetch>, error: StepError) -> Result<Outcome, StepError> {
        let id = job.payload.authorization;
        let known = self.authorization(id).await?;
        let Some(known) = known.filter(|known| known.stage == Stage::Fetching) else {
            // Withdrawn, superseded or erased while the step was under way: that is why it failed. The
            // next run says what follows.
            return Ok(Outcome::Snooze(Duration::ZERO));
        };
        let error = consent::find_out(self, &known, error).await;
        if matches!(error, StepError::Withdrawn) {
            consent::withdraw_now(self, &job.lease, id).await?;
            return Ok(Outcome::Done);
        }
        let outcome = match error.outcome() {
            // The last attempt: say why before the job table gives the job up.
            Outcome::Retry(line) if job.is_last_attempt() => Outcome::Fail(line),
            other => other,
        };
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            if matches!(outcome, Outcome::Fail(_)) {
                authorization::mark_failed(conn, id, error.last_words()).await?;
            } else {
                authorization::note_delay(conn, id, Some(error.words())).await?;
            }
            Ok::<_, StepError>(())
        })
        .await?;
        Ok(outcome)
    }
}

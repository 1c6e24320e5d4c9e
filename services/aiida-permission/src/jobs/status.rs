//! `aiida.status`: what a home tells of a permission that it has accepted.

use job_queue::{Handler, Job, Outcome};
use permission::{Status, Step};
use storage::aiida::event::Cause;
use storage::aiida::permission as table;
use storage::kinds::AiidaStatus;

use super::{JobError, Jobs};

impl Handler<AiidaStatus> for Jobs {
    async fn run(&self, job: Job<AiidaStatus>) -> Outcome {
        match self.hear(&job).await {
            Ok(outcome) => {
                let status = job.payload.status.name();
                metrics::counter!(
                    "aiida_status_messages_total", "status" => status, "outcome" => outcome
                )
                .increment(1);
                Outcome::Done
            }
            Err(error) => error.outcome(),
        }
    }
}

impl Jobs {
    /// Answers what became of it, for the count.
    async fn hear(&self, job: &Job<AiidaStatus>) -> Result<&'static str, JobError> {
        let AiidaStatus {
            permission: id,
            status: told,
        } = job.payload;
        let mut conn = self.database.get().await?;
        let Some(permission) = table::get(&mut conn, id).await? else {
            return Ok("unknown");
        };
        let Some((step, detail)) = step(permission.status, told) else {
            return Ok("ignored");
        };
        if !self
            .end(job, &mut conn, id, step, Cause::Home, detail)
            .await?
        {
            // Somebody else was quicker; the job runs again and looks from where the permission stands now.
            return Err(JobError::Elsewhere);
        }
        tracing::info!(permission = %id, status = %step.to(), "a home has ended a permission");
        Ok("taken")
    }
}

/// Where a home's word leads from where the permission stands.
fn step(at: Status, told: Status) -> Option<(Step, Option<&'static str>)> {
    match (at, told) {
        (Status::Accepted, Status::Revoked | Status::Fulfilled)
        | (Status::RequiresExternalTermination, Status::ExternallyTerminated) => {
            Some((at.step(told).ok()?, None))
        }
        // It had ended the permission itself when our command came, and does not answer that any more. Waiting for
        // an answer would leave the door open for days.
        (Status::RequiresExternalTermination, Status::Revoked | Status::Fulfilled) => {
            let detail = match told {
                Status::Revoked => "the household had revoked it already",
                _ => "the home had fulfilled it already",
            };
            Some((at.step(Status::ExternallyTerminated).ok()?, Some(detail)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_take_these_steps_and_no_others() {
        let mut taken = Vec::new();
        for at in Status::ALL {
            for told in Status::ALL {
                if let Some((step, _)) = step(at, told) {
                    taken.push(format!("{at} + {told} = {}", step.to()));
                }
            }
        }
        assert_eq!(
            taken,
            [
                "ACCEPTED + REVOKED = REVOKED",
                "ACCEPTED + FULFILLED = FULFILLED",
                "REQUIRES_EXTERNAL_TERMINATION + REVOKED = EXTERNALLY_TERMINATED",
                "REQUIRES_EXTERNAL_TERMINATION + FULFILLED = EXTERNALLY_TERMINATED",
                "REQUIRES_EXTERNAL_TERMINATION + EXTERNALLY_TERMINATED = EXTERNALLY_TERMINATED",
            ]
        );
    }
}

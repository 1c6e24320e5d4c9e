//! `smd.release`: ends an authorization at the custodian, confirms it, erases the tokens. Never given up.

use diesel_async::AsyncConnection;
use job_queue::{Handler, Job, Outcome};
use serde_json::json;
use smd_client::{Deletion, Error};
use storage::audit;
use storage::kinds::SmdRelease;
use storage::smd::authorization::{self, Authorization, Stage};
use storage::smd::{erasure, tokens};

use crate::Fetcher;
use crate::consent::{self, Standing};
use crate::error::StepError;

/// For a history that was given up without anybody left to say why.
const GIVEN_UP: &str = "Your usage could not be fetched. Please start again; if it happens twice, tell the operator of this service.";

impl Handler<SmdRelease> for Fetcher {
    async fn run(&self, job: Job<SmdRelease>) -> Outcome {
        match self.release(&job).await {
            Ok(outcome) => outcome,
            Err(error) => error.outcome(),
        }
    }
}

impl Fetcher {
    async fn release(&self, job: &Job<SmdRelease>) -> Result<Outcome, StepError> {
        let id = job.payload.authorization;
        let known = {
            let mut conn = self.database.get().await?;
            authorization::get(&mut conn, id).await?
        };
        let Some(known) = known else {
            return Ok(Outcome::Cancel("there is no such authorization".to_owned()));
        };
        if known.stage == Stage::Fetching {
            self.note_given_up(job).await?;
        }
        if !known.released && !self.end(&known).await? {
            return Ok(Outcome::Retry(
                "the custodian says that the authorization is still active after its deletion"
                    .to_owned(),
            ));
        }
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            let stage = authorization::lock(conn, id).await?.map(|it| it.stage);
            authorization::mark_released(conn, id).await?;
            tokens::erase(conn, id).await?;
            if stage == Some(Stage::Failed) {
                // Nothing will come of what was pulled.
                erasure::erase_data(conn, id).await?;
            }
            erasure::finish(conn, id).await?;
            audit::record(
                conn,
                "smd.released",
                Some(id.uuid()),
                &json!({ "stage": known.stage.as_str() }),
            )
            .await?;
            Ok::<_, StepError>(())
        })
        .await?;
        metrics::counter!("smd_releases_total").increment(1);
        tracing::info!(authorization = %id, "the authorization is ended and its tokens are erased");
        Ok(Outcome::Done)
    }

    /// The fetch was given up by the job table: the customer is told before the release takes its time.
    async fn note_given_up(&self, job: &Job<SmdRelease>) -> Result<(), StepError> {
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            authorization::mark_failed(conn, job.payload.authorization, GIVEN_UP).await?;
            Ok::<_, StepError>(())
        })
        .await
    }

    /// Deletes the authorization and says whether it is gone. Where the address does not say it, the list of all does.
    async fn end(&self, known: &Authorization) -> Result<bool, StepError> {
        match self.end_at_its_address(known).await {
            Err(error @ StepError::Custodian(Error::NotFound { .. } | Error::Html { .. })) => {
                if self.is_unlisted(known).await? {
                    Ok(true)
                } else {
                    Err(error)
                }
            }
            ended => ended,
        }
    }

    /// "Not found" counts only at an address that has answered before: a wrong base URL must not look like a deletion.
    async fn end_at_its_address(&self, known: &Authorization) -> Result<bool, StepError> {
        let uri = known.authorization_uri.as_deref().unwrap_or_default();
        let known = &if known.seen {
            known.clone()
        } else {
            consent::look(self, known).await?;
            Authorization {
                seen: true,
                ..known.clone()
            }
        };
        match self.client.delete_authorization(uri, known.seen).await {
            Ok(Deletion::AlreadyGone) => Ok(true),
            // Perhaps it cannot be ended because it has ended: only the custodian's word counts.
            Err(error @ (Error::Unauthorized { .. } | Error::Refused { .. })) => {
                match consent::look(self, known).await? {
                    Standing::Ended => Ok(true),
                    Standing::Active => Err(error.into()),
                }
            }
            Err(error) => Err(error.into()),
            Ok(Deletion::Deleted) => match consent::look(self, known).await {
                Ok(standing) => Ok(standing == Standing::Ended),
                // Some custodians refuse to show what has ended.
                Err(StepError::Custodian(Error::Unauthorized { .. })) => Ok(true),
                Err(error) => Err(error),
            },
        }
    }

    /// Whether an authorization is gone though its address does not say so, because it has never answered (as after an
    /// old backup was restored) or answers with a web page: the address is of the configured custodian, which lists our
    /// authorizations, and this one is not among them. A wrong base address, or maintenance, has no such list.
    async fn is_unlisted(&self, known: &Authorization) -> Result<bool, StepError> {
        let uri = known.authorization_uri.as_deref().unwrap_or_default();
        let Some(subscription) = known.subscription_id.as_deref() else {
            return Ok(false);
        };
        if self.client.own_link(uri).is_err() {
            return Ok(false);
        }
        let listed = self.client.authorizations().await?;
        let is_there = listed.iter().any(|one| one.id.as_str() == subscription);
        if !is_there {
            tracing::warn!(authorization = %known.id, "the custodian does not list the authorization: taken for ended");
        }
        Ok(!is_there)
    }
}

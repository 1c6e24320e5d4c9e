//! `smd.recheck`: the custodian says that an authorization has changed.

use diesel_async::AsyncConnection;
use job_queue::{Handler, Job, Outcome};
use storage::kinds::SmdRecheck;
use storage::smd::authorization::{self, Stage};
use storage::smd::tokens;

use crate::Fetcher;
use crate::consent::{self, Standing};
use crate::error::StepError;

impl Handler<SmdRecheck> for Fetcher {
    async fn run(&self, job: Job<SmdRecheck>) -> Outcome {
        match self.recheck(&job).await {
            Ok(()) => Outcome::Done,
            Err(error) => error.outcome(),
        }
    }
}

impl Fetcher {
    async fn recheck(&self, job: &Job<SmdRecheck>) -> Result<(), StepError> {
        let id = job.payload.authorization;
        let known = {
            let mut conn = self.database.get().await?;
            authorization::get(&mut conn, id).await?
        };
        let Some(known) = known.filter(|known| !known.released) else {
            return Ok(());
        };
        if consent::look(self, &known).await? == Standing::Active {
            return Ok(());
        }
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            match authorization::lock(conn, id).await? {
                Some(known) if known.stage == Stage::Fetching => {
                    consent::withdraw(conn, id).await?;
                }
                // Everything was in before it ended: nothing is left to release.
                Some(_) => {
                    authorization::mark_released(conn, id).await?;
                    tokens::erase(conn, id).await?;
                }
                None => {}
            }
            Ok::<_, StepError>(())
        })
        .await
    }
}

//! One window of one usage point.

use diesel_async::AsyncConnection;
use espi::UsagePointId;
use jiff::SignedDuration;
use job_queue::Job;
use smd_client::{Batch, Body, Window};
use storage::kinds::SmdFetch;
use storage::smd::authorization::{self, Authorization};
use storage::smd::plan::{self, Pull};
use storage::smd::reading;

use super::prepare::subscription;
use crate::Fetcher;
use crate::error::StepError;
use crate::ingest::{self, IngestError};
use crate::tokens::Stored;

impl Fetcher {
    pub(super) async fn pull(
        &self,
        job: &Job<SmdFetch>,
        known: &Authorization,
        pull: &Pull,
    ) -> Result<(), StepError> {
        let tokens = Stored {
            fetcher: self,
            authorization: known.id,
        };
        let usage_point: UsagePointId = pull
            .usage_point
            .parse()
            .map_err(|_| IngestError::NoUsagePoint)?;
        self.note(job, known, pull, Stands::Requested).await?;
        // The custodian's windows are inclusive: the last second of the last day.
        let window = Window {
            start: pull.from,
            end: pull.until - SignedDuration::from_secs(1),
        };
        let answer = self
            .client
            .batch(&subscription(known)?, &usage_point, window, &tokens)
            .await?;
        match answer {
            Batch::Feed(body) => {
                self.take_in(job, known, pull, usage_point, body, &tokens)
                    .await
            }
            Batch::Empty => self.note(job, known, pull, Stands::Empty).await,
            Batch::Accepted => self.note(job, known, pull, Stands::Accepted).await,
        }
    }

    async fn take_in(
        &self,
        job: &Job<SmdFetch>,
        known: &Authorization,
        pull: &Pull,
        usage_point: UsagePointId,
        body: Body,
        tokens: &Stored<'_>,
    ) -> Result<(), StepError> {
        let staged = ingest::stage(self, body, Some(usage_point.clone())).await?;
        let merged = async {
            // A feed of another time would mark this window as in, and its readings would be missing.
            if !staged.answers(pull.from, pull.until) {
                return Err(IngestError::OtherTime.into());
            }
            let mut series = Vec::with_capacity(staged.series.len());
            for (number, one) in &staged.series {
                if one.usage_point()? != &usage_point {
                    return Err(IngestError::ForeignUsagePoint.into());
                }
                series.push(one.describe(self, tokens, known.id, *number).await?);
            }
            let mut conn = self.database.get().await?;
            conn.transaction(async |conn| {
                // The job before the authorization, as the collecting of a notification takes them.
                job.progressed(conn).await?;
                let rows = reading::merge(conn, staged.batch, staged.rows, &series).await?;
                plan::mark_received(conn, known.id, pull, rows).await?;
                authorization::note_delay(conn, known.id, None).await?;
                Ok::<_, StepError>(())
            })
            .await
        };
        let merged = merged.await;
        if merged.is_err() {
            ingest::discard(self, staged.batch).await;
        }
        merged
    }

    /// Notes where the request for a window stands, under the job's lease.
    async fn note(
        &self,
        job: &Job<SmdFetch>,
        known: &Authorization,
        pull: &Pull,
        stands: Stands,
    ) -> Result<(), StepError> {
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            match stands {
                Stands::Requested => plan::mark_requested(conn, known.id, pull).await?,
                Stands::Accepted => plan::mark_accepted(conn, known.id, pull).await?,
                Stands::Empty => {
                    job.progressed(conn).await?;
                    plan::mark_received(conn, known.id, pull, 0).await?;
                    authorization::note_delay(conn, known.id, None).await?;
                }
            }
            Ok::<_, StepError>(())
        })
        .await
    }
}

/// Where the request for a window stands.
#[derive(Debug, Clone, Copy)]
enum Stands {
    /// About to leave: a notification that overtakes the answer must find it.
    Requested,
    /// Answered 202: a notification follows.
    Accepted,
    /// Answered 204: an empty window is a result.
    Empty,
}

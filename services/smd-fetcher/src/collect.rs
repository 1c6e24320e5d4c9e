//! `smd.collect`: fetches what a notification announced, and lets the waiting fetch go on.

use std::collections::{BTreeMap, BTreeSet};

use diesel_async::{AsyncConnection, AsyncPgConnection};
use job_queue::{Handler, Job, Outcome};
use smd_client::{Batch, Bearer, Error};
use storage::kinds::{SmdCollect, SmdFetch};
use storage::smd::notice::{self, Notice};
use storage::smd::plan::{self, Pull};
use storage::smd::reading::{self, FeedSeries};
use storage::smd::{AuthorizationId, authorization};

use crate::Fetcher;
use crate::error::StepError;
use crate::ingest::{self, Staged, StagedSeries};
use crate::tokens::Stored;

impl Handler<SmdCollect> for Fetcher {
    async fn run(&self, job: Job<SmdCollect>) -> Outcome {
        match self.collect(&job).await {
            Ok(()) => Outcome::Done,
            // The link has expired or never was: the window is asked again in its time.
            Err(StepError::Custodian(error @ Error::NotFound { .. })) => {
                Outcome::Cancel(error.to_string())
            }
            Err(error) => error.outcome(),
        }
    }
}

/// A series of the feed that somebody waits for.
struct Bound<'a> {
    authorization: AuthorizationId,
    number: i32,
    staged: &'a StagedSeries,
}

impl Fetcher {
    async fn collect(&self, job: &Job<SmdCollect>) -> Result<(), StepError> {
        let notice = {
            let mut conn = self.database.get().await?;
            notice::get(&mut conn, job.payload.notice).await?
        };
        // Erased with its authorization, or collected by an earlier run.
        let Some(notice) = notice.filter(|notice| !notice.collected) else {
            return Ok(());
        };
        let link = self.client.own_link(&notice.link)?;
        let answer = match notice.authorization {
            Some(authorization) => {
                let tokens = Stored {
                    fetcher: self,
                    authorization,
                };
                self.client.follow(&link, Bearer::Customer(&tokens)).await?
            }
            None => self.client.follow(&link, Bearer::Client).await?,
        };
        match answer {
            Batch::Feed(body) => {
                let usage_point = notice.usage_point.as_deref().and_then(|id| id.parse().ok());
                let staged = ingest::stage(self, body, usage_point).await?;
                let merged = self.merge(job, &notice, &staged).await;
                if merged.is_err() {
                    ingest::discard(self, staged.batch).await;
                }
                merged
            }
            Batch::Empty => self.nothing_came(job, &notice).await,
            Batch::Accepted => Err(StepError::Hopeless {
                reason: "a link of a notification was answered 202: nothing will ever come of it"
                    .to_owned(),
                words: "",
            }),
        }
    }

    async fn merge(
        &self,
        job: &Job<SmdCollect>,
        notice: &Notice,
        staged: &Staged,
    ) -> Result<(), StepError> {
        if staged.rows == 0 {
            return self.nothing_came(job, notice).await;
        }
        let bound = self.bind(notice, staged).await?;
        let mut series: Vec<FeedSeries> = Vec::with_capacity(bound.len());
        for one in &bound {
            let tokens = Stored {
                fetcher: self,
                authorization: one.authorization,
            };
            series.push(
                one.staged
                    .describe(self, &tokens, one.authorization, one.number)
                    .await?,
            );
        }
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            let waiting: BTreeSet<AuthorizationId> =
                bound.iter().map(|one| one.authorization).collect();
            for id in waiting {
                // What was withdrawn or erased meanwhile must not come back.
                let stage = authorization::lock(conn, id)
                    .await?
                    .map(|known| known.stage);
                if stage != Some(authorization::Stage::Fetching) {
                    series.retain(|one| one.authorization != id);
                }
            }
            reading::merge(conn, staged.batch, staged.rows, &series).await?;
            let fed: BTreeSet<AuthorizationId> =
                series.iter().map(|one| one.authorization).collect();
            for id in fed {
                mark_received(conn, id, &bound).await?;
                job_queue::enqueue_one(conn, &SmdFetch { authorization: id }).await?;
            }
            notice::mark_collected(conn, notice.id).await?;
            Ok::<_, StepError>(())
        })
        .await
    }

    /// Which authorization each series belongs to: the one the link names, or else the one that waits
    /// for that usage point. Nobody's series are left out, and counted.
    async fn bind<'a>(
        &self,
        notice: &Notice,
        staged: &'a Staged,
    ) -> Result<Vec<Bound<'a>>, StepError> {
        let mut conn = self.database.get().await?;
        let mut known: BTreeMap<String, Option<AuthorizationId>> = BTreeMap::new();
        let mut bound = Vec::new();
        for (number, one) in &staged.series {
            let usage_point = one.usage_point()?.as_str();
            let owner = if let Some(owner) = known.get(usage_point) {
                *owner
            } else {
                let waiting = plan::waiting_for(&mut conn, usage_point).await?;
                let owner = match notice.authorization {
                    // The link's authorization, if the usage point is one of its own.
                    Some(id)
                        if waiting == Some(id) || plan::has(&mut conn, id, usage_point).await? =>
                    {
                        Some(id)
                    }
                    Some(_) => None,
                    None => waiting,
                };
                known.insert(usage_point.to_owned(), owner);
                owner
            };
            match owner {
                Some(authorization) => bound.push(Bound {
                    authorization,
                    number: *number,
                    staged: one,
                }),
                None => metrics::counter!("smd_series_refused_total").increment(1),
            }
        }
        Ok(bound)
    }

    /// An announced result without readings: an empty window is a result, when the path tells which.
    async fn nothing_came(&self, job: &Job<SmdCollect>, notice: &Notice) -> Result<(), StepError> {
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            if let (Some(id), Some(usage_point)) = (notice.authorization, &notice.usage_point) {
                for pull in waiting(conn, id)
                    .await?
                    .iter()
                    .filter(|pull| &pull.usage_point == usage_point)
                {
                    plan::mark_received(conn, id, pull, 0).await?;
                }
                job_queue::enqueue_one(conn, &SmdFetch { authorization: id }).await?;
            }
            notice::mark_collected(conn, notice.id).await?;
            Ok::<_, StepError>(())
        })
        .await
    }
}

/// The windows of an authorization that wait for a notification.
async fn waiting(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
) -> diesel::QueryResult<Vec<Pull>> {
    let pulls = plan::pulls(conn, id).await?;
    Ok(pulls
        .into_iter()
        .filter(|pull| !pull.received && pull.requested)
        .collect())
}

/// Marks the waiting windows that the feed has readings in, by usage point and interval times. Another
/// answer that comes late does not fill the window that is waited for now.
async fn mark_received(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    bound: &[Bound<'_>],
) -> diesel::QueryResult<()> {
    for pull in waiting(conn, id).await? {
        let rows: usize = bound
            .iter()
            .filter(|one| one.authorization == id)
            .filter(|one| {
                one.staged
                    .series
                    .usage_point
                    .as_ref()
                    .is_some_and(|it| it.as_str() == pull.usage_point)
            })
            .filter(|one| one.staged.first < pull.until && one.staged.last >= pull.from)
            .map(|one| one.staged.rows)
            .sum();
        if rows > 0 {
            plan::mark_received(conn, id, &pull, i64::try_from(rows).unwrap_or(i64::MAX)).await?;
        }
    }
    Ok(())
}

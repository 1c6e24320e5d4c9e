//! `smd.collect`: fetches what a notification announced, and lets the waiting fetch go on.
//!
//! Every transaction here asks for the fetch before it touches the authorization or its windows: the
//! fetch itself holds its job first and those afterwards, and two orders would block each other.

mod matching;

use std::collections::{BTreeMap, BTreeSet};

use diesel_async::{AsyncConnection, AsyncPgConnection};
use job_queue::{Handler, Job, Outcome};
use smd_client::{Batch, Bearer, Error, RequestKind};
use storage::kinds::{SmdCollect, SmdFetch};
use storage::smd::authorization::{self, Stage};
use storage::smd::notice::{self, Notice};
use storage::smd::plan::{self, Pull};
use storage::smd::reading::{self, FeedSeries};
use storage::smd::{AuthorizationId, NoticeId};

use crate::Fetcher;
use crate::consent;
use crate::error::StepError;
use crate::ingest::{self, Staged, StagedSeries};
use crate::tokens::Stored;
use matching::Extent;

/// An empty answer does not say which window it is of, and one that holds less than half of a window
/// may be a piece of it. They count when the window was asked for so often, for then an answer to an
/// earlier window that comes late cannot have used up all of them.
const LITTLE_AFTER: i32 = 2;

impl Handler<SmdCollect> for Fetcher {
    async fn run(&self, job: Job<SmdCollect>) -> Outcome {
        match self.collect(&job).await {
            Ok(()) => Outcome::Done,
            Err(error) => {
                let outcome = match (error.outcome(), &error) {
                    // The link has expired or never was: the window is asked again in its time.
                    (_, StepError::Custodian(error)) if is_refused(error) => {
                        Outcome::Cancel(error.to_string())
                    }
                    (Outcome::Retry(line), _) if job.is_last_attempt() => Outcome::Fail(line),
                    (outcome, _) => outcome,
                };
                match outcome {
                    Outcome::Cancel(_) | Outcome::Fail(_) => self.give_up(&job, outcome).await,
                    outcome => outcome,
                }
            }
        }
    }
}

/// Whether the custodian does not give what the link names, and would not the next time. Where a customer's token was
/// refused, [`consent::find_out`] has said more before.
fn is_refused(error: &Error) -> bool {
    match error {
        Error::NotFound { .. } => true,
        Error::Unauthorized { kind, .. }
        | Error::OAuth { kind, .. }
        | Error::NoListener { kind }
        | Error::Refused { kind, .. } => *kind == RequestKind::Follow && !error.is_transient(),
        _ => false,
    }
}

/// A series of the feed that somebody waits for.
struct Bound<'a> {
    authorization: AuthorizationId,
    usage_point: &'a str,
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
        let Some(id) = notice.authorization else {
            return self.follow(job, &notice, Bearer::Client).await;
        };
        let known = {
            let mut conn = self.database.get().await?;
            authorization::get(&mut conn, id).await?
        };
        let Some(known) = known.filter(|known| known.stage == Stage::Fetching) else {
            // Everything is in, or nothing is wanted any more.
            return self.put_away(job, notice.id).await;
        };
        let tokens = Stored {
            fetcher: self,
            authorization: id,
        };
        match self.follow(job, &notice, Bearer::Customer(&tokens)).await {
            Ok(()) => Ok(()),
            Err(error) => match consent::find_out(self, &known, error).await {
                StepError::Withdrawn => consent::withdraw_now(self, &job.lease, id).await,
                error => Err(error),
            },
        }
    }

    async fn follow(
        &self,
        job: &Job<SmdCollect>,
        notice: &Notice,
        bearer: Bearer<'_>,
    ) -> Result<(), StepError> {
        let link = self.client.own_link(&notice.link)?;
        match self.client.follow(&link, bearer).await? {
            Batch::Feed(body) => {
                let usage_point = notice.usage_point.as_deref().and_then(|id| id.parse().ok());
                let staged = ingest::stage(self, body, usage_point).await?;
                let merged = self.merge(job, notice, &staged).await;
                if merged.is_err() {
                    ingest::discard(self, staged.batch).await;
                }
                merged
            }
            Batch::Empty => self.nothing_came(job, notice).await,
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
        let series = self.describe(&bound).await?;
        let waiting: BTreeSet<AuthorizationId> =
            bound.iter().map(|one| one.authorization).collect();
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            for id in &waiting {
                job_queue::enqueue_one(conn, &SmdFetch { authorization: *id }).await?;
            }
            // Locks the authorizations, and leaves out those that are no longer being fetched.
            reading::merge(conn, staged.batch, staged.rows, &series).await?;
            for id in &waiting {
                mark_received(conn, *id, &bound).await?;
            }
            notice::mark_collected(conn, notice.id).await?;
            Ok::<_, StepError>(())
        })
        .await
    }

    async fn describe(&self, bound: &[Bound<'_>]) -> Result<Vec<FeedSeries>, StepError> {
        let mut series = Vec::with_capacity(bound.len());
        for one in bound {
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
        Ok(series)
    }

    /// Which authorization each series belongs to. Nobody's series are left out, and counted.
    async fn bind<'a>(
        &self,
        notice: &Notice,
        staged: &'a Staged,
    ) -> Result<Vec<Bound<'a>>, StepError> {
        let mut conn = self.database.get().await?;
        let mut owners: BTreeMap<&str, Option<AuthorizationId>> = BTreeMap::new();
        let mut bound = Vec::new();
        for (number, one) in &staged.series {
            let usage_point = one.usage_point()?.as_str();
            let owner = match owners.get(usage_point) {
                Some(owner) => *owner,
                None => owner_of(&mut conn, notice, usage_point).await?,
            };
            owners.insert(usage_point, owner);
            match owner {
                Some(authorization) => bound.push(Bound {
                    authorization,
                    usage_point,
                    number: *number,
                    staged: one,
                }),
                None => metrics::counter!("smd_series_refused_total").increment(1),
            }
        }
        Ok(bound)
    }

    /// An announced result without readings: an empty window is a result, once it is certain which.
    async fn nothing_came(&self, job: &Job<SmdCollect>, notice: &Notice) -> Result<(), StepError> {
        let (Some(id), Some(usage_point)) = (notice.authorization, &notice.usage_point) else {
            return self.put_away(job, notice.id).await;
        };
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            job_queue::enqueue_one(conn, &SmdFetch { authorization: id }).await?;
            let pulls = plan::pulls(conn, id).await?;
            let of_it = |pull: &&Pull| &pull.usage_point == usage_point && is_waiting(pull);
            for pull in pulls.iter().filter(of_it) {
                if pull.accepted >= LITTLE_AFTER {
                    plan::mark_received(conn, id, pull, 0).await?;
                } else {
                    // Asked again at once.
                    plan::mark_requested(conn, id, pull).await?;
                }
            }
            notice::mark_collected(conn, notice.id).await?;
            Ok::<_, StepError>(())
        })
        .await
    }

    /// A link that nothing comes of must not look as if it were still to be collected.
    async fn give_up(&self, job: &Job<SmdCollect>, outcome: Outcome) -> Outcome {
        let put_aside = async {
            let mut conn = self.database.get().await?;
            conn.transaction(async |conn| {
                job.lease.hold(conn).await?;
                notice::put_aside(conn, job.payload.notice).await?;
                Ok::<_, StepError>(())
            })
            .await
        };
        match put_aside.await {
            Ok(()) => outcome,
            Err(error) => error.outcome(),
        }
    }

    /// Nothing is to be done about it any more.
    async fn put_away(&self, job: &Job<SmdCollect>, id: NoticeId) -> Result<(), StepError> {
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            notice::mark_collected(conn, id).await?;
            Ok::<_, StepError>(())
        })
        .await
    }
}

/// The authorization that the link names, if the usage point is one of its own; for a bulk link, the
/// one that waits for the usage point.
async fn owner_of(
    conn: &mut AsyncPgConnection,
    notice: &Notice,
    usage_point: &str,
) -> diesel::QueryResult<Option<AuthorizationId>> {
    match notice.authorization {
        None => plan::waiting_for(conn, usage_point).await,
        Some(id) => Ok(plan::has(conn, id, usage_point).await?.then_some(id)),
    }
}

/// Its request has left, and its data is not in.
const fn is_waiting(pull: &Pull) -> bool {
    pull.requested && !pull.received
}

/// Marks the waiting windows that the feed answers.
async fn mark_received(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    bound: &[Bound<'_>],
) -> diesel::QueryResult<()> {
    let mut extents: BTreeMap<&str, Extent> = BTreeMap::new();
    for one in bound.iter().filter(|one| one.authorization == id) {
        let extent = Extent::of(one.staged.first, one.staged.last, one.staged.rows);
        extents
            .entry(one.usage_point)
            .and_modify(|known| known.include(extent))
            .or_insert(extent);
    }
    let pulls = plan::pulls(conn, id).await?;
    for (usage_point, extent) in extents {
        let own = || pulls.iter().filter(|pull| pull.usage_point == usage_point);
        for pull in matching::answered(own(), extent).filter(|pull| is_waiting(pull)) {
            if extent.is_most_of(pull) || pull.accepted >= LITTLE_AFTER {
                let rows = i64::try_from(extent.rows).unwrap_or(i64::MAX);
                plan::mark_received(conn, id, pull, rows).await?;
            } else {
                // Asked again at once.
                plan::mark_requested(conn, id, pull).await?;
            }
        }
    }
    Ok(())
}

//! How everything stands: counts, queues, and what needs somebody. These read as much as there is, so that they are for
//! the background, every few seconds.

use std::collections::HashMap;

use diesel::sql_types::{BigInt, Integer, Nullable, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::{NullableTimestamp, Timestamp};
use job_queue::Depth;

use super::{jobs, silent};
use crate::kinds::role;
use crate::sql::NumberRow;
use crate::{aiida, kinds, smd};

/// What may need somebody.
#[derive(Debug, Clone, QueryableByName)]
pub struct Concerns {
    /// The database's time.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub now: jiff::Timestamp,
    /// Histories of the last week that failed.
    #[diesel(sql_type = BigInt)]
    pub failed_histories: i64,
    /// Files that could not be written so far.
    #[diesel(sql_type = BigInt)]
    pub failed_exports: i64,
    /// Permissions whose homes should have sent more than a quarter of an hour ago, and of which nothing has come.
    #[diesel(sql_type = BigInt)]
    pub silent_homes: i64,
    /// Messages that were refused in the last hour, of those that are kept.
    #[diesel(sql_type = BigInt)]
    pub refused: i64,
    /// Since when the eligible party's webhook does not take events.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub webhook_failing_since: Option<jiff::Timestamp>,
    /// Authorizations that the custodian lists as active and that are not known here.
    #[diesel(sql_type = Integer)]
    pub unknown_authorizations: i32,
    /// When that was looked at last.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub compared_at: Option<jiff::Timestamp>,
    /// The custodian has told us to wait until then.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub budget_closed_until: Option<jiff::Timestamp>,
}

/// Everything that is counted.
#[derive(Debug, Clone)]
pub struct Counted {
    /// Authorizations by stage.
    pub stages: HashMap<String, i64>,
    /// Permissions by status.
    pub statuses: HashMap<String, i64>,
    /// All kinds, by name.
    pub queues: Vec<Depth>,
    /// What may need somebody.
    pub concerns: Concerns,
    /// Records of homes that were stored since the statistics of the database began, less those of days that were
    /// dropped: its growth is the rate of the stream.
    pub records: i64,
}

impl Counted {
    /// The queues that somebody is here to work off. The schedule fills those of both sides; where only one is run,
    /// nobody takes what it fills for the other, and there is nothing that would wait for it.
    pub fn served(&self) -> impl Iterator<Item = &Depth> {
        self.queues.iter().filter(|queue| {
            let declared = kinds::all()
                .into_iter()
                .find(|kind| kind.name == queue.kind);
            !declared.is_some_and(|kind| kind.every.is_some() && self.is_without(kind.run_by))
        })
    }

    /// Nothing of this service's side was ever stored here, or nothing of it is left.
    fn is_without(&self, service: &str) -> bool {
        (role::HISTORY.contains(&service) && self.stages.is_empty())
            || (role::NEAR_REAL_TIME.contains(&service) && self.statuses.is_empty())
    }
}

/// Counts.
pub async fn count(conn: &mut AsyncPgConnection) -> diesel::QueryResult<Counted> {
    let kinds = jobs::kinds(conn).await?;
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    Ok(Counted {
        stages: smd::authorization::counts(conn).await?,
        statuses: aiida::permission::counts(conn).await?,
        queues: job_queue::depth(conn, &kinds).await?,
        concerns: sql_query(CONCERNS)
            .bind::<BigInt, _>(silent::count(conn).await?)
            .get_result(conn)
            .await?,
        records: sql_query(
            "SELECT coalesce(sum(n_tup_ins), 0)::bigint AS n FROM pg_stat_all_tables
             WHERE schemaname = 'aiida' AND relname ~ '^message_[0-9]{8}$'",
        )
        .get_result::<NumberRow>(conn)
        .await?
        .n,
    })
}

const CONCERNS: &str = "SELECT clock_timestamp() AS now,
    (SELECT count(*) FROM smd.authorization
     WHERE stage = 'failed' AND authorized_at > now() - interval '7 days') AS failed_histories,
    (SELECT count(*) FROM smd.authorization
     WHERE stage = 'fetched' AND exported_at IS NULL AND export_error IS NOT NULL) AS failed_exports,
    $1 AS silent_homes,
    (SELECT count(*) FROM aiida.refused_message
     WHERE received_at > now() - interval '1 hour') AS refused,
    (SELECT failing_since FROM aiida.webhook) AS webhook_failing_since,
    (SELECT unknown FROM smd.comparison) AS unknown_authorizations,
    (SELECT compared_at FROM smd.comparison) AS compared_at,
    (SELECT nullif(closed_until, '-infinity') FROM smd.budget WHERE closed_until > now()) AS budget_closed_until";

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(stages: &[&str], statuses: &[&str]) -> Counted {
        let counts = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), 1)).collect();
        let queue = |kind: &str| Depth {
            kind: kind.to_owned(),
            available: 1,
            running: 0,
            discarded: 0,
            oldest_ready_ms: 1,
            oldest_ms: 1,
        };
        let kinds = [
            "aiida.command",
            "csv.export",
            "mqtt.reconcile",
            "smd.sweep",
            "unknown",
        ];
        Counted {
            stages: counts(stages),
            statuses: counts(statuses),
            queues: kinds.map(queue).to_vec(),
            concerns: Concerns {
                now: jiff::Timestamp::UNIX_EPOCH,
                failed_histories: 0,
                failed_exports: 0,
                silent_homes: 0,
                refused: 0,
                webhook_failing_since: None,
                unknown_authorizations: 0,
                compared_at: None,
                budget_closed_until: None,
            },
            records: 0,
        }
    }

    #[test]
    fn what_the_schedule_fills_for_a_side_that_is_not_run_is_nobodys() {
        let served = |stages: &[&str], statuses: &[&str]| {
            let counted = counted(stages, statuses);
            let names: Vec<String> = counted.served().map(|queue| queue.kind.clone()).collect();
            names.join(" ")
        };
        assert_eq!(
            served(&["fetched"], &["ACCEPTED"]),
            "aiida.command csv.export mqtt.reconcile smd.sweep unknown"
        );
        assert_eq!(
            served(&["fetched"], &[]),
            "aiida.command csv.export smd.sweep unknown"
        );
        assert_eq!(
            served(&[], &["ACCEPTED"]),
            "aiida.command csv.export mqtt.reconcile unknown"
        );
    }
}

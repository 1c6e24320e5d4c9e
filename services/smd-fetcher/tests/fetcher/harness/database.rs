//! What a test looks up and changes in the database.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl as _;
use jiff::Timestamp;
use job_queue::JobKind;
use storage::smd::notice::{self, Notice};
use storage::smd::{AuthorizationId, NoticeId};
use test_support::{jobs, wait};

use super::{DEADLINE, Granted, World};
use custodian::model::DayRange;
use storage::kinds::SmdCollect;

/// A flow: usage point, flow direction, intervals, sum of their values.
type Flow = (String, i64, i64, i64);

#[derive(QueryableByName)]
struct FlowRow {
    #[diesel(sql_type = Text)]
    point: String,
    #[diesel(sql_type = BigInt)]
    flow: i64,
    #[diesel(sql_type = BigInt)]
    intervals: i64,
    #[diesel(sql_type = BigInt)]
    sum: i64,
}

impl World {
    /// Runs a statement.
    pub(crate) async fn sql(&self, statement: &str) {
        self.database.sql(statement).await.unwrap();
    }

    /// The number that `SELECT {expression}` answers.
    pub(crate) async fn number(&self, expression: &str) -> i64 {
        self.database.number(expression).await.unwrap()
    }

    /// A column of an authorization, as text.
    pub(crate) async fn column(&self, id: AuthorizationId, column: &str) -> Option<String> {
        let query = format!("SELECT {column} FROM smd.authorization WHERE id = '{id}'");
        self.database.text(&query).await.unwrap()
    }

    /// Waits until `SELECT {condition}` is true.
    pub(crate) async fn until(&self, what: &str, condition: &str) {
        let condition = format!("(({condition}))::integer");
        wait::until(DEADLINE, what, async || {
            (self.number(&condition).await == 1).then_some(())
        })
        .await;
    }

    /// Waits until a condition on an authorization's row is true.
    pub(crate) async fn until_row(&self, id: AuthorizationId, condition: &str) {
        let exists =
            format!("EXISTS (SELECT FROM smd.authorization WHERE id = '{id}' AND {condition})");
        self.until(condition, &exists).await;
    }

    /// Waits until it is delivered: fetched, exported and released.
    pub(crate) async fn until_delivered(&self, granted: &Granted) {
        let done = "stage = 'fetched' AND exported_at IS NOT NULL AND released_at IS NOT NULL";
        self.until_row(granted.id, done).await;
    }

    /// Enqueues a job.
    pub(crate) async fn enqueue<K: JobKind>(&self, payload: &K) -> i64 {
        let mut conn = self.db.get().await.unwrap();
        job_queue::enqueue_one(&mut conn, payload).await.unwrap()
    }

    /// Waits until a job has ended, and says how.
    pub(crate) async fn until_ended(&self, job: i64) -> String {
        let ended = format!(
            "(SELECT state IN ('completed', 'discarded', 'cancelled') FROM jobs.job WHERE id = {job})"
        );
        self.until(&format!("the end of job {job}"), &ended).await;
        let state = format!("SELECT state FROM jobs.job WHERE id = {job}");
        self.database.text(&state).await.unwrap().unwrap()
    }

    /// The custodian announces a link, and `smd-auth` stores it.
    pub(crate) async fn notify(&self, granted: &Granted, link: &str, point: Option<&str>) -> i64 {
        let notice = self.announce(Some(granted.id), link, point).await;
        self.enqueue(&SmdCollect { notice }).await
    }

    /// The link alone: nobody has been asked to collect it yet. A bulk link is nobody's.
    pub(crate) async fn announce(
        &self,
        authorization: Option<AuthorizationId>,
        link: &str,
        point: Option<&str>,
    ) -> NoticeId {
        let notice = Notice {
            id: service_kit::random::Random::uuid(&service_kit::random::SystemRandom).into(),
            link: link.to_owned(),
            authorization,
            usage_point: point.map(str::to_owned),
            collected: false,
        };
        let mut conn = self.db.get().await.unwrap();
        notice::insert(&mut conn, &notice).await.unwrap()
    }

    /// Links that are still to be collected.
    pub(crate) async fn uncollected(&self, authorization: Option<AuthorizationId>) -> i64 {
        let mut conn = self.db.get().await.unwrap();
        notice::waiting(&mut conn, authorization).await.unwrap()
    }

    /// The jobs of killed workers are free again, as when their leases have run out.
    pub(crate) async fn expire_leases(&self) {
        self.sql(jobs::LEASES_OVER).await;
    }

    /// Time passes for every job.
    pub(crate) async fn all_due(&self) {
        self.sql(jobs::ALL_DUE).await;
    }

    /// Nothing of the tokens is left.
    pub(crate) async fn assert_no_tokens(&self) {
        let left = self
            .number("SELECT count(*) FROM smd.authorization WHERE access_token IS NOT NULL OR refresh_token IS NOT NULL")
            .await;
        assert_eq!(left, 0, "authorizations with tokens");
    }

    /// Stored readings of an authorization.
    pub(crate) async fn readings(&self, granted: &Granted) -> i64 {
        let id = granted.id;
        self.number(&format!(
            "SELECT count(*) FROM smd.reading JOIN smd.series s ON s.id = series_id WHERE authorization_id = '{id}'"
        ))
        .await
    }

    /// Every interval of the promised month is there once, and the sums are the custodian's.
    pub(crate) async fn assert_complete(&self, granted: &Granted) {
        assert_eq!(self.stored(granted).await, self.owed(granted).await);
    }

    async fn stored(&self, granted: &Granted) -> Vec<Flow> {
        let mut conn = self.db.get().await.unwrap();
        let rows: Vec<FlowRow> = diesel::sql_query(format!(
            "SELECT usage_point_id AS point, flow::bigint AS flow, count(*) AS intervals, sum(value)::bigint AS sum
             FROM smd.series JOIN smd.reading ON series_id = id
             WHERE authorization_id = '{}' GROUP BY 1, 2 ORDER BY 1, 2",
            granted.id
        ))
        .load(&mut conn)
        .await
        .unwrap();
        rows.into_iter()
            .map(|row| (row.point, row.flow, row.intervals, row.sum))
            .collect()
    }

    async fn owed(&self, granted: &Granted) -> Vec<Flow> {
        let days = self.owed_days(granted).await;
        let truth = self.model.truth(&granted.customer, days).unwrap();
        let mut flows: Vec<Flow> = truth
            .into_iter()
            .filter(|one| granted.points.contains(&one.usage_point))
            .map(|one| {
                let count = i64::try_from(one.count).unwrap();
                (one.usage_point, i64::from(one.flow), count, one.sum)
            })
            .collect();
        flows.sort();
        flows
    }

    /// A month up to where the row says that the history ends.
    async fn owed_days(&self, granted: &Granted) -> DayRange {
        let time = async |column: &str| {
            let second = format!(
                "SELECT extract(epoch FROM {column}) FROM smd.authorization WHERE id = '{}'",
                granted.id
            );
            Timestamp::from_second(self.number(&second).await).unwrap()
        };
        let until = self.model.calendar().day_of(time("history_until").await);
        DayRange::owed(until, 1, time("authorized_at").await).unwrap()
    }
}

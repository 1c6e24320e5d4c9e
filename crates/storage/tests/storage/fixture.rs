//! A migrated database with the shortest way to an authorization, a plan and readings.

mod permission;
mod roles;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use diesel_async::{
    AnsiTransactionManager, AsyncConnection, AsyncPgConnection, SimpleAsyncConnection,
    TransactionManager,
};
use jiff::{SignedDuration, Timestamp};
use service_kit::random::{Random, SystemRandom};
use service_kit::secret::{Keyring, Secret};
use storage::smd::AuthorizationId;
use storage::smd::authorization::{self, NewAuthorization, Stage};
use storage::smd::plan::{self, Pull};
use storage::smd::reading::{self, FeedSeries, SeriesCodes, StagedReading};
use storage::smd::tokens::Tokens;
use test_support::{Cluster, TestDatabase};
use uuid::Uuid;

pub(crate) use permission::permitted;
pub(crate) use roles::Role;
use roles::{PASSWORD, migrate_as_owner};

/// How long anything in these tests may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A database of its own and a connection to it.
pub(crate) struct Fixture {
    pub(crate) database: TestDatabase,
    pub(crate) conn: AsyncPgConnection,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let conn = connect(&database.url()).await;
        Self { database, conn }
    }

    /// A database that belongs to a role without superuser's rights, with a login role per service.
    pub(crate) async fn with_roles() -> Self {
        let cluster = Cluster::shared();
        let template = cluster.template("owned", migrate_as_owner).await.unwrap();
        let database = TestDatabase::from_template(&cluster, &template)
            .await
            .unwrap();
        let conn = connect(&database.url()).await;
        Self { database, conn }
    }

    /// A connection as a service of its own: a login role that is a member of its group role.
    pub(crate) async fn connect_as(&self, role: Role) -> AsyncPgConnection {
        connect(&self.database.url_as(role.login(), PASSWORD)).await
    }

    /// Another connection to the same database.
    pub(crate) async fn connect(&self) -> AsyncPgConnection {
        connect(&self.database.url()).await
    }

    pub(crate) async fn stage_of(&mut self, id: AuthorizationId) -> Stage {
        authorization::get(&mut self.conn, id)
            .await
            .unwrap()
            .unwrap()
            .stage
    }

    /// Runs statements as the owner.
    pub(crate) async fn sql(&mut self, statements: &str) {
        self.conn.batch_execute(statements).await.unwrap();
    }

    /// The one number that a query answers.
    pub(crate) async fn number(&mut self, query: &str) -> i64 {
        number(&mut self.conn, query).await
    }
}

pub(crate) async fn connect(url: &str) -> AsyncPgConnection {
    AsyncPgConnection::establish(url).await.unwrap()
}

pub(crate) async fn number(conn: &mut AsyncPgConnection, query: &str) -> i64 {
    test_support::rows::number(conn, query).await.unwrap()
}

/// Waits until a backend waits for an advisory lock or a row of `database`.
pub(crate) async fn until_blocked(conn: &mut AsyncPgConnection) {
    test_support::wait::until(
        DEADLINE,
        "another connection to wait for a lock",
        async || {
            let waiting = "SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
            (number(conn, waiting).await > 0).then_some(())
        },
    )
    .await;
}

/// Begins a transaction that [`commit`] ends: for tests that do something else in between.
pub(crate) async fn begin(conn: &mut AsyncPgConnection) {
    AnsiTransactionManager::begin_transaction(conn)
        .await
        .unwrap();
}

pub(crate) async fn commit(conn: &mut AsyncPgConnection) {
    AnsiTransactionManager::commit_transaction(conn)
        .await
        .unwrap();
}

pub(crate) fn uuid() -> Uuid {
    SystemRandom.uuid()
}

/// A keyring of the keys with these ids; equal ids have equal keys.
pub(crate) fn keyring(ids: &[&str]) -> Keyring {
    let entry = |id: &&str| {
        let byte = id.bytes().fold(7_u8, u8::wrapping_add);
        format!("{id}:{}", STANDARD.encode([byte; 32]))
    };
    let text = ids.iter().map(entry).collect::<Vec<_>>().join(",");
    Keyring::parse(&Secret::from(text)).unwrap()
}

pub(crate) fn tokens(access: &str, refresh: Option<&str>) -> Tokens {
    Tokens {
        access: Secret::from(access),
        refresh: refresh.map(Secret::from),
    }
}

/// A new authorization of this subscription, as the callback stores it. Its ticket is `ticket-` and
/// the id.
pub(crate) async fn authorize(conn: &mut AsyncPgConnection, subscription: &str) -> AuthorizationId {
    let id = AuthorizationId::from(uuid());
    let (uri, ticket) = (
        format!("https://custodian.example/Authorization/{subscription}"),
        ticket(id),
    );
    let new = NewAuthorization {
        id,
        subscription_id: subscription,
        authorization_uri: &uri,
        ticket: &ticket,
        tokens: &tokens("an-access-token", Some("a-refresh-token")),
        expires_in: Duration::from_hours(1),
    };
    let keys = keyring(&["a"]);
    conn.transaction(async |conn| authorization::insert(conn, &keys, &new).await)
        .await
        .unwrap();
    id
}

pub(crate) fn ticket(id: AuthorizationId) -> String {
    format!("ticket-{id}")
}

/// This many hours into the history of every test.
pub(crate) fn hour(hours: i64) -> Timestamp {
    "2024-03-01T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hours)
}

/// Two windows of 48 hours for each usage point.
pub(crate) async fn fix(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    usage_points: &[&str],
) -> Vec<Pull> {
    let usage_points: Vec<String> = usage_points.iter().map(ToString::to_string).collect();
    let windows = [(hour(0), hour(48)), (hour(48), hour(96))];
    conn.transaction(async |conn| plan::fix(conn, id, &usage_points, &windows).await)
        .await
        .unwrap();
    plan::pulls(conn, id).await.unwrap()
}

/// An authorization whose plan is fixed.
pub(crate) async fn planned(
    conn: &mut AsyncPgConnection,
    subscription: &str,
    usage_points: &[&str],
) -> AuthorizationId {
    let id = authorize(conn, subscription).await;
    fix(conn, id, usage_points).await;
    id
}

pub(crate) fn codes(usage_point: &str) -> SeriesCodes {
    SeriesCodes {
        usage_point_id: usage_point.to_owned(),
        commodity: 1,
        flow: 1,
        unit: 72,
        accumulation: 4,
        kind: 12,
        phase: 0,
        tou: 0,
        qualifier: 12,
        currency: 840,
        default_quality: 17,
    }
}

/// Series `number` of a feed, with multiplier -3.
pub(crate) fn feed_series(
    number: i32,
    authorization: AuthorizationId,
    codes: SeriesCodes,
) -> FeedSeries {
    FeedSeries {
        number,
        authorization,
        codes,
        multiplier: -3,
    }
}

/// An hourly reading of series 0.
pub(crate) fn row(hours: i64, value: i64) -> StagedReading {
    StagedReading {
        series: 0,
        starts_at: hour(hours),
        duration: 3600,
        value,
        quality: vec![17],
        tou: None,
        cpp: None,
        cost: None,
        published_at: Some(hour(1_000)),
    }
}

/// Stages and merges a feed in one transaction, as the fetcher does; answers how many rows it brought.
pub(crate) async fn feed(
    conn: &mut AsyncPgConnection,
    rows: &[StagedReading],
    series: &[FeedSeries],
) -> i64 {
    let batch = uuid();
    reading::stage(conn, batch, rows).await.unwrap();
    let expected = i64::try_from(rows.len()).unwrap();
    conn.transaction(async |conn| reading::merge(conn, batch, expected, series).await)
        .await
        .unwrap()
}

/// An authorization with a plan, one usage point `up-1` and ten hourly readings.
pub(crate) async fn with_readings(
    conn: &mut AsyncPgConnection,
    subscription: &str,
) -> AuthorizationId {
    let id = planned(conn, subscription, &["up-1"]).await;
    authorization::describe(conn, id, Some("Ada Example"), "America/Los_Angeles")
        .await
        .unwrap();
    let rows: Vec<_> = (0..10).map(|n| row(n, n)).collect();
    feed(conn, &rows, &[feed_series(0, id, codes("up-1"))]).await;
    id
}

/// The same with every window in.
pub(crate) async fn fetched(conn: &mut AsyncPgConnection, subscription: &str) -> AuthorizationId {
    let id = with_readings(conn, subscription).await;
    authorization::mark_fetched(conn, id).await.unwrap();
    id
}

//! A broker, a database and replicas of the service for one test.

mod broker;
mod permissions;
mod replica;

use std::sync::Arc;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use service_kit::clock::{ManualClock, SystemClock};
use service_kit::random::{Random as _, SystemRandom};
use test_support::{Cluster, TestDatabase};

pub(crate) use broker::{Broker, Publisher};
pub(crate) use permissions::{Grant, hex, raw, raw_at, status, values};
pub(crate) use replica::{Child, Replica};

/// How long anything may take before a test says that it never came.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

const PASSWORD: &str = "pw";

/// Everything that one test has for itself.
pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) broker: Broker,
    /// The service's address of the database: a login role with the rights of `aiida-stream`.
    url: String,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_in(&Cluster::shared()).await
    }

    /// In a cluster of its own: for tests that stop it.
    pub(crate) async fn start_in(cluster: &Arc<Cluster>) -> Self {
        service_kit::http::install_tls_provider();
        let database = TestDatabase::in_cluster(cluster).await;
        let role = format!("stream_{}", SystemRandom.uuid().simple());
        let create = format!(
            "CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' IN ROLE metergate_aiida_stream"
        );
        database.sql(&create).await.unwrap();
        Self {
            url: database.url_as(&role, PASSWORD),
            broker: Broker::start(&database.url()).await,
            database,
        }
    }

    /// A replica in this process, ready.
    pub(crate) async fn replica(&self) -> Replica {
        self.replica_with(&[]).await
    }

    pub(crate) async fn replica_with(&self, arguments: &[(&str, &str)]) -> Replica {
        let replica = Replica::start(&self.arguments(arguments), SystemClock::shared());
        replica.ready().await;
        replica
    }

    /// A replica whose own clock stands still, somewhere else.
    pub(crate) async fn replica_at(&self, clock: &ManualClock) -> Replica {
        let replica = Replica::start(&self.arguments(&[]), clock.shared());
        replica.ready().await;
        replica
    }

    /// A replica as a program of its own, ready.
    pub(crate) async fn child(&self, arguments: &[(&str, &str)]) -> Child {
        Child::start(&self.arguments(arguments)).await
    }

    fn arguments(&self, more: &[(&str, &str)]) -> Vec<String> {
        let base = [
            ("--database-url", self.url.as_str()),
            ("--mqtt-url", &self.broker.url()),
            ("--mqtt-username", broker::PARTY),
            ("--mqtt-password", broker::PARTY_PASSWORD),
            ("--aiida-stream-address", "127.0.0.1:0"),
            // Short enough to wait for, long enough to be kept on a machine that is busy with other things.
            ("--aiida-stream-lease-seconds", "10"),
        ];
        let mut arguments = vec!["aiida-stream".to_owned()];
        let given = |name: &str| more.iter().any(|(given, _)| *given == name);
        for (name, value) in base.iter().filter(|(name, _)| !given(name)).chain(more) {
            arguments.extend([(*name).to_owned(), (*value).to_owned()]);
        }
        arguments
    }

    /// A connection of the owner.
    pub(crate) async fn connect(&self) -> AsyncPgConnection {
        self.database.connect().await.unwrap()
    }

    pub(crate) async fn sql(&self, statements: &str) {
        self.database.sql(statements).await.unwrap();
    }

    /// The one number that a query answers.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        self.database.number(query).await.unwrap()
    }

    /// Waits until a query answers this number.
    pub(crate) async fn until(&self, query: &str, wanted: i64) {
        let mut last = -1;
        let came = tokio::time::timeout(DEADLINE, async {
            loop {
                last = self.number(query).await;
                if last == wanted {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(
            came.await.is_ok(),
            "{query}: {last} instead of {wanted}; refused: {:?}",
            self.refusals().await
        );
    }

    pub(crate) async fn until_stored(&self, messages: i64) {
        self.until("SELECT count(*) FROM aiida.message", messages)
            .await;
    }

    /// Reasons and counts.
    pub(crate) async fn refusals(&self) -> Vec<(String, i64)> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::Text)]
            reason: String,
            #[diesel(sql_type = BigInt)]
            messages: i64,
        }
        let mut conn = self.connect().await;
        let rows: Vec<Row> =
            diesel::sql_query("SELECT reason, messages FROM aiida.refusal ORDER BY reason")
                .load(&mut conn)
                .await
                .unwrap();
        rows.into_iter()
            .map(|row| (row.reason, row.messages))
            .collect()
    }

    /// Waits until this many messages were refused for this reason.
    pub(crate) async fn until_refused(&self, reason: &str, messages: i64) {
        let query = format!(
            "SELECT coalesce(sum(messages), 0) FROM aiida.refusal WHERE reason = '{reason}'"
        );
        self.until(&query, messages).await;
    }
}

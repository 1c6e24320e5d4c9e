//! A database under the roles of production, permissions in it, a broker, and the service.

use std::time::Duration;

use clap::{Args as _, Command, FromArgMatches as _};
use diesel_async::{AnsiTransactionManager, SimpleAsyncConnection as _, TransactionManager as _};
use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use job_queue::JobKind;
use mqtt_iam::{BrokerApiConfig, Config};
use permission::{PermissionId, Status};
use serde_json::{Value, json};
use service_kit::program::Context;
use service_kit::random::{Random as _, SystemRandom};
use service_kit::secret::Secret;
use storage::iam::{self, Granted, IamError, Revoked};
use test_support::{Cluster, TestDatabase, rows, wait};
use tokio::task::JoinHandle;

use crate::fake_broker::FakeBroker;

/// How long anything may take before a test says that it never came.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// Of no password: nobody logs in here.
pub(crate) const HASH: &str = "$2b$10$abcdefghijklmnopqrstuuWq3sJ5pQz0m6JxOZyQ5lX1Q9Vd0m1Ge";
const PASSWORD: &str = "pw";
const SERVICE: &str = "login_of_mqtt_iam";

/// Everything that one test has for itself.
pub(crate) struct World {
    pub(crate) database: TestDatabase,
    /// The owner of the cluster.
    pub(crate) conn: AsyncPgConnection,
    pub(crate) broker: FakeBroker,
}

/// A service that runs in this process.
pub(crate) struct Running {
    context: Context,
    task: JoinHandle<()>,
}

impl Running {
    /// Ends it as a crash would: nothing that it was doing is finished or handed back.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _aborted = self.task.await;
        // What is left of it holds no job: the listener for notifications.
        self.context.shutdown.begin_hard();
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        let cluster = Cluster::shared();
        let template = cluster
            .template("mqtt_iam", migrate_as_owner)
            .await
            .unwrap();
        let database = TestDatabase::from_template(&cluster, &template)
            .await
            .unwrap();
        let conn = connect(&database.url()).await;
        Self {
            database,
            conn,
            broker: FakeBroker::start(),
        }
    }

    /// A connection as the service has it: a login role that is a member of its group role.
    pub(crate) async fn as_service(&self) -> AsyncPgConnection {
        connect(&self.database.url_as(SERVICE, PASSWORD)).await
    }

    /// A connection as the broker has it.
    pub(crate) async fn as_broker(&self) -> AsyncPgConnection {
        connect(&self.database.url_as("emqx", PASSWORD)).await
    }

    /// Starts the service.
    pub(crate) fn service(&self) -> Running {
        let url = self.database.url_as(SERVICE, PASSWORD);
        let line = [
            "mqtt-iam",
            "--database-url",
            &url,
            "--broker-api-url",
            &self.broker.url,
            "--broker-api-key",
            "metergate",
            "--broker-api-secret",
            "tell-nobody",
        ];
        let command = Config::augment_args(Command::new("mqtt-iam"));
        let matches = command.try_get_matches_from(line).unwrap();
        let config = Config::from_arg_matches(&matches).unwrap();
        let context = Context::new();
        let own = context.clone();
        let task = tokio::spawn(async move { mqtt_iam::run(config, own).await.unwrap() });
        Running { context, task }
    }

    /// A permission of this status that had been accepted, with its credential.
    pub(crate) async fn accepted(&mut self, status: Status) -> PermissionId {
        let id = self.permission(status, &outbound()).await;
        self.sql(&format!(
            "UPDATE aiida.permission SET accepted_at = now() WHERE id = '{id}';
             INSERT INTO aiida.credential (permission_id, password_hash) VALUES ('{id}', '{HASH}')"
        ))
        .await;
        id
    }

    pub(crate) async fn permission(&mut self, status: Status, need: &Value) -> PermissionId {
        let id = PermissionId::from(SystemRandom.uuid());
        self.sql(&format!(
            "INSERT INTO aiida.permission (id, bundle_id, connection_id, data_need_id, data_need, status)
             VALUES ('{id}', '{id}', 'a household', '{id}', '{need}', '{status}')"
        ))
        .await;
        id
    }

    pub(crate) async fn set_status(&mut self, id: PermissionId, status: Status) {
        self.sql(&format!(
            "UPDATE aiida.permission SET status = '{status}' WHERE id = '{id}'"
        ))
        .await;
    }

    /// Runs statements as the owner.
    pub(crate) async fn sql(&mut self, statements: &str) {
        self.conn.batch_execute(statements).await.unwrap();
    }

    /// The number that a query answers.
    pub(crate) async fn number(&mut self, query: &str) -> i64 {
        number(&mut self.conn, query).await
    }

    /// The text that a query answers.
    pub(crate) async fn text(&mut self, query: &str) -> Option<String> {
        rows::text(&mut self.conn, query).await.unwrap()
    }

    /// Everything in the two tables, ids and times included.
    pub(crate) async fn tables(&mut self) -> (Option<String>, Option<String>) {
        let user = "SELECT string_agg(u::text, E'\\n' ORDER BY id) FROM aiida.aiida_mqtt_user u";
        let acl = "SELECT string_agg(a::text, E'\\n' ORDER BY id) FROM aiida.aiida_mqtt_acl a";
        (self.text(user).await, self.text(acl).await)
    }

    /// The access rules of a permission's user, in the broker's order.
    pub(crate) async fn rules(&mut self, id: PermissionId) -> Vec<String> {
        let query = format!(
            "SELECT string_agg(concat_ws(' ', acl_type, action, topic), E'\\n' ORDER BY id)
             FROM aiida.aiida_mqtt_acl WHERE username = '{id}'"
        );
        let text = self.text(&query).await.unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Whether the user and all rules of an outbound permission stand, and nothing else of it.
    pub(crate) async fn assert_let_in(&mut self, id: PermissionId) {
        assert_eq!(self.rules(id).await, expected_rules(id));
        let user = format!(
            "SELECT concat_ws(' ', password_hash, is_superuser, permission_id) FROM aiida.aiida_mqtt_user WHERE username = '{id}'"
        );
        assert_eq!(
            self.text(&user).await,
            Some(format!("{HASH} f {id}")),
            "the user"
        );
    }

    pub(crate) async fn assert_shut_out(&mut self, id: PermissionId) {
        let rows = format!(
            "SELECT (SELECT count(*) FROM aiida.aiida_mqtt_user WHERE username = '{id}' OR permission_id = '{id}')
                  + (SELECT count(*) FROM aiida.aiida_mqtt_acl WHERE username = '{id}' OR permission_id = '{id}')"
        );
        let rows = self.number(&rows).await;
        assert_eq!(rows, 0, "rows of a permission that is shut out");
    }

    /// Lines in the audit log about a permission.
    pub(crate) async fn audited(&mut self, id: PermissionId) -> Vec<String> {
        let query = format!(
            "SELECT string_agg(action, ' ' ORDER BY id) FROM audit.event WHERE subject = '{id}' AND actor = '{SERVICE}'"
        );
        let text = self.text(&query).await.unwrap_or_default();
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// A column of a permission, as text.
    pub(crate) async fn column(&mut self, id: PermissionId, column: &str) -> Option<String> {
        let query = format!("SELECT {column} FROM aiida.permission WHERE id = '{id}'");
        self.text(&query).await
    }

    pub(crate) async fn enqueue<K: JobKind>(&mut self, payload: &K) -> i64 {
        job_queue::enqueue_one(&mut self.conn, payload)
            .await
            .unwrap()
    }

    /// Waits until a job has ended, and says how and with what errors.
    pub(crate) async fn ended(&mut self, job: i64) -> (String, Vec<String>) {
        let left = format!(
            "SELECT count(*) FROM jobs.job WHERE id = {job} AND state IN ('available', 'running')"
        );
        self.until(&format!("the end of job {job}"), &left, 0).await;
        let state = format!("SELECT state FROM jobs.job WHERE id = {job}");
        (self.text(&state).await.unwrap(), self.errors(job).await)
    }

    pub(crate) async fn errors(&mut self, job: i64) -> Vec<String> {
        let errors =
            format!("SELECT array_to_string(errors, E'\\n') FROM jobs.job WHERE id = {job}");
        let errors = self.text(&errors).await.unwrap_or_default();
        errors.lines().map(str::to_owned).collect()
    }

    /// Waits until a query answers this number.
    pub(crate) async fn until(&mut self, what: &str, query: &str, number: i64) {
        wait::until(DEADLINE, what, async || {
            (self.number(query).await == number).then_some(())
        })
        .await;
    }

    /// Waits until no job is waiting or running.
    pub(crate) async fn until_idle(&mut self) {
        let live = "SELECT count(*) FROM jobs.job WHERE state IN ('available', 'running') AND kind LIKE 'mqtt.%'
                    AND kind <> 'mqtt.reconcile'";
        self.until("every job to end", live, 0).await;
    }
}

/// A grant in a transaction of its own, as the service's role.
pub(crate) async fn grant(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
) -> Result<Granted, IamError> {
    conn.transaction(async |conn| iam::grant(conn, id).await)
        .await
}

/// A revocation in a transaction of its own.
pub(crate) async fn revoke(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
) -> Result<Revoked, IamError> {
    conn.transaction(async |conn| iam::revoke(conn, id).await)
        .await
}

pub(crate) async fn connect(url: &str) -> AsyncPgConnection {
    AsyncPgConnection::establish(url).await.unwrap()
}

pub(crate) async fn number(conn: &mut AsyncPgConnection, query: &str) -> i64 {
    rows::number(conn, query).await.unwrap()
}

/// Begins a transaction that [`commit`] ends.
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

/// Settings for a broker at this address.
pub(crate) fn broker_config(url: &str) -> BrokerApiConfig {
    BrokerApiConfig {
        broker_api_url: url.to_owned(),
        broker_api_key: Some("metergate".to_owned()),
        broker_api_secret: Some(Secret::from("tell-nobody")),
        broker_api_secret_file: None,
        broker_api_ca: None,
        broker_api_timeout_seconds: 10,
    }
}

/// A data need for data from the home.
pub(crate) fn outbound() -> Value {
    data_need("outbound-aiida", "SMART-METER-P1-RAW", false)
}

pub(crate) fn data_need(kind: &str, schema: &str, acknowledged: bool) -> Value {
    json!({
        "type": kind,
        "id": "5dc71d7e-e8cd-4403-a3a8-d3c095c97a84",
        "name": "Near-real-time data",
        "description": "What the meter shows",
        "purpose": "Advice",
        "policyLink": "https://energy.example/policy",
        "enabled": true,
        "duration": {"type": "relativeDuration", "start": "P0D", "end": "P10D"},
        "transmissionSchedule": "*/5 * * * * *",
        "allowedPermissionCommands": [],
        "acknowledgementRequired": acknowledged,
        "schemas": [schema],
        "asset": "CONNECTION-AGREEMENT-POINT",
        "dataTags": ["1-0:1.7.0"],
        "contexts": [],
    })
}

/// What a home of an outbound permission may do.
pub(crate) fn expected_rules(id: PermissionId) -> Vec<String> {
    [
        format!("DENY SUBSCRIBE eq aiida/v1/{id}/command/#"),
        format!("ALLOW SUBSCRIBE aiida/v1/{id}/command/+"),
        format!("ALLOW SUBSCRIBE aiida/v1/{id}/termination"),
        format!("ALLOW PUBLISH aiida/v1/{id}/status"),
        format!("ALLOW PUBLISH aiida/v1/{id}/data/outbound/+"),
    ]
    .to_vec()
}

/// Migrates as a role that is no superuser, so that nothing works only because its owner may do everything, and makes
/// the login roles.
async fn migrate_as_owner(url: String) -> Result<(), storage::MigrateError> {
    let mut conn = connect(&url).await;
    let name = url.rsplit('/').next().unwrap();
    conn.batch_execute(&format!(
        "CREATE ROLE owner_of_metergate LOGIN PASSWORD '{PASSWORD}' CREATEROLE;
         ALTER DATABASE \"{name}\" OWNER TO owner_of_metergate"
    ))
    .await
    .unwrap();
    let address = url.split('@').next_back().unwrap();
    storage::migrate(&format!(
        "postgres://owner_of_metergate:{PASSWORD}@{address}"
    ))
    .await?;
    conn.batch_execute(&format!(
        "CREATE ROLE {SERVICE} LOGIN PASSWORD '{PASSWORD}' IN ROLE metergate_mqtt_iam;
         ALTER ROLE emqx LOGIN PASSWORD '{PASSWORD}';
         -- The periodic job comes when a test asks for it.
         UPDATE jobs.schedule SET due_at = 'infinity'"
    ))
    .await
    .unwrap();
    Ok(())
}

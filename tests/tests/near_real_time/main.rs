//! Near-real-time data end to end: real processes under their own database roles, the sandbox broker, nginx, and
//! homes of three generations. Every scenario ends with the books: rows, rights at the broker, events in order, and
//! what the homes saw.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a wrong assumption is to end the test"
)]

mod answers;
mod books;
mod crashes;
mod flaws;
mod inbound;
mod lives;
mod stranger;
mod together;
mod webhook;

use std::time::Duration;

use demo::party::{Asked, Party};
use demo::{Side, Stack, StackOptions};
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _};
use home::{Credentials, Generation, Home, Options, PermissionReport};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::wait;
use uuid::Uuid;

/// How long anything may take before a test says that it never came.
const DEADLINE: Duration = Duration::from_mins(1);

/// Data needs of `data-needs.json`.
const FOR_2025: &str = "7d0c5b1e-40a6-4c52-9b1f-6f5f2c9a1e01";
const EVERYTHING: &str = "7d0c5b1e-40a6-4c52-9b1f-6f5f2c9a1e02";
const LIMITS: &str = "7d0c5b1e-40a6-4c52-9b1f-6f5f2c9a1e03";
const RAW: &str = "7d0c5b1e-40a6-4c52-9b1f-6f5f2c9a1e04";

/// A running system and the eligible party's key to it.
struct World {
    stack: Stack,
    party: Party,
    // Dropped last.
    _folder: TempDir,
}

/// A home with one permission.
struct House {
    home: Home,
    permission: Uuid,
    asked: Asked,
    /// The eligible party's name for the customer, and the number of its meter: personal.
    connection: String,
    meter: String,
}

/// The near-real-time side, with these variables for the services.
async fn start(services: &[(&str, &str)]) -> World {
    start_with(StackOptions {
        side: Side::NearRealTime,
        services: named(services),
        ..StackOptions::default()
    })
    .await
}

async fn start_with(mut options: StackOptions) -> World {
    let needs = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/near_real_time/data-needs.json"
    );
    options
        .services
        .extend(named(&[("AIIDA_DATA_NEEDS", needs)]));
    options.fast = true;
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::start(folder.path(), &options).await.unwrap();
    let party = Party::new(stack.site()).unwrap();
    World {
        stack,
        party,
        _folder: folder,
    }
}

fn named(services: &[(&str, &str)]) -> Vec<(String, String)> {
    let named = services
        .iter()
        .map(|(name, value)| (format!("METERGATE_{name}"), (*value).to_owned()));
    named.collect()
}

impl World {
    /// Asks for a permission; nobody has answered yet.
    async fn ask(&self, need: &str, connection: &str, meter: &str) -> Asked {
        let body = json!({ "connectionId": connection, "dataNeedIds": [need], "meterId": meter });
        self.party
            .send(Method::POST, "/permissions", Some(&body))
            .await
            .unwrap()
    }

    /// A home that scans a code under `need` and accepts.
    async fn house(&self, generation: Generation, need: &str) -> House {
        let house = self.visitor(generation, need, |options| options).await;
        if let Err(error) = house.home.scan(house.code(generation)).await {
            panic!(
                "a home of {generation} could not accept: {error}\n{}",
                self.logs()
            );
        }
        house
    }

    /// A home that was asked and has not scanned yet.
    async fn visitor(
        &self,
        generation: Generation,
        need: &str,
        change: impl FnOnce(Options) -> Options,
    ) -> House {
        use service_kit::random::{Random as _, SystemRandom};
        let name = SystemRandom.uuid().simple().to_string();
        let (connection, meter) = (format!("customer-{name}"), format!("meter-{name}"));
        let asked = self.ask(need, &connection, &meter).await;
        House {
            home: Home::start(change(self.options(generation))),
            permission: asked.permission_ids[0],
            asked,
            connection,
            meter,
        }
    }

    fn options(&self, generation: Generation) -> Options {
        Options {
            authority: Some(self.stack.authority.certificate().to_owned()),
            keep_records: true,
            reconnect_at_most: Duration::from_secs(1),
            ..Options::new(generation)
        }
    }

    /// Waits until a condition holds in the database.
    async fn until(&self, condition: &str) {
        wait::until(DEADLINE, condition, async || {
            self.stack
                .holds(condition)
                .await
                .unwrap_or(false)
                .then_some(())
        })
        .await;
    }

    /// Waits until the permission has this status.
    async fn until_status(&self, permission: Uuid, status: &str) {
        let wanted =
            format!("SELECT status = '{status}' FROM aiida.permission WHERE id = '{permission}'");
        self.until(&wanted).await;
    }

    /// The rows of a query, as JSON objects.
    async fn rows(&self, query: &str) -> Vec<Value> {
        #[derive(diesel::QueryableByName)]
        struct Rows {
            #[diesel(sql_type = Text)]
            rows: String,
        }
        let query = format!("SELECT coalesce(json_agg(q), '[]')::text AS rows FROM ({query}) q");
        let mut connection = AsyncPgConnection::establish(&self.stack.database_url())
            .await
            .unwrap();
        let found: Rows = diesel::sql_query(&query)
            .get_result(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{query}: {error}"));
        serde_json::from_str(&found.rows).unwrap()
    }

    /// The first column of a query with one row, a number.
    async fn count(&self, query: &str) -> i64 {
        let rows = self.rows(query).await;
        let row = rows[0].as_object().unwrap();
        row.values().next().unwrap().as_i64().unwrap()
    }

    /// Jobs and slots of processes that were killed are free again, as when their leases have run out.
    async fn expire_leases(&self) {
        let expired = "UPDATE jobs.job SET lease_expires_at = now() WHERE state = 'running';
            UPDATE jobs.job SET run_at = now() WHERE state = 'available';
            UPDATE aiida.stream_slot SET lease_expires_at = now()";
        self.stack.sql(expired).await.unwrap();
    }

    /// Everything that was logged, for messages of failures.
    fn logs(&self) -> String {
        format!("{}\n{}", self.stack.logs(), self.stack.broker_log())
    }
}

impl House {
    /// The text of the code that a home of this generation can scan.
    fn code(&self, generation: Generation) -> &str {
        if generation == Generation::November2025 {
            &self.asked.older_codes[0].code
        } else {
            &self.asked.code
        }
    }

    fn report(&self) -> PermissionReport {
        let report = self.home.report();
        report.permission(self.permission).unwrap().clone()
    }

    fn credentials(&self) -> Credentials {
        self.home.credentials(self.permission).unwrap()
    }

    /// Waits until the home sees it so.
    async fn until(&self, what: &str, seen: impl Fn(&PermissionReport) -> bool) {
        let started = std::time::Instant::now();
        loop {
            let report = self.report();
            if seen(&report) {
                return;
            }
            assert!(
                started.elapsed() < DEADLINE,
                "waited {DEADLINE:?} in vain: {what}: {report:?}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What no log and no job may hold.
    fn secrets(&self) -> Vec<String> {
        use base64::Engine as _;
        let code = base64::engine::general_purpose::STANDARD
            .decode(&self.asked.code)
            .unwrap();
        let code: Value = serde_json::from_slice(&code).unwrap();
        let ticket = self.asked.page_url.rsplit('/').next().unwrap();
        let mut secrets = vec![
            self.asked.code.clone(),
            code["accessToken"].as_str().unwrap().to_owned(),
            ticket.to_owned(),
            self.connection.clone(),
            self.meter.clone(),
        ];
        let older = self.asked.older_codes.iter();
        secrets.extend(older.map(|one| one.code.clone()));
        let credentials = self.home.credentials(self.permission);
        secrets.extend(credentials.map(|it| it.password));
        secrets
    }
}

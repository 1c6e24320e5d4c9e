//! The running system.

use std::time::Duration;

use demo::party::{Asked, Party};
use demo::{Side, Stack, StackOptions};
use home::{Generation, Home, Options};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{jobs, wait};
use uuid::Uuid;

use super::House;

/// How long anything may take before a test says that it never came.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// What a home of 2025 knows, every second. These are needs of `data-needs.json`.
pub const FOR_2025: &str = "7d0c5b1e-40a6-4c52-9b1f-6f5f2c9a1e01";
/// All that a home sends, every second.
pub const EVERYTHING: &str = "7d0c5b1e-40a6-4c52-9b1f-6f5f2c9a1e02";
/// What a home of 2025 knows, once a year: it says nothing by itself.
pub const QUIET_2025: &str = "7d0c5b1e-40a6-4c52-9b1f-6f5f2c9a1e11";
/// All that a home sends, once a year.
pub const QUIET: &str = "7d0c5b1e-40a6-4c52-9b1f-6f5f2c9a1e12";
/// Data for a home, acknowledged.
pub const LIMITS: &str = "7d0c5b1e-40a6-4c52-9b1f-6f5f2c9a1e03";
/// Raw readings every second, and no commands.
pub const RAW: &str = "7d0c5b1e-40a6-4c52-9b1f-6f5f2c9a1e04";

/// A running system and the eligible party's key to it.
pub struct World {
    /// The system.
    pub stack: Stack,
    /// The eligible party.
    pub party: Party,
    // Dropped last.
    _folder: TempDir,
}

/// The near-real-time side, with these variables for the services.
pub async fn start(services: &[(&str, &str)]) -> World {
    start_with(StackOptions {
        side: Side::NearRealTime,
        services: named(services),
        ..StackOptions::default()
    })
    .await
}

/// The file of what homes are asked for.
pub const DATA_NEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/houses/data-needs.json");

/// The same with other options; the data needs are those of `data-needs.json`.
pub async fn start_with(mut options: StackOptions) -> World {
    options
        .services
        .extend(named(&[("AIIDA_DATA_NEEDS", DATA_NEEDS)]));
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

/// Variables by their names without the prefix.
#[must_use]
pub fn named(services: &[(&str, &str)]) -> Vec<(String, String)> {
    let named = services
        .iter()
        .map(|(name, value)| (format!("METERGATE_{name}"), (*value).to_owned()));
    named.collect()
}

impl World {
    /// Asks for a permission; nobody has answered yet.
    pub async fn ask(&self, need: &str, connection: &str, meter: &str) -> Asked {
        let body = json!({ "connectionId": connection, "dataNeedIds": [need], "meterId": meter });
        self.party
            .send(Method::POST, "/permissions", Some(&body))
            .await
            .unwrap()
    }

    /// A home that scans a code under `need` and accepts.
    pub async fn house(&self, generation: Generation, need: &str) -> House {
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
    pub async fn visitor(
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

    /// What a home is started with that can reach the system, and keeps what it sends.
    #[must_use]
    pub fn options(&self, generation: Generation) -> Options {
        Options {
            authority: Some(self.stack.authority.certificate().to_owned()),
            keep_records: true,
            reconnect_at_most: Duration::from_secs(1),
            ..Options::new(generation)
        }
    }

    /// Waits until a condition holds in the database.
    pub async fn until(&self, condition: &str) {
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
    pub async fn until_status(&self, permission: Uuid, status: &str) {
        let wanted =
            format!("SELECT status = '{status}' FROM aiida.permission WHERE id = '{permission}'");
        self.until(&wanted).await;
    }

    /// The rows of a query, as JSON objects.
    pub async fn rows(&self, query: &str) -> Vec<Value> {
        let rows = self.stack.rows(query).await;
        rows.unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// The one number that a query answers.
    pub async fn count(&self, query: &str) -> i64 {
        let number = self.stack.number(query).await;
        number.unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// Jobs and slots of processes that were killed are free again, as when their leases have run out.
    pub async fn expire_leases(&self) {
        let slots = "UPDATE aiida.stream_slot SET lease_expires_at = now()";
        for passes in [jobs::LEASES_OVER, jobs::ALL_DUE, slots] {
            self.stack.sql(passes).await.unwrap();
        }
    }

    /// Everything that was logged, for messages of failures.
    #[must_use]
    pub fn logs(&self) -> String {
        format!("{}\n{}", self.stack.logs(), self.stack.broker_log())
    }
}

//! Permissions as the permission service would have left them, and what their homes say.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use service_kit::clock::{Clock as _, SystemClock};
use service_kit::random::{Random as _, SystemRandom};
use uuid::Uuid;

use super::World;

/// A permission.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) id: Uuid,
    pub(crate) data_need: Value,
    pub(crate) connection: String,
    pub(crate) status: &'static str,
    /// Days from today.
    pub(crate) starts: i32,
    pub(crate) ends: Option<i32>,
}

impl Grant {
    /// Accepted, outbound, raw data, from thirty days ago to ten days ahead.
    pub(crate) fn outbound() -> Self {
        Self {
            id: SystemRandom.uuid(),
            data_need: json!({
                "type": "outbound-aiida",
                "id": SystemRandom.uuid(),
                "name": "Load profile",
                "description": "Near-real-time values",
                "purpose": "Advice",
                "policyLink": "https://example.test/policy",
                "enabled": true,
                "duration": {"type": "relativeDuration", "start": null, "end": null},
                "transmissionSchedule": "*/5 * * * * *",
                "allowedPermissionCommands": [],
                "acknowledgementRequired": false,
                "schemas": ["SMART-METER-P1-RAW"],
                "asset": "CONNECTION-AGREEMENT-POINT",
                "dataTags": [],
                "contexts": []
            }),
            connection: "customer-1".to_owned(),
            status: "ACCEPTED",
            starts: -30,
            ends: Some(10),
        }
    }

    pub(crate) fn schemas(mut self, schemas: &[&str]) -> Self {
        self.data_need["schemas"] = json!(schemas);
        self
    }

    pub(crate) async fn store(self, world: &World) -> Self {
        let Self {
            id,
            data_need,
            connection,
            status,
            starts,
            ends,
        } = &self;
        let today = "(clock_timestamp() AT TIME ZONE 'UTC')::date";
        let ends = ends.map_or("NULL".to_owned(), |days| format!("{today} + {days}"));
        let need = data_need["id"].as_str().unwrap();
        world
            .sql(&format!(
                "INSERT INTO aiida.permission
                     (id, bundle_id, connection_id, data_need_id, data_need, status, starts_on, ends_on)
                 VALUES ('{id}', gen_random_uuid(), '{connection}', '{need}', '{data_need}', '{status}',
                         {today} + {starts}, {ends})"
            ))
            .await;
        self
    }

    pub(crate) fn topic(&self, rest: &str) -> String {
        format!("aiida/v1/{}/{rest}", self.id)
    }

    pub(crate) fn data(&self) -> String {
        self.topic("data/outbound/smart-meter-p1-raw")
    }
}

/// A raw record of now with two values; `number` tells it from others.
pub(crate) fn raw(grant: &Grant, number: u32) -> Vec<u8> {
    raw_at(grant, number, SignedDuration::ZERO)
}

/// The same, this much later (or earlier).
pub(crate) fn raw_at(grant: &Grant, number: u32, later: SignedDuration) -> Vec<u8> {
    let at: Timestamp = SystemClock.now() + later;
    raw_json(grant, at, &number.to_string())
        .to_string()
        .into_bytes()
}

fn raw_json(grant: &Grant, at: Timestamp, value: &str) -> Value {
    let entry = |tag: &str, value: &str, unit: &str| {
        json!({"rawTag": tag, "dataTag": tag, "rawValue": value, "rawUnitOfMeasurement": unit,
               "value": value, "unitOfMeasurement": unit})
    };
    json!({
        "timestamp": at.to_string(),
        "permissionId": grant.id,
        "userId": Uuid::nil(),
        "dataSourceId": Uuid::nil(),
        "asset": "CONNECTION-AGREEMENT-POINT",
        "meterId": null,
        "operatorId": null,
        "values": [entry("1-0:1.8.0", value, "kWh"), entry("1-0:1.7.0", "0.995", "kW")]
    })
}

/// A raw record with this many values.
pub(crate) fn values(grant: &Grant, count: usize) -> Vec<u8> {
    let mut record = raw_json(grant, SystemClock.now(), "1");
    let one = record["values"][0].clone();
    record["values"] = Value::Array(vec![one; count]);
    record.to_string().into_bytes()
}

/// A status message.
pub(crate) fn status(grant: &Grant, status: &str) -> Vec<u8> {
    json!({
        "connectionId": grant.connection,
        "dataNeedId": grant.data_need["id"],
        "timestamp": SystemClock.now().to_string(),
        "status": status,
        "permissionId": grant.id,
        "eddieId": Uuid::nil()
    })
    .to_string()
    .into_bytes()
}

/// Bytes as Postgres reads them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold("\\x".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

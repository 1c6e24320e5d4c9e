//! The books: what stands in the database and at the broker, against what the homes know. The readings are worked
//! out here once more, from the bytes that a home sent.

use std::collections::BTreeMap;

use demo::check;
use home::{Reconnection, Record};
use jiff::Timestamp;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{DEADLINE, House, World};

/// A value of a stored record: when (in milliseconds since 1970), under which OBIS code, how much, in which unit.
type Reading = (i64, String, Decimal, String);

/// What leads to an accepted permission.
pub const ACCEPTED: [&str; 4] = [
    "CREATED",
    "VALIDATED",
    "SENT_TO_PERMISSION_ADMINISTRATOR",
    "ACCEPTED",
];

impl World {
    /// Every record that the broker acknowledged to the home is stored exactly once, byte for byte, with its readings;
    /// what is stored besides was at least made by the home. The number of records.
    pub async fn assert_stored(&self, house: &House) -> usize {
        let id = house.permission;
        let sent = house.home.sent(id).unwrap();
        let mut stored: BTreeMap<(String, String), Vec<Reading>> = BTreeMap::new();
        let query = format!(
            "SELECT m.schema, convert_from(m.payload, 'UTF8') AS payload,
                (SELECT json_agg(json_build_array(
                        (extract(epoch FROM r.measured_at) * 1000)::bigint, r.obis, r.value::text, r.unit)
                    ORDER BY r.nr)
                 FROM aiida.reading r
                 WHERE (r.permission_id, r.sent_at, r.digest) = (m.permission_id, m.sent_at, m.digest)) AS readings
             FROM aiida.message m WHERE permission_id = '{id}' AND channel = 'data'"
        );
        for row in self.rows(&query).await {
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            let readings = row["readings"].as_array().into_iter().flatten();
            let readings = readings.map(stored_reading).collect();
            let before = stored.insert((text("schema"), text("payload")), readings);
            assert_eq!(before, None, "stored twice: {row}");
        }
        for record in &sent.acknowledged {
            assert!(
                stored.contains_key(&key(record)),
                "acknowledged and not stored: {}\n{}",
                String::from_utf8_lossy(&record.payload),
                self.logs(),
            );
        }
        let made: BTreeMap<_, _> = sent.made.iter().map(|one| (key(one), one)).collect();
        for (key, readings) in &stored {
            let record = made
                .get(key)
                .unwrap_or_else(|| panic!("not of this home: {key:?}"));
            assert_eq!(readings, &expected(record), "{key:?}");
        }
        let stray = format!(
            "SELECT count(*) FROM aiida.reading r LEFT JOIN aiida.message m USING (permission_id, sent_at, digest)
             WHERE permission_id = '{id}' AND m.schema IS NULL"
        );
        assert_eq!(self.count(&stray).await, 0, "readings of no record");
        stored.len()
    }

    /// The permission went through exactly these states, in this order.
    pub async fn assert_history(&self, permission: Uuid, rest: &[&str]) {
        let expected: Vec<&str> = ACCEPTED.iter().chain(rest).copied().collect();
        assert_eq!(
            self.party.history(permission).await.unwrap(),
            expected,
            "{permission}\n{}",
            self.logs()
        );
    }

    /// One user with a bcrypt hash and no superpowers, and the rules of an outbound permission, in their order.
    pub async fn assert_let_in(&self, house: &House) {
        let id = house.permission;
        let users = self
            .rows(&format!(
                "SELECT username, left(password_hash, 4) AS hash, is_superuser, permission_id FROM aiida.aiida_mqtt_user
                 WHERE username = '{id}' OR permission_id = '{id}'"
            ))
            .await;
        let user =
            json!({ "username": id, "hash": "$2b$", "is_superuser": false, "permission_id": id });
        assert_eq!(users, [user]);
        let base = format!("aiida/v1/{id}");
        let wanted = [
            ("SUBSCRIBE", "DENY", format!("eq {base}/command/#")),
            ("SUBSCRIBE", "ALLOW", format!("{base}/command/+")),
            ("SUBSCRIBE", "ALLOW", format!("{base}/termination")),
            ("PUBLISH", "ALLOW", format!("{base}/status")),
            ("PUBLISH", "ALLOW", format!("{base}/data/outbound/+")),
        ];
        let wanted = wanted.map(
            |(action, kind, topic)| json!({ "action": action, "acl_type": kind, "topic": topic }),
        );
        assert_eq!(self.rules(id).await, wanted);
    }

    /// The rules of a permission, in their order.
    pub async fn rules(&self, permission: Uuid) -> Vec<Value> {
        self.rows(&format!(
            "SELECT action, acl_type, topic FROM aiida.aiida_mqtt_acl WHERE username = '{permission}' ORDER BY id"
        ))
        .await
    }

    /// Nothing is left of the permission at the broker: no rows, no connections, no retained messages; the home's
    /// credentials open nothing any more.
    pub async fn assert_shut_out(&self, house: &House) {
        let id = house.permission;
        self.until(&format!(
            "SELECT removed_at IS NOT NULL FROM aiida.permission WHERE id = '{id}'"
        ))
        .await;
        let rows = format!(
            "SELECT (SELECT count(*) FROM aiida.aiida_mqtt_user WHERE username = '{id}' OR permission_id = '{id}')
                + (SELECT count(*) FROM aiida.aiida_mqtt_acl WHERE username = '{id}' OR permission_id = '{id}')
                + (SELECT count(*) FROM aiida.credential WHERE permission_id = '{id}')"
        );
        assert_eq!(self.count(&rows).await, 0, "rows of {id} are left");
        house
            .until("the end of the connections", |home| {
                !home.connected && !home.inbound_connected
            })
            .await;
        let again = house.home.reconnect(id).await.unwrap();
        assert!(
            matches!(again, Reconnection::Refused(134 | 135)),
            "{id}: {again:?}"
        );
        assert_eq!(self.retained(id).await, Vec::<Value>::new());
        let clients = self.broker_api(&format!("clients?username={id}")).await;
        assert_eq!(clients["data"], json!([]), "clients of {id}");
    }

    /// What the broker keeps under the permission's topics.
    pub async fn retained(&self, permission: Uuid) -> Vec<Value> {
        let path = format!("mqtt/retainer/messages?topic=aiida%2Fv1%2F{permission}%2F%23");
        let answer = self.broker_api(&path).await;
        answer["data"].as_array().unwrap().clone()
    }

    async fn broker_api(&self, path: &str) -> Value {
        let (key, secret) = self.stack.broker_key();
        let http = reqwest::Client::builder()
            .timeout(DEADLINE)
            .build()
            .unwrap();
        let url = format!("http://{}/api/v5/{path}", self.stack.broker().unwrap().api);
        let answer = http
            .request(Method::GET, url)
            .basic_auth(key, Some(secret))
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    /// No log, no metric, no job and no refused remainder holds what is personal or opens a door; and nothing was given up.
    pub async fn assert_quiet<'a>(&self, houses: impl IntoIterator<Item = &'a House>) {
        let secrets: Vec<String> = houses.into_iter().flat_map(House::secrets).collect();
        assert!(secrets.len() > 4, "nothing to look for");
        let logs = self.stack.logs();
        assert!(logs.contains("accepted"), "these are not the logs");
        for secret in &secrets {
            let line = logs.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(line, None, "{secret:?} is in the logs");
        }
        assert_eq!(check::secrets_in(&logs, &secrets), 0);
        let metrics = self.stack.metrics().unwrap();
        assert!(metrics.contains("metergate_build_info"));
        assert_eq!(check::secrets_in(&metrics, &secrets), 0, "{metrics}");
        let jobs = self.rows("SELECT * FROM jobs.job").await;
        assert!(!jobs.is_empty());
        let jobs = Value::from(jobs).to_string();
        assert_eq!(check::secrets_in(&jobs, &secrets), 0, "{jobs}");
        assert!(!logs.contains("Bearer "), "a token is in the logs");
        let given_up = "SELECT count(*) FROM jobs.job WHERE state = 'discarded'";
        assert_eq!(self.count(given_up).await, 0, "jobs were given up");
    }
}

/// Schema and payload of a record, as they are stored.
fn key(record: &Record) -> (String, String) {
    let schema = record.topic.rsplit('/').next().unwrap().to_uppercase();
    let schema = if schema == "SMART-METER-P1-CIM" {
        "SMART-METER-P1-CIM-V1-04".to_owned()
    } else {
        schema
    };
    let payload = String::from_utf8(record.payload.clone()).unwrap();
    (schema, payload)
}

fn stored_reading(row: &Value) -> Reading {
    let text = |nr: usize| row[nr].as_str().unwrap().to_owned();
    (
        row[0].as_i64().unwrap(),
        text(1),
        text(2).parse().unwrap(),
        text(3),
    )
}

/// The readings in a record.
fn expected(record: &Record) -> Vec<Reading> {
    let document: Value = serde_json::from_slice(&record.payload).unwrap();
    if record.topic.ends_with("smart-meter-p1-raw") {
        return of_raw(&document);
    }
    if record.topic.contains("smart-meter-p1-cim") {
        let series = &document["MarketDocument"]["TimeSeries"][0];
        let at = milliseconds(&series["dateAndOrTime.dateTime"]);
        let quantities = series["Quantity"].as_array().unwrap();
        return quantities.iter().map(|one| of_quantity(at, one)).collect();
    }
    Vec::new()
}

fn of_raw(document: &Value) -> Vec<Reading> {
    let at = milliseconds(&document["timestamp"]);
    let values = document["values"].as_array().unwrap().iter();
    let reading = |value: &Value| {
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        let number = text("value").parse().unwrap();
        (at, text("dataTag"), number, text("unitOfMeasurement"))
    };
    values.map(reading).collect()
}

fn of_quantity(at: i64, quantity: &Value) -> Reading {
    let (obis, unit) = match quantity["type"].as_str().unwrap() {
        "0" => ("1-0:1.8.0", "kWh"),
        "1" => ("1-0:2.8.0", "kWh"),
        "2" => ("1-0:1.7.0", "kW"),
        "3" => ("1-0:2.7.0", "kW"),
        other => panic!("quantity {other} was not asked for"),
    };
    let value = quantity["quantity"].to_string().parse().unwrap();
    (at, obis.to_owned(), value, unit.to_owned())
}

fn milliseconds(time: &Value) -> i64 {
    let time: Timestamp = time.as_str().unwrap().parse().unwrap();
    time.as_millisecond()
}

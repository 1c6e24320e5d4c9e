//! Homes, and what they send: raw messages with two readings each, every one of another time.

use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use permission::message::Record;
use permission::{PermissionId, Schema};
use serde_json::json;
use service_kit::clock::{Clock as _, SystemClock};
use service_kit::random::{Random as _, SystemRandom};
use storage::aiida::stream::ingest::{self, Channel, NewMessage, NewReading};
use uuid::Uuid;

use benches::Answer;

/// Homes that send by turns: 1,000 messages a second are one a second of each.
pub(crate) const HOMES: usize = 1000;

/// Accepted permissions.
pub(crate) struct Homes {
    permissions: Vec<Uuid>,
    /// The time of message 0; each further one is a microsecond later. A day back, so that all of them lie in one
    /// partition.
    since: Timestamp,
}

/// A message on its topic.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
}

impl Homes {
    pub(crate) async fn new(url: &str) -> Answer<Self> {
        let permissions: Vec<Uuid> = (0..HOMES).map(|_| SystemRandom.uuid()).collect();
        let data_need = SystemRandom.uuid();
        let document = json!({
            "type": "outbound-aiida",
            "id": data_need,
            "name": "Live consumption",
            "purpose": "Benchmark",
            "policyLink": "https://party.example/policy",
            "duration": {"type": "relativeDuration", "start": null, "end": null},
            "transmissionSchedule": "*/1 * * * * *",
            "schemas": ["SMART-METER-P1-RAW"],
            "asset": "CONNECTION-AGREEMENT-POINT",
            "dataTags": ["1-0:1.7.0", "1-0:1.8.0"]
        });
        let ids: Vec<String> = permissions.iter().map(Uuid::to_string).collect();
        let insert = format!(
            "INSERT INTO aiida.permission
                 (id, bundle_id, connection_id, data_need_id, data_need, status, starts_on, ends_on)
             SELECT id, gen_random_uuid(), 'somebody', '{data_need}', '{document}', 'ACCEPTED',
                    current_date - 30, current_date + 10
             FROM unnest('{{{}}}'::uuid[]) AS id",
            ids.join(",")
        );
        let mut conn = AsyncPgConnection::establish(url).await?;
        conn.batch_execute(&insert).await?;
        conn.batch_execute("ANALYZE aiida.permission").await?;
        let yesterday = SystemClock
            .now()
            .to_zoned(TimeZone::UTC)
            .date()
            .yesterday()?;
        let since = yesterday.at(12, 0, 0, 0).to_zoned(TimeZone::UTC)?;
        Ok(Self {
            permissions,
            since: since.timestamp(),
        })
    }

    /// The time of a message.
    pub(crate) fn time(&self, n: usize) -> Answer<Timestamp> {
        let later = SignedDuration::from_micros(i64::try_from(n)?);
        Ok(self.since.checked_add(later)?)
    }

    /// The ids of the permissions, in the order in which they send.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.permissions.iter().map(Uuid::to_string).collect()
    }

    fn home(&self, n: usize) -> Answer<Uuid> {
        let home = self.permissions.get(n % HOMES);
        Ok(*home.ok_or("there are no homes")?)
    }

    /// Message `n`.
    pub(crate) fn message(&self, n: usize) -> Answer<Message> {
        let home = self.home(n)?;
        let value = |tag: &str, value: String, unit: &str| {
            json!({
                "rawTag": tag, "dataTag": tag, "rawValue": value, "rawUnitOfMeasurement": unit,
                "value": value, "unitOfMeasurement": unit
            })
        };
        let payload = json!({
            "timestamp": self.time(n)?.to_string(),
            "permissionId": home,
            "userId": home,
            "dataSourceId": home,
            "asset": "CONNECTION-AGREEMENT-POINT",
            "meterId": "fictional-meter",
            "operatorId": null,
            "values": [
                value("1-0:1.8.0", format!("{}.{:03}", 10_000 + n / 1000, n % 1000), "kWh"),
                value("1-0:1.7.0", format!("0.{:03}", n % 1000), "kW"),
            ]
        });
        Ok(Message {
            topic: format!("aiida/v1/{home}/data/outbound/smart-meter-p1-raw"),
            payload: payload.to_string().into_bytes(),
        })
    }

    /// Message `n` as it is stored.
    pub(crate) fn row(&self, n: usize) -> Answer<NewMessage> {
        let payload = self.message(n)?.payload;
        let schema = Schema::SmartMeterP1Raw;
        let record = Record::parse(schema, &payload)?;
        let readings = record.readings.into_iter().map(|reading| NewReading {
            measured_at: reading.measured_at,
            obis: reading.obis,
            value: reading.value.to_string(),
            unit: reading.unit,
            quality: reading.quality,
        });
        Ok(NewMessage {
            permission: PermissionId::from(self.home(n)?),
            sent_at: record.sent_at.ok_or("the message has no time")?,
            channel: Channel::Data,
            schema: schema.name(),
            digest: ingest::digest(Channel::Data, schema.name(), &payload),
            readings: readings.collect(),
            payload,
        })
    }
}

//! Messages of homes: one batch, one transaction, each message once.

use std::collections::HashSet;

use diesel::sql_types::{Array, Binary, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use permission::PermissionId;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::sql::{IdRow, NumberRow, ids};

/// Which of a permission's topics a message came on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// `…/data/outbound/{schema}`.
    Data,
    /// `…/acknowledgement/{schema}`.
    Acknowledgement,
}

impl Channel {
    /// As it stands in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Acknowledgement => "acknowledgement",
        }
    }
}

/// A value of a message.
#[derive(Debug, Clone)]
pub struct NewReading {
    /// When it was measured.
    pub measured_at: Timestamp,
    /// OBIS code; `quantity:<type>` for a type of CIM without one.
    pub obis: String,
    /// Exact decimal in digits, as Postgres reads a `numeric`.
    pub value: String,
    /// Unit, as the home sent it.
    pub unit: String,
    /// Quality, where the record states one.
    pub quality: Option<String>,
}

/// A message to be stored.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The permission of its topic.
    pub permission: PermissionId,
    /// Its own time, or that of its arrival when it names none.
    pub sent_at: Timestamp,
    /// The topic's channel.
    pub channel: Channel,
    /// Name of the schema (`SMART-METER-P1-RAW`).
    pub schema: &'static str,
    /// As it came.
    pub payload: Vec<u8>,
    /// [`digest`] of it.
    pub digest: [u8; 16],
    /// What was read out of it, at most as many as a `smallint` counts.
    pub readings: Vec<NewReading>,
}

/// What tells a message that comes twice: the first 16 bytes of a SHA-256.
#[must_use]
pub fn digest(channel: Channel, schema: &str, payload: &[u8]) -> [u8; 16] {
    let hash = Sha256::new()
        .chain_update(channel.name())
        .chain_update([0])
        .chain_update(schema)
        .chain_update([0])
        .chain_update(payload)
        .finalize();
    let mut digest = [0; 16];
    for (target, byte) in digest.iter_mut().zip(hash) {
        *target = byte;
    }
    digest
}

/// Makes the caller's transaction durable when it commits, also where the database is told not to wait for the disk:
/// the broker forgets a message once it is acknowledged.
pub async fn durable(conn: &mut AsyncPgConnection) -> diesel::QueryResult<()> {
    sql_query(
        "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'",
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores the messages that are not there yet, with their readings, in the caller's transaction; answers how many
/// those were. The partitions of their days exist ([`super::partitions::make`]).
pub async fn store(
    conn: &mut AsyncPgConnection,
    messages: &[&NewMessage],
) -> diesel::QueryResult<u64> {
    let messages = distinct(messages);
    if messages.is_empty() {
        return Ok(0);
    }
    let readings: Vec<(&NewMessage, i16, &NewReading)> = messages
        .iter()
        .flat_map(|message| {
            (0_i16..)
                .zip(&message.readings)
                .map(|(nr, reading)| (*message, nr, reading))
        })
        .collect();
    let stored: NumberRow = sql_query(STORE)
        .bind::<Array<SqlUuid>, _>(column(&messages, |one| one.permission.uuid()))
        .bind::<Array<Timestamptz>, _>(column(&messages, |one| one.sent_at.to_diesel()))
        .bind::<Array<Binary>, _>(column(&messages, |one| one.digest.as_slice()))
        .bind::<Array<Text>, _>(column(&messages, |one| one.channel.name()))
        .bind::<Array<Text>, _>(column(&messages, |one| one.schema))
        .bind::<Array<Binary>, _>(column(&messages, |one| one.payload.as_slice()))
        .bind::<Array<SqlUuid>, _>(column(&readings, |one| one.0.permission.uuid()))
        .bind::<Array<Timestamptz>, _>(column(&readings, |one| one.0.sent_at.to_diesel()))
        .bind::<Array<Binary>, _>(column(&readings, |one| one.0.digest.as_slice()))
        .bind::<Array<SmallInt>, _>(column(&readings, |one| one.1))
        .bind::<Array<Timestamptz>, _>(column(&readings, |one| one.2.measured_at.to_diesel()))
        .bind::<Array<Text>, _>(column(&readings, |one| one.2.obis.as_str()))
        .bind::<Array<Text>, _>(column(&readings, |one| one.2.value.as_str()))
        .bind::<Array<Text>, _>(column(&readings, |one| one.2.unit.as_str()))
        .bind::<Array<Nullable<Text>>, _>(column(&readings, |one| one.2.quality.as_deref()))
        .get_result(conn)
        .await?;
    Ok(stored.n.unsigned_abs())
}

/// Readings follow their message: those of a message that was there already are there as well.
const STORE: &str = "
    WITH stored AS (
        INSERT INTO aiida.message (permission_id, sent_at, digest, channel, schema, payload)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6)
        ON CONFLICT DO NOTHING
        RETURNING permission_id, sent_at, digest
    ), read AS (
        INSERT INTO aiida.reading (permission_id, sent_at, digest, nr, measured_at, obis, value, unit, quality)
        SELECT r.permission_id, r.sent_at, r.digest, r.nr, r.measured_at, r.obis, r.value::numeric, r.unit, r.quality
        FROM unnest($7, $8, $9, $10, $11, $12, $13, $14, $15)
             AS r (permission_id, sent_at, digest, nr, measured_at, obis, value, unit, quality)
        JOIN stored s ON s.permission_id = r.permission_id AND s.sent_at = r.sent_at AND s.digest = r.digest
    )
    SELECT count(*) AS n FROM stored";

/// Each message once, in the order of keys: two replicas that are given the same messages insert them in the same
/// order and so do not block each other.
fn distinct<'m>(messages: &[&'m NewMessage]) -> Vec<&'m NewMessage> {
    let mut seen = HashSet::new();
    let mut distinct: Vec<&NewMessage> = messages
        .iter()
        .copied()
        .filter(|one| seen.insert((one.permission, one.sent_at.as_microsecond(), one.digest)))
        .collect();
    distinct.sort_by_key(|one| (one.permission, one.sent_at, one.digest));
    distinct
}

fn column<'r, R, T>(rows: &'r [R], pick: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(pick).collect()
}

/// More than a message needs in a new place, about a megabyte. A full disk may still take a small message, where there is
/// a little room in a file that a larger one would have to extend.
const ROOM: &str = "CREATE TEMP TABLE room ON COMMIT DROP AS
    SELECT repeat('x', 1900) FROM generate_series(1, 550)";

/// Whether the database takes messages at all: stores one and takes it back, and there is room for more. Tells a message
/// that cannot be stored from a database that stores nothing.
pub async fn probe(conn: &mut AsyncPgConnection) -> diesel::QueryResult<()> {
    use diesel_async::{AsyncConnection as _, SimpleAsyncConnection as _};
    let now = crate::clock::now(conn).await?;
    let message = NewMessage {
        permission: PermissionId::from(Uuid::nil()),
        sent_at: now,
        channel: Channel::Data,
        schema: "PROBE",
        payload: b"probe".to_vec(),
        digest: [0; 16],
        readings: vec![NewReading {
            measured_at: now,
            obis: "1-0:1.7.0".to_owned(),
            value: "0.5".to_owned(),
            unit: "kW".to_owned(),
            quality: None,
        }],
    };
    super::partitions::make(conn, &[now.to_zoned(jiff::tz::TimeZone::UTC).date()]).await?;
    let outcome = conn
        .transaction(async |conn| {
            // Where the database itself is.
            conn.batch_execute("SET LOCAL temp_tablespaces = ''")
                .await?;
            conn.batch_execute(ROOM).await?;
            store(conn, &[&message]).await?;
            Err::<(), _>(diesel::result::Error::RollbackTransaction)
        })
        .await;
    match outcome {
        Err(diesel::result::Error::RollbackTransaction) | Ok(()) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Notes that records of these permissions are stored now, by the database's clock. A permission whose row is locked, or
/// that was noted in the last five seconds, is passed over: the next batch notes it. Answers those that were noted.
pub async fn note(
    conn: &mut AsyncPgConnection,
    permissions: &[PermissionId],
) -> diesel::QueryResult<Vec<PermissionId>> {
    if permissions.is_empty() {
        return Ok(Vec::new());
    }
    let noted: Vec<IdRow> = sql_query(
        "UPDATE aiida.permission p
         SET first_message_at = least(p.first_message_at, now), last_message_at = now
         FROM (SELECT id, now FROM aiida.permission, clock_timestamp() AS now
               WHERE id = ANY ($1) AND last_message_at BETWEEN now - interval '5 s' AND now IS NOT TRUE
               FOR NO KEY UPDATE OF permission SKIP LOCKED) due
         WHERE p.id = due.id RETURNING p.id",
    )
    .bind::<Array<SqlUuid>, _>(permissions.iter().map(|id| id.uuid()).collect::<Vec<_>>())
    .load(conn)
    .await?;
    Ok(ids(noted))
}

#[derive(QueryableByName)]
struct SentAt {
    #[diesel(sql_type = Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    sent_at: Timestamp,
}

/// The time under which a message without a time of its own was stored before, looked for from `since` on: the broker
/// says that it may have delivered it already.
pub async fn stored_before(
    conn: &mut AsyncPgConnection,
    permission: PermissionId,
    digest: [u8; 16],
    since: Timestamp,
) -> diesel::QueryResult<Option<Timestamp>> {
    let row: Option<SentAt> = sql_query(
        "SELECT sent_at FROM aiida.message WHERE permission_id = $1 AND digest = $2 AND sent_at >= $3
         ORDER BY sent_at DESC LIMIT 1",
    )
    .bind::<SqlUuid, _>(permission.uuid())
    .bind::<Binary, _>(digest.as_slice())
    .bind::<Timestamptz, _>(since.to_diesel())
    .get_result(conn)
    .await
    .optional()?;
    Ok(row.map(|row| row.sent_at))
}

//! What was refused: counted per permission and reason, the last messages kept for the operator.

use std::collections::BTreeMap;

use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use permission::PermissionId;
use uuid::Uuid;

/// Bytes of a refused payload that are kept.
pub const KEPT_BYTES: usize = 4096;

/// Refused messages that are kept per permission; those that name no permission that we know count as one.
pub const KEPT_PER_PERMISSION: usize = 20;

/// Refused messages that are kept in all.
pub const KEPT: usize = 1000;

/// A refused message.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The permission of its topic; `None` when the topic names none that we know.
    pub permission: Option<PermissionId>,
    /// Why, in a word.
    pub reason: &'static str,
    /// When it came.
    pub received_at: Timestamp,
    /// The message itself; `None` where it is to be counted only.
    pub message: Option<Message>,
}

/// A refused message, to be looked at.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// Its payload; what exceeds [`KEPT_BYTES`] is left out.
    pub payload: Vec<u8>,
}

impl Refused {
    fn id(&self) -> Option<Uuid> {
        self.permission.map(PermissionId::uuid)
    }
}

impl Message {
    fn beginning(&self) -> &[u8] {
        self.payload.get(..KEPT_BYTES).unwrap_or(&self.payload)
    }
}

/// Counts these, and keeps the last ones of each permission. In the transaction of their batch, as its last
/// statement: other replicas that count the same wait for its end.
pub async fn record(conn: &mut AsyncPgConnection, refused: &[&Refused]) -> diesel::QueryResult<()> {
    if refused.is_empty() {
        return Ok(());
    }
    keep(conn, refused).await?;
    // In the order of keys, so that two replicas do not wait for each other.
    let mut counts: BTreeMap<(Option<Uuid>, &str), (i64, Timestamp)> = BTreeMap::new();
    for one in refused {
        let (count, last) = counts
            .entry((one.id(), one.reason))
            .or_insert((0, one.received_at));
        *count += 1;
        *last = (*last).max(one.received_at);
    }
    sql_query(
        "INSERT INTO aiida.refusal AS known (permission_id, reason, messages, last_at)
         SELECT * FROM unnest($1, $2, $3, $4)
         ON CONFLICT (permission_id, reason) DO UPDATE
         SET messages = known.messages + excluded.messages, last_at = greatest(known.last_at, excluded.last_at)",
    )
    .bind::<Array<Nullable<SqlUuid>>, _>(counts.keys().map(|key| key.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(counts.keys().map(|key| key.1).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(counts.values().map(|value| value.0).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(counts.values().map(|value| value.1.to_diesel()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

async fn keep(conn: &mut AsyncPgConnection, refused: &[&Refused]) -> diesel::QueryResult<()> {
    let mut room: BTreeMap<Option<Uuid>, usize> = BTreeMap::new();
    let mut kept: Vec<(&Refused, &Message)> = refused
        .iter()
        .rev()
        .filter_map(|one| Some((*one, one.message.as_ref()?)))
        .filter(|(one, _)| {
            let taken = room.entry(one.id()).or_default();
            *taken += 1;
            *taken <= KEPT_PER_PERMISSION
        })
        .take(KEPT)
        .collect();
    kept.reverse();
    sql_query(
        "INSERT INTO aiida.refused_message (permission_id, topic, reason, received_at, payload)
         SELECT * FROM unnest($1, $2, $3, $4, $5)",
    )
    .bind::<Array<Nullable<SqlUuid>>, _>(kept.iter().map(|(one, _)| one.id()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(
        kept.iter()
            .map(|(_, message)| message.topic.as_str())
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Text>, _>(kept.iter().map(|(one, _)| one.reason).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(
        kept.iter()
            .map(|(one, _)| one.received_at.to_diesel())
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Binary>, _>(
        kept.iter()
            .map(|(_, message)| message.beginning())
            .collect::<Vec<_>>(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes refused messages beyond those that are kept, and those from before `since`. Not in a batch's transaction:
/// two replicas that delete the same rows in another order would block each other, so one does it at a time, and who
/// finds another at it leaves it to that one.
pub async fn prune(conn: &mut AsyncPgConnection, since: Timestamp) -> diesel::QueryResult<usize> {
    sql_query(
        "WITH turn AS MATERIALIZED (
             SELECT pg_try_advisory_xact_lock(hashtextextended('aiida.refused_message', 0)) AS mine
         ), ranked AS (
             SELECT id, received_at, row_number() OVER (PARTITION BY permission_id ORDER BY id DESC) AS of_permission,
                    row_number() OVER (ORDER BY id DESC) AS of_all
             FROM aiida.refused_message
         )
         DELETE FROM aiida.refused_message m USING ranked r, turn
         WHERE turn.mine AND m.id = r.id AND (r.of_permission > $1 OR r.of_all > $2 OR r.received_at < $3)",
    )
    .bind::<BigInt, _>(i64::try_from(KEPT_PER_PERMISSION).unwrap_or(i64::MAX))
    .bind::<BigInt, _>(i64::try_from(KEPT).unwrap_or(i64::MAX))
    .bind::<Timestamptz, _>(since.to_diesel())
    .execute(conn)
    .await
}

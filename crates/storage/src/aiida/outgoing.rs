//! Commands and inbound data on their way to homes. The permission service inserts them, together with the
//! job `aiida.command`; aiida-stream publishes them, in the order of their numbers, or says why not.

use diesel::deserialize::{FromSql, FromSqlRow, Result as FromSqlResult};
use diesel::pg::{Pg, PgValue};
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::{NullableTimestamp, Timestamp};
use permission::PermissionId;
use uuid::Uuid;

use super::OutgoingId;

/// What is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromSqlRow)]
pub enum Kind {
    /// A command; its name is the action (`TERMINATE`).
    Command,
    /// Inbound data; its name is the schema (`OPAQUE`).
    Inbound,
}

impl Kind {
    /// As in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Inbound => "inbound",
        }
    }
}

impl FromSql<Text, Pg> for Kind {
    fn from_sql(value: PgValue<'_>) -> FromSqlResult<Self> {
        let text = <String as FromSql<Text, Pg>>::from_sql(value)?;
        [Self::Command, Self::Inbound]
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| format!("aiida.outgoing has the unknown kind {text:?}").into())
    }
}

/// A message to be published.
#[derive(Debug, Clone, Copy)]
pub struct NewOutgoing<'a> {
    /// Our id.
    pub id: OutgoingId,
    /// Whose home it is for.
    pub permission: PermissionId,
    /// Command or data.
    pub kind: Kind,
    /// The action, or the schema: both in capitals.
    pub name: &'a str,
    /// The bytes that the home receives.
    pub payload: &'a [u8],
}

/// A message with what became of it.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Outgoing {
    /// Our id.
    #[diesel(sql_type = SqlUuid, deserialize_as = Uuid)]
    pub id: OutgoingId,
    /// The order of publishing.
    #[diesel(sql_type = BigInt)]
    pub number: i64,
    /// Whose home it is for.
    #[diesel(sql_type = SqlUuid, column_name = "permission_id", deserialize_as = Uuid)]
    pub permission: PermissionId,
    /// Command or data.
    #[diesel(sql_type = Text)]
    pub kind: Kind,
    /// The action, or the schema.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// The bytes that the home receives.
    #[diesel(sql_type = Binary)]
    pub payload: Vec<u8>,
    /// When it was asked for.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub created_at: jiff::Timestamp,
    /// When the broker had it.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub published_at: Option<jiff::Timestamp>,
    /// Why it was not published.
    #[diesel(sql_type = Nullable<Text>)]
    pub dropped: Option<String>,
}

impl Outgoing {
    /// Neither published nor dropped yet.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.published_at.is_none() && self.dropped.is_none()
    }
}

/// A message without its bytes, for lists.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Listed {
    /// Our id.
    #[diesel(sql_type = SqlUuid, deserialize_as = Uuid)]
    pub id: OutgoingId,
    /// Command or data.
    #[diesel(sql_type = Text)]
    pub kind: Kind,
    /// The action, or the schema.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// When it was asked for.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub created_at: jiff::Timestamp,
    /// When the broker had it.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub published_at: Option<jiff::Timestamp>,
    /// Why it was not published.
    #[diesel(sql_type = Nullable<Text>)]
    pub dropped: Option<String>,
}

/// What came after a message of the same permission, kind and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Newer {
    /// One that waits to be published.
    #[diesel(sql_type = Bool)]
    pub waiting: bool,
    /// One that the broker has.
    #[diesel(sql_type = Bool)]
    pub published: bool,
}

/// Stores a message that waits to be published. In the transaction that has enqueued its job
/// ([`AiidaCommand`](crate::kinds::AiidaCommand)) before, in this order. Roles: aiida-permission.
pub async fn insert(
    conn: &mut AsyncPgConnection,
    new: &NewOutgoing<'_>,
) -> diesel::QueryResult<()> {
    sql_query(
        "INSERT INTO aiida.outgoing (id, permission_id, kind, name, payload) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind::<SqlUuid, _>(new.id.uuid())
    .bind::<SqlUuid, _>(new.permission.uuid())
    .bind::<Text, _>(new.kind.name())
    .bind::<Text, _>(new.name)
    .bind::<Binary, _>(new.payload)
    .execute(conn)
    .await?;
    Ok(())
}

/// One message. Roles: aiida-permission, aiida-stream, operator.
pub async fn get(
    conn: &mut AsyncPgConnection,
    id: OutgoingId,
) -> diesel::QueryResult<Option<Outgoing>> {
    sql_query("SELECT * FROM aiida.outgoing WHERE id = $1")
        .bind::<SqlUuid, _>(id.uuid())
        .get_result(conn)
        .await
        .optional()
}

/// The last messages of a permission, newest first, at most `limit`. Roles: aiida-permission,
/// aiida-stream, operator.
pub async fn list(
    conn: &mut AsyncPgConnection,
    permission: PermissionId,
    limit: i64,
) -> diesel::QueryResult<Vec<Listed>> {
    sql_query(
        "SELECT id, kind, name, created_at, published_at, dropped FROM aiida.outgoing
         WHERE permission_id = $1 ORDER BY number DESC LIMIT $2",
    )
    .bind::<SqlUuid, _>(permission.uuid())
    .bind::<BigInt, _>(limit.max(0))
    .load(conn)
    .await
}

/// Becomes the only one who publishes to this permission's home, until the transaction ends. False when
/// somebody else does at this moment. An advisory lock: the broker may take its time, and a change of status or
/// incoming data must not wait for it. Only an erasure does.
pub async fn try_lock(
    conn: &mut AsyncPgConnection,
    permission: PermissionId,
) -> diesel::QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        locked: bool,
    }
    let row: Row = sql_query(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('aiida.outgoing/' || $1::text, 0)) AS locked",
    )
    .bind::<SqlUuid, _>(permission.uuid())
    .get_result(conn)
    .await?;
    Ok(row.locked)
}

/// The oldest waiting message of the same permission, kind and name that is not newer than `last`. Under
/// [`try_lock`]: messages leave in the order of their numbers, whatever the order of their jobs.
pub async fn next(
    conn: &mut AsyncPgConnection,
    last: &Outgoing,
) -> diesel::QueryResult<Option<Outgoing>> {
    sql_query(
        "SELECT * FROM aiida.outgoing
         WHERE permission_id = $1 AND kind = $2 AND name = $3 AND number <= $4
           AND published_at IS NULL AND dropped IS NULL
         ORDER BY number LIMIT 1",
    )
    .bind::<SqlUuid, _>(last.permission.uuid())
    .bind::<Text, _>(last.kind.name())
    .bind::<Text, _>(&last.name)
    .bind::<BigInt, _>(last.number)
    .get_result(conn)
    .await
    .optional()
}

/// What came after `message`. Under [`try_lock`].
pub async fn newer(conn: &mut AsyncPgConnection, message: &Outgoing) -> diesel::QueryResult<Newer> {
    sql_query(
        "SELECT coalesce(bool_or(published_at IS NULL AND dropped IS NULL), false) AS waiting,
                coalesce(bool_or(published_at IS NOT NULL), false) AS published
         FROM aiida.outgoing WHERE permission_id = $1 AND kind = $2 AND name = $3 AND number > $4",
    )
    .bind::<SqlUuid, _>(message.permission.uuid())
    .bind::<Text, _>(message.kind.name())
    .bind::<Text, _>(&message.name)
    .bind::<BigInt, _>(message.number)
    .get_result(conn)
    .await
}

/// The broker has it. In a transaction that holds the lease of its job, under [`try_lock`]. False when it
/// was not waiting any more. Roles: aiida-stream.
pub async fn mark_published(
    conn: &mut AsyncPgConnection,
    id: OutgoingId,
) -> diesel::QueryResult<bool> {
    let marked = sql_query(
        "UPDATE aiida.outgoing SET published_at = clock_timestamp()
         WHERE id = $1 AND published_at IS NULL AND dropped IS NULL",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .execute(conn)
    .await?;
    Ok(marked == 1)
}

/// It will not be published; `reason` is one line for the eligible party. In a transaction that holds the
/// lease of its job. False when it was not waiting any more. Roles: aiida-stream.
pub async fn drop(
    conn: &mut AsyncPgConnection,
    id: OutgoingId,
    reason: &str,
) -> diesel::QueryResult<bool> {
    let dropped = sql_query(
        "UPDATE aiida.outgoing SET dropped = $2
         WHERE id = $1 AND published_at IS NULL AND dropped IS NULL",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .bind::<Text, _>(reason)
    .execute(conn)
    .await?;
    Ok(dropped == 1)
}

/// Forgets what was settled and asked for more than `days` ago. Roles: aiida-stream.
pub async fn forget_old(conn: &mut AsyncPgConnection, days: u32) -> diesel::QueryResult<usize> {
    sql_query(
        "DELETE FROM aiida.outgoing
         WHERE created_at < now() - $1 * interval '1 day'
           AND (published_at IS NOT NULL OR dropped IS NOT NULL)",
    )
    .bind::<BigInt, _>(i64::from(days))
    .execute(conn)
    .await
}

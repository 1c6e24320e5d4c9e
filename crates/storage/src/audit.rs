//! What was done to a customer's data, by whom, when. Append only; ids of ours, nothing personal.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::Timestamp;
use serde_json::Value;
use uuid::Uuid;

/// Adds a line to the audit log, in the transaction of what it tells of. The actor is the database
/// role of the session.
pub async fn record(
    conn: &mut AsyncPgConnection,
    action: &str,
    subject: Option<Uuid>,
    detail: &Value,
) -> diesel::QueryResult<()> {
    diesel::sql_query("INSERT INTO audit.event (action, subject, detail) VALUES ($1, $2, $3)")
        .bind::<Text, _>(action)
        .bind::<Nullable<SqlUuid>, _>(subject)
        .bind::<Jsonb, _>(detail)
        .execute(conn)
        .await?;
    Ok(())
}

/// The detail of a line with the name of the operator who wants it, where the role of the session is a service's.
#[must_use]
pub fn detail(by: Option<&str>, mut detail: Value) -> Value {
    if let (Some(by), Some(fields)) = (by, detail.as_object_mut()) {
        fields.insert("operator".to_owned(), Value::from(by));
    }
    detail
}

/// A line of the audit log.
#[derive(Debug, Clone, QueryableByName)]
pub struct Entry {
    /// When.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub at: jiff::Timestamp,
    /// The database role of the session.
    #[diesel(sql_type = Text)]
    pub actor: String,
    /// What was done, as `smd.erased`.
    #[diesel(sql_type = Text)]
    pub action: String,
    /// Our id of whose data it was.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub subject: Option<Uuid>,
    /// More about it; nothing personal.
    #[diesel(sql_type = Jsonb)]
    pub detail: Value,
}

/// Which lines, newest first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Only those at this time or later.
    pub since: Option<jiff::Timestamp>,
    /// Only those about this authorization, permission or key.
    pub subject: Option<Uuid>,
    /// Only these actions; none given: all.
    pub actions: &'a [&'a str],
}

/// Up to `limit` lines. Roles: operator.
pub async fn list(
    conn: &mut AsyncPgConnection,
    filter: Filter<'_>,
    limit: i64,
) -> diesel::QueryResult<Vec<Entry>> {
    diesel::sql_query(
        "SELECT at, actor, action, subject, detail FROM audit.event
         WHERE at >= coalesce($1, '-infinity') AND ($2 IS NULL OR subject = $2)
           AND (cardinality($3) = 0 OR action = ANY ($3))
         ORDER BY id DESC LIMIT $4",
    )
    .bind::<Nullable<Timestamptz>, _>(filter.since.map(Timestamp::from))
    .bind::<Nullable<SqlUuid>, _>(filter.subject)
    .bind::<Array<Text>, _>(filter.actions)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}

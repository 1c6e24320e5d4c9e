//! What was done to a customer's data, by whom, when. Append only; ids of ours, nothing personal.

use diesel::sql_types::{Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
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

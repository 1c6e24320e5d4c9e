//! The end of data: retention, withdrawn consent, and erasing one customer everywhere.

use std::time::Duration;

use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::AuthorizationId;
use super::receipt::Receipt;
use super::tokens;
use crate::sql::{IdRow, ids, millis};

/// Erases what was pulled under an authorization and the customer's name; what is left says only how
/// it went, and whose other authorizations it belongs to, unless it is a tombstone. In the caller's
/// transaction, for an authorization that is no longer being fetched: one that is could bring new data.
pub async fn erase_data(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
) -> diesel::QueryResult<()> {
    for statement in [
        "DELETE FROM smd.series WHERE authorization_id = $1",
        "DELETE FROM smd.usage_point WHERE authorization_id = $1",
        "DELETE FROM smd.usage_point_digest WHERE authorization_id = $1
            AND EXISTS (SELECT FROM smd.authorization WHERE id = $1 AND stage = 'erased')",
        "DELETE FROM smd.notice WHERE authorization_id = $1",
        "UPDATE smd.authorization SET customer_name = NULL WHERE id = $1",
    ] {
        sql_query(statement)
            .bind::<SqlUuid, _>(id.uuid())
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// Turns an authorization into a tombstone, in the caller's transaction: its data and tokens are gone,
/// and every job that still comes for it stops. The caller enqueues the release and the removal of
/// the files.
pub async fn erase(conn: &mut AsyncPgConnection, id: AuthorizationId) -> diesel::QueryResult<()> {
    // The stage first: who brings data locks the row and looks at it, so that nothing comes after this.
    sql_query(format!(
        "UPDATE smd.authorization SET stage = 'erased', failure = NULL, export_error = NULL, ticket_hash = NULL, {}
         WHERE id = $1",
        tokens::ERASED
    ))
    .bind::<SqlUuid, _>(id.uuid())
    .execute(conn)
    .await?;
    erase_data(conn, id).await?;
    finish(conn, id).await
}

/// Takes the custodian's ids and the file names off a tombstone once nothing needs them: the
/// authorization is released and the files are gone.
pub async fn finish(conn: &mut AsyncPgConnection, id: AuthorizationId) -> diesel::QueryResult<()> {
    sql_query(
        "UPDATE smd.authorization SET subscription_id = NULL, authorization_uri = NULL,
            electricity_file = NULL, gas_file = NULL
         WHERE id = $1 AND stage = 'erased' AND released_at IS NOT NULL
           AND (files_removed_at IS NOT NULL OR (electricity_file IS NULL AND gas_file IS NULL))",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .execute(conn)
    .await?;
    Ok(())
}

/// Authorizations by our id, by the receipt number, or by the custodian's subscription id, and all that are of the same
/// customer: of the same subscription, or of a usage point that one of them has or had. A customer who authorized again
/// has a new subscription id, and the readings of the older authorization may be gone while its files are there.
pub async fn find(
    conn: &mut AsyncPgConnection,
    wanted: &str,
) -> diesel::QueryResult<Vec<AuthorizationId>> {
    let receipt = wanted.parse::<Receipt>().ok().map(Receipt::ids);
    let rows = sql_query(
        "WITH RECURSIVE found (id) AS (
             SELECT id FROM smd.authorization WHERE subscription_id = $1 OR id = $2 OR id BETWEEN $3 AND $4
             UNION
             SELECT linked.id
             FROM found CROSS JOIN LATERAL (
                 SELECT other.id
                 FROM smd.authorization own JOIN smd.authorization other USING (subscription_id)
                 WHERE own.id = found.id
                 UNION ALL
                 SELECT other.authorization_id
                 FROM smd.usage_point_digest own JOIN smd.usage_point_digest other USING (digest)
                 WHERE own.authorization_id = found.id
             ) linked
         )
         SELECT a.id FROM smd.authorization a JOIN found USING (id) ORDER BY a.authorized_at",
    )
    .bind::<Text, _>(wanted)
    .bind::<Nullable<SqlUuid>, _>(wanted.parse::<Uuid>().ok())
    .bind::<Nullable<SqlUuid>, _>(receipt.map(|(first, _)| first))
    .bind::<Nullable<SqlUuid>, _>(receipt.map(|(_, last)| last))
    .load(conn)
    .await?;
    Ok(ids(rows))
}

/// An ended authorization `a` that still has data; `$1` is how long a delivery is kept.
const DUE: &str = "(EXISTS (SELECT FROM smd.usage_point u WHERE u.authorization_id = a.id)
                OR EXISTS (SELECT FROM smd.series s WHERE s.authorization_id = a.id)
                OR a.customer_name IS NOT NULL
                OR a.stage = 'erased'
                   AND EXISTS (SELECT FROM smd.usage_point_digest d WHERE d.authorization_id = a.id))
           AND (a.stage IN ('withdrawn', 'superseded', 'erased', 'failed')
                OR (a.stage = 'fetched' AND a.exported_at < now() - $1 * interval '1 ms'))";

/// Ended authorizations that still have data, oldest first: no longer ours to keep (withdrawn, superseded, failed),
/// or delivered longer ago than `keep`.
pub async fn due(
    conn: &mut AsyncPgConnection,
    keep: Duration,
) -> diesel::QueryResult<Vec<AuthorizationId>> {
    let rows = sql_query(format!(
        "SELECT a.id FROM smd.authorization a WHERE {DUE} ORDER BY a.authorized_at, a.id"
    ))
    .bind::<BigInt, _>(millis(keep))
    .load(conn)
    .await?;
    Ok(ids(rows))
}

/// Whether an authorization is still [`due`]; if so, it is locked until the caller's transaction ends. One that somebody
/// else has locked counts as not due: it comes again.
pub async fn lock_due(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    keep: Duration,
) -> diesel::QueryResult<bool> {
    let rows: Vec<IdRow> = sql_query(format!(
        "SELECT a.id FROM smd.authorization a WHERE a.id = $2 AND {DUE} FOR UPDATE SKIP LOCKED"
    ))
    .bind::<BigInt, _>(millis(keep))
    .bind::<SqlUuid, _>(id.uuid())
    .load(conn)
    .await?;
    Ok(!rows.is_empty())
}

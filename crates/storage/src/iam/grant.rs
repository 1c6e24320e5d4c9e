//! Letting a home in.

use diesel::OptionalExtension as _;
use diesel::sql_types::{Array, Bool, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use permission::{PermissionId, Status};

use super::rule::{Rule, wanted};
use super::{IamError, delete_rows, lock};

/// What a grant has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    /// The rows are written: the home can connect from the commit on.
    Written,
    /// Everything stood there as it should.
    Unchanged,
    /// A permission of this status needs no rows, and gets none.
    NotNeeded(Status),
    /// Nothing was accepted, or it was revoked meanwhile: there is no hash. Rows without one are gone now.
    NoCredential,
    /// There is no such permission.
    Unknown,
}

/// Brings the user and the access rules of a permission to what they should be, in the caller's transaction,
/// which holds its job's lease already. A row that differs is replaced together with all others of the
/// permission, because their order counts.
pub async fn grant(conn: &mut AsyncPgConnection, id: PermissionId) -> Result<Granted, IamError> {
    let Some(standing) = lock(conn, id).await? else {
        return Ok(Granted::Unknown);
    };
    if !standing.status.needs_iam() {
        return Ok(Granted::NotNeeded(standing.status));
    }
    let wanted = wanted(id, standing.data_need).map_err(|source| IamError::Rules { id, source })?;
    // Read after the lock: a revocation that held it before us has deleted the hash.
    let Some(found) = found(conn, id, &wanted).await? else {
        delete_rows(conn, id).await?;
        return Ok(Granted::NoCredential);
    };
    if found.stands {
        mark_granted(conn, id).await?;
        return Ok(Granted::Unchanged);
    }
    if found.any {
        delete_rows(conn, id).await?;
    }
    write(conn, id, &found.password_hash, &wanted).await?;
    Ok(Granted::Written)
}

/// The credential, and how the rows stand to it.
#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    password_hash: String,
    /// Some row of the permission is there.
    #[diesel(sql_type = Bool)]
    any: bool,
    /// Exactly the rows that should be are there, in their order.
    #[diesel(sql_type = Bool)]
    stands: bool,
}

/// `None` when there is no credential. One question, because a home waits for the answer.
async fn found(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
    wanted: &[Rule],
) -> diesel::QueryResult<Option<Found>> {
    let [actions, types, topics] = columns(wanted);
    sql_query(
        "SELECT c.password_hash, u.rows IS NOT NULL OR a.rows IS NOT NULL AS any,
                coalesce(u.rows = ARRAY[ARRAY[c.password_hash, 'false', $1, $2::text]], false)
                    AND coalesce(a.rows, '{}') = coalesce(w.rows, '{}') AS stands
         FROM aiida.credential c,
              (SELECT array_agg(ARRAY[password_hash, is_superuser::text, username, permission_id::text]) AS rows
               FROM aiida.aiida_mqtt_user WHERE username = $1 OR permission_id = $2) u,
              (SELECT array_agg(ARRAY[action, acl_type, topic, username, permission_id::text] ORDER BY id) AS rows
               FROM aiida.aiida_mqtt_acl WHERE username = $1 OR permission_id = $2) a,
              (SELECT array_agg(ARRAY[action, acl_type, topic, $1, $2::text] ORDER BY nr) AS rows
               FROM unnest($3, $4, $5) WITH ORDINALITY AS w (action, acl_type, topic, nr)) w
         WHERE c.permission_id = $2",
    )
    .bind::<Text, _>(id.to_string())
    .bind::<SqlUuid, _>(id.uuid())
    .bind::<Array<Text>, _>(actions)
    .bind::<Array<Text>, _>(types)
    .bind::<Array<Text>, _>(topics)
    .get_result(conn)
    .await
    .optional()
}

/// Writes every row and notes it, at once; none is there.
async fn write(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
    hash: &str,
    rules: &[Rule],
) -> diesel::QueryResult<()> {
    let [actions, types, topics] = columns(rules);
    sql_query(
        "WITH the_user AS (
             INSERT INTO aiida.aiida_mqtt_user (username, password_hash, permission_id) VALUES ($1, $6, $2)
         ), rules AS (
             -- Sorted before the ids are drawn, so that the broker tries the rows in this order.
             INSERT INTO aiida.aiida_mqtt_acl (username, action, acl_type, topic, permission_id)
             SELECT $1, w.action, w.acl_type, w.topic, $2
             FROM unnest($3, $4, $5) WITH ORDINALITY AS w (action, acl_type, topic, nr) ORDER BY w.nr
         )
         UPDATE aiida.permission SET granted_at = coalesce(granted_at, clock_timestamp()) WHERE id = $2",
    )
    .bind::<Text, _>(id.to_string())
    .bind::<SqlUuid, _>(id.uuid())
    .bind::<Array<Text>, _>(actions)
    .bind::<Array<Text>, _>(types)
    .bind::<Array<Text>, _>(topics)
    .bind::<Text, _>(hash)
    .execute(conn)
    .await?;
    Ok(())
}

/// The first time counts.
async fn mark_granted(conn: &mut AsyncPgConnection, id: PermissionId) -> diesel::QueryResult<()> {
    sql_query(
        "UPDATE aiida.permission SET granted_at = clock_timestamp() WHERE id = $1 AND granted_at IS NULL",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .execute(conn)
    .await?;
    Ok(())
}

/// Actions, types and topics of the rules.
fn columns(rules: &[Rule]) -> [Vec<&str>; 3] {
    [
        rules.iter().map(|rule| rule.action.as_str()).collect(),
        rules.iter().map(|rule| rule.acl_type.as_str()).collect(),
        rules.iter().map(|rule| rule.topic.as_str()).collect(),
    ]
}

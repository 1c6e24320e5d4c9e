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
    // Read after the lock: a revocation that held it before us has deleted the hash.
    let Some(hash) = credential(conn, id).await? else {
        delete_rows(conn, id).await?;
        return Ok(Granted::NoCredential);
    };
    let wanted =
        wanted(id, standing.data_need).map_err(|source| IamError::Rules { id, source })?;
    if stands(conn, id, &hash, &wanted).await? {
        mark_granted(conn, id).await?;
        return Ok(Granted::Unchanged);
    }
    delete_rows(conn, id).await?;
    write(conn, id, &hash, &wanted).await?;
    mark_granted(conn, id).await?;
    Ok(Granted::Written)
}

async fn credential(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
) -> diesel::QueryResult<Option<String>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        password_hash: String,
    }
    let row: Option<Row> =
        sql_query("SELECT password_hash FROM aiida.credential WHERE permission_id = $1")
            .bind::<SqlUuid, _>(id.uuid())
            .get_result(conn)
            .await
            .optional()?;
    Ok(row.map(|row| row.password_hash))
}

/// Whether exactly these rows stand there, in this order.
async fn stands(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
    hash: &str,
    wanted: &[Rule],
) -> diesel::QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        stands: bool,
    }
    let [actions, types, topics] = columns(wanted);
    let row: Row = sql_query(
        "SELECT coalesce((SELECT array_agg(ARRAY[u.password_hash, u.is_superuser::text, u.username])
                          FROM aiida.aiida_mqtt_user u WHERE u.username = $1 OR u.permission_id = $2)
                         = ARRAY[ARRAY[$3, 'false', $1]], false)
            AND NOT EXISTS (SELECT FROM aiida.aiida_mqtt_user WHERE username = $1 AND permission_id <> $2)
            AND coalesce((SELECT array_agg(ARRAY[a.action, a.acl_type, a.topic, a.username, a.permission_id::text]
                                           ORDER BY a.id)
                          FROM aiida.aiida_mqtt_acl a WHERE a.username = $1 OR a.permission_id = $2), '{}')
                = coalesce((SELECT array_agg(ARRAY[w.action, w.acl_type, w.topic, $1, $2::text] ORDER BY w.nr)
                            FROM unnest($4, $5, $6) WITH ORDINALITY AS w (action, acl_type, topic, nr)), '{}')
            AS stands",
    )
    .bind::<Text, _>(id.to_string())
    .bind::<SqlUuid, _>(id.uuid())
    .bind::<Text, _>(hash)
    .bind::<Array<Text>, _>(actions)
    .bind::<Array<Text>, _>(types)
    .bind::<Array<Text>, _>(topics)
    .get_result(conn)
    .await?;
    Ok(row.stands)
}

async fn write(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
    hash: &str,
    rules: &[Rule],
) -> diesel::QueryResult<()> {
    sql_query(
        "INSERT INTO aiida.aiida_mqtt_user (username, password_hash, permission_id) VALUES ($1, $2, $3)",
    )
    .bind::<Text, _>(id.to_string())
    .bind::<Text, _>(hash)
    .bind::<SqlUuid, _>(id.uuid())
    .execute(conn)
    .await?;
    let [actions, types, topics] = columns(rules);
    // Sorted before the ids are drawn, so that the broker tries the rows in this order.
    sql_query(
        "INSERT INTO aiida.aiida_mqtt_acl (username, action, acl_type, topic, permission_id)
         SELECT $1, w.action, w.acl_type, w.topic, $2
         FROM unnest($3, $4, $5) WITH ORDINALITY AS w (action, acl_type, topic, nr) ORDER BY w.nr",
    )
    .bind::<Text, _>(id.to_string())
    .bind::<SqlUuid, _>(id.uuid())
    .bind::<Array<Text>, _>(actions)
    .bind::<Array<Text>, _>(types)
    .bind::<Array<Text>, _>(topics)
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

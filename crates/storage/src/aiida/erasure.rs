//! Erasing one customer: every permission of a connection, and everything that came under them.
//!
//! The operator's role deletes rows; what the broker still holds is for `mqtt.revoke`, which the caller enqueues
//! first. Whoever stores something of a permission, or sends something to its home, holds its row meanwhile
//! ([`hold`](super::stream::binding::hold)): nothing is stored once it is gone, however late it comes.

use std::ops::AddAssign;

use diesel::sql_query;
use diesel::sql_types::{Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use permission::PermissionId;
use uuid::Uuid;

use crate::sql::{IdRow, ids};

/// How many rows were deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Permissions, with their events, credentials, and what was on its way to their homes.
    pub permissions: usize,
    /// Messages of homes, as they came.
    pub messages: usize,
    /// Values that were read out of them.
    pub readings: usize,
    /// Messages that were refused and kept to look at.
    pub refused: usize,
}

impl AddAssign for Erased {
    fn add_assign(&mut self, other: Self) {
        self.permissions += other.permissions;
        self.messages += other.messages;
        self.readings += other.readings;
        self.refused += other.refused;
    }
}

/// All permissions of a customer, named by connection id or by one of the permissions. Also a permission that is no
/// longer there, by its id, as long as data of it is. In the order of ids, in which they are to be erased.
/// Roles: operator.
pub async fn find(
    conn: &mut AsyncPgConnection,
    wanted: &str,
) -> diesel::QueryResult<Vec<PermissionId>> {
    let rows: Vec<IdRow> = sql_query(
        "SELECT id FROM aiida.permission
         WHERE connection_id = $1 OR connection_id = (SELECT connection_id FROM aiida.permission WHERE id = $2)
         UNION
         SELECT $2 WHERE EXISTS (SELECT FROM aiida.message WHERE permission_id = $2)
                      OR EXISTS (SELECT FROM aiida.reading WHERE permission_id = $2)
                      OR EXISTS (SELECT FROM aiida.refusal WHERE permission_id = $2)
                      OR EXISTS (SELECT FROM aiida.refused_message WHERE permission_id = $2)
         ORDER BY 1",
    )
    .bind::<Text, _>(wanted)
    .bind::<Nullable<SqlUuid>, _>(wanted.parse::<Uuid>().ok())
    .load(conn)
    .await?;
    Ok(ids(rows))
}

/// Deletes a permission and everything of it, in the caller's transaction, which has enqueued its `mqtt.revoke`
/// before. From the commit on its home cannot log in, and jobs that still come for it find nothing to do.
/// Roles: operator.
pub async fn erase(conn: &mut AsyncPgConnection, id: PermissionId) -> diesel::QueryResult<Erased> {
    // The row first: whoever holds it has stored all, and whoever comes later finds nothing. Events, the credential,
    // what the broker reads and what is on its way to the home refer to it and go with it.
    let permissions = sql_query("DELETE FROM aiida.permission WHERE id = $1")
        .bind::<SqlUuid, _>(id.uuid())
        .execute(conn)
        .await?;
    Ok(Erased {
        permissions,
        ..erase_data(conn, id).await?
    })
}

/// Deletes what came under a permission, stored or refused.
pub(crate) async fn erase_data(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
) -> diesel::QueryResult<Erased> {
    let readings = delete(
        conn,
        "DELETE FROM aiida.reading WHERE permission_id = $1",
        id,
    )
    .await?;
    let messages = delete(
        conn,
        "DELETE FROM aiida.message WHERE permission_id = $1",
        id,
    )
    .await?;
    let refused = delete(
        conn,
        "DELETE FROM aiida.refused_message WHERE permission_id = $1
            OR (permission_id IS NULL AND topic LIKE 'aiida/v1/' || $1 || '/%')",
        id,
    )
    .await?;
    delete(
        conn,
        "DELETE FROM aiida.refusal WHERE permission_id = $1",
        id,
    )
    .await?;
    Ok(Erased {
        permissions: 0,
        messages,
        readings,
        refused,
    })
}

async fn delete(
    conn: &mut AsyncPgConnection,
    statement: &str,
    id: PermissionId,
) -> diesel::QueryResult<usize> {
    sql_query(statement)
        .bind::<SqlUuid, _>(id.uuid())
        .execute(conn)
        .await
}

//! Shutting a home out.

use diesel::sql_query;
use diesel::sql_types::Uuid as SqlUuid;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use permission::{PermissionId, Status};

use super::{IamError, delete_rows, lock};

/// What a revocation has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// No row and no credential is left; so many rows were there.
    Removed(usize),
    /// A permission of this status is still needed at the broker: nothing was touched.
    Needed(Status),
    /// There is no such permission.
    Unknown,
}

/// Takes the user, the access rules and the credential of a permission away, in the caller's transaction, which
/// holds its job's lease already. Connections that are open stay so until the broker is told.
pub async fn revoke(conn: &mut AsyncPgConnection, id: PermissionId) -> Result<Revoked, IamError> {
    let Some(standing) = lock(conn, id).await? else {
        return Ok(Revoked::Unknown);
    };
    if standing.status.needs_iam() {
        return Ok(Revoked::Needed(standing.status));
    }
    let rows = delete_rows(conn, id).await?;
    // Without the hash nothing can bring the user back.
    sql_query("DELETE FROM aiida.credential WHERE permission_id = $1")
        .bind::<SqlUuid, _>(id.uuid())
        .execute(conn)
        .await?;
    Ok(Revoked::Removed(rows))
}

/// The broker holds nothing of this permission any more: no connection, no session, no retained message. The first
/// time counts; false when it was noted before, and for one that was never accepted: the broker has never held
/// anything of it, and may be given something yet.
pub async fn mark_removed(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
) -> diesel::QueryResult<bool> {
    let marked = sql_query(
        "UPDATE aiida.permission SET removed_at = clock_timestamp()
         WHERE id = $1 AND accepted_at IS NOT NULL AND removed_at IS NULL",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .execute(conn)
    .await?;
    Ok(marked > 0)
}

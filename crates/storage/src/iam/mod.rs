//! The two tables that the broker reads: who may connect, and who may do what. Written here alone, from the
//! credential that ACCEPT has stored and the data need that the household agreed to.
//!
//! - [`grant`]: brings the rows of one permission to what they should be.
//! - [`revoke`]: takes them away, and the credential with them; [`mark_removed`] notes that the broker has
//!   forgotten the home too.
//! - [`missing`], [`orphans`], [`remove_foreign`], [`unknown`]: how the tables are held against the permissions.
//! - [`sample`]: the same for the operator's checks, who may read less.
//!
//! A permission needs rows while [`Status::needs_iam`] says so. Every change is made under the permission's row
//! lock, so that a grant and a revocation come one after the other, and whichever is last leaves what the status
//! asks for. Only the service `mqtt-iam` has the rights to write here.

mod grant;
mod reconcile;
mod revoke;
mod rule;
mod sample;

use diesel::OptionalExtension as _;
use diesel::sql_types::{Jsonb, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use permission::{PermissionId, Status};
use serde_json::Value;

pub use grant::{Granted, grant};
pub use reconcile::{missing, orphans, remove_foreign, unknown};
pub use revoke::{Revoked, mark_removed, revoke};
pub use rule::RuleError;
pub use sample::{Sample, sample};

/// The rows of a permission cannot be told or written.
#[derive(Debug, thiserror::Error)]
pub enum IamError {
    /// The database.
    #[error("the database: {0}")]
    Query(#[from] diesel::result::Error),
    /// The stored status is none.
    #[error("permission {id}: {source}")]
    Status {
        /// The permission.
        id: PermissionId,
        /// What is stored.
        source: permission::UnknownStatus,
    },
    /// What the home may do cannot be derived.
    #[error(
        "permission {id}: {source}: its home is let in when the stored data need can be read again"
    )]
    Rules {
        /// The permission.
        id: PermissionId,
        /// Why.
        source: RuleError,
    },
}

/// A permission as far as the broker is concerned.
struct Standing {
    status: Status,
    data_need: Value,
}

/// Locks a permission until the caller's transaction ends; `None` when there is none. Whoever changes its status
/// locks it too; rows that only refer to it do not wait.
async fn lock(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
) -> Result<Option<Standing>, IamError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        status: String,
        #[diesel(sql_type = Jsonb)]
        data_need: Value,
    }
    let row: Option<Row> =
        sql_query("SELECT status, data_need FROM aiida.permission WHERE id = $1 FOR NO KEY UPDATE")
            .bind::<SqlUuid, _>(id.uuid())
            .get_result(conn)
            .await
            .optional()?;
    row.map(|row| {
        let status = row
            .status
            .parse()
            .map_err(|source| IamError::Status { id, source })?;
        Ok(Standing {
            status,
            data_need: row.data_need,
        })
    })
    .transpose()
}

/// Deletes every row of a permission, also one that stands under another name; answers how many.
async fn delete_rows(conn: &mut AsyncPgConnection, id: PermissionId) -> diesel::QueryResult<usize> {
    let mut deleted = 0;
    for statement in [
        "DELETE FROM aiida.aiida_mqtt_acl WHERE username = $1 OR permission_id = $2",
        "DELETE FROM aiida.aiida_mqtt_user WHERE username = $1 OR permission_id = $2",
    ] {
        deleted += sql_query(statement)
            .bind::<Text, _>(id.to_string())
            .bind::<SqlUuid, _>(id.uuid())
            .execute(conn)
            .await?;
    }
    Ok(deleted)
}

/// Names of the statuses in which a permission has rows.
fn needing() -> Vec<&'static str> {
    Status::ALL
        .into_iter()
        .filter(|status| status.needs_iam())
        .map(Status::name)
        .collect()
}

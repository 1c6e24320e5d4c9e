//! One customer is erased everywhere: what the operator's command and the console both do.
//!
//! Rows go at once: what homes have sent in steps, and then all the rest in one transaction. Files, the authorization at
//! the custodian and what the broker holds are for jobs, which that transaction enqueues. Roles: operator, console.

use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use job_queue::{NewJob, QueueError};
use permission::PermissionId;
use serde_json::{Value, json};

use crate::aiida::erasure::{self as aiida, Erased};
use crate::audit;
use crate::kinds::{MqttRevoke, OutputExpire, SmdRelease};
use crate::smd::{AuthorizationId, authorization, erasure as smd};

/// What belongs to the customer.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Authorizations of Share My Data.
    pub authorizations: Vec<AuthorizationId>,
    /// Permissions of AIIDA.
    pub permissions: Vec<PermissionId>,
}

impl Found {
    /// Whether nobody is known by that text.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.authorizations.is_empty() && self.permissions.is_empty()
    }

    /// Whether it names somebody on both sides, who are perhaps two customers.
    #[must_use]
    pub const fn is_of_both_sides(&self) -> bool {
        !self.authorizations.is_empty() && !self.permissions.is_empty()
    }
}

/// What was deleted, and the jobs that do the rest.
#[derive(Debug, Clone, Default)]
pub struct Begun {
    /// Rows of AIIDA that are gone.
    pub erased: Erased,
    /// Removes the files.
    pub files: Option<i64>,
    /// Take the homes from the broker.
    pub homes: Vec<i64>,
}

/// Everything that is known by a text: a subscription id, a connection id, or an id of ours.
pub async fn find(conn: &mut AsyncPgConnection, wanted: &str) -> diesel::QueryResult<Found> {
    Ok(Found {
        authorizations: smd::find(conn, wanted).await?,
        permissions: aiida::find(conn, wanted).await?,
    })
}

/// Deletes what can be deleted at once, and enqueues the rest; in transactions of its own. `by` is whoever wants it,
/// where the session's role does not say. Jobs first: whoever runs one holds it before rows.
pub async fn begin(
    conn: &mut AsyncPgConnection,
    found: &Found,
    by: Option<&str>,
) -> Result<Begun, QueueError> {
    // Beforehand, because it may be millions: while a permission itself is being deleted, whoever stores something of it
    // waits, and what came of other homes with it.
    let mut sent = Vec::with_capacity(found.permissions.len());
    for &permission in &found.permissions {
        sent.push(aiida::erase_data(conn, permission).await?);
    }
    conn.transaction(async |conn| {
        let revoke = found.permissions.iter();
        let revoke = revoke.map(|&permission| NewJob::new(&MqttRevoke { permission }));
        let revoke = revoke.collect::<Result<Vec<_>, _>>()?;
        let mut begun = Begun {
            homes: job_queue::enqueue(conn, &revoke).await?,
            ..Begun::default()
        };
        for &authorization in &found.authorizations {
            let known = authorization::get(conn, authorization).await?;
            // Before the authorization is locked: a running release holds its job first.
            if known.is_some_and(|known| !known.released) {
                job_queue::enqueue_one(conn, &SmdRelease { authorization }).await?;
            }
            smd::erase(conn, authorization).await?;
            let detail = audit::detail(by, json!({}));
            audit::record(conn, "smd.erased", Some(authorization.uuid()), &detail).await?;
        }
        if !found.authorizations.is_empty() {
            begun.files = Some(job_queue::enqueue_one(conn, &OutputExpire {}).await?);
        }
        for (&permission, mut erased) in found.permissions.iter().zip(sent) {
            erased += aiida::erase(conn, permission).await?;
            record(conn, permission, erased, by).await?;
            begun.erased += erased;
        }
        Ok(begun)
    })
    .await
}

async fn record(
    conn: &mut AsyncPgConnection,
    permission: PermissionId,
    erased: Erased,
    by: Option<&str>,
) -> diesel::QueryResult<()> {
    let detail: Value = json!({
        "messages": erased.messages,
        "readings": erased.readings,
        "refused": erased.refused,
    });
    let detail = audit::detail(by, detail);
    audit::record(conn, "aiida.erased", Some(permission.uuid()), &detail).await
}

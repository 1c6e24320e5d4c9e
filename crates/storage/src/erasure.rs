//! One customer is erased everywhere: what the operator's command and the console both do.
//!
//! Rows go at once, in one transaction; files, the authorization at the custodian, what the broker holds and what was on
//! its way are for jobs, which that transaction enqueues. Roles: operator, console; [`late`]: stream.

use std::time::Duration;

use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use job_queue::{NewJob, QueueError};
use permission::PermissionId;
use serde_json::{Value, json};

use crate::aiida::erasure::{self as aiida, Erased};
use crate::audit;
use crate::kinds::{AiidaForget, MqttRevoke, OutputExpire, SmdRelease};
use crate::smd::{AuthorizationId, authorization, erasure as smd};

/// How long aiida-stream may go on storing what came under a permission that is gone: it remembers permissions for
/// two seconds, and then stores the batch that it has begun.
pub const STILL_STORED: Duration = Duration::from_secs(5);

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
    /// Delete what is on its way.
    pub late: Vec<i64>,
}

/// Everything that is known by a text: a subscription id, a connection id, or an id of ours.
pub async fn find(conn: &mut AsyncPgConnection, wanted: &str) -> diesel::QueryResult<Found> {
    Ok(Found {
        authorizations: smd::find(conn, wanted).await?,
        permissions: aiida::find(conn, wanted).await?,
    })
}

/// Deletes what can be deleted at once, and enqueues the rest; in a transaction of its own. `by` is whoever wants it,
/// where the session's role does not say. Jobs first: whoever runs one holds it before rows.
pub async fn begin(
    conn: &mut AsyncPgConnection,
    found: &Found,
    by: Option<&str>,
) -> Result<Begun, QueueError> {
    conn.transaction(async |conn| {
        let (mut revoke, mut forget) = (Vec::new(), Vec::new());
        for &permission in &found.permissions {
            revoke.push(NewJob::new(&MqttRevoke { permission })?);
            forget.push(NewJob::new(&AiidaForget { permission })?.after(STILL_STORED));
        }
        let mut begun = Begun {
            homes: job_queue::enqueue(conn, &revoke).await?,
            late: job_queue::enqueue(conn, &forget).await?,
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
        for &permission in &found.permissions {
            let erased = aiida::erase(conn, permission).await?;
            record(conn, permission, erased, by).await?;
            begun.erased += erased;
        }
        Ok(begun)
    })
    .await
}

/// What there was to do for a permission that was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// The permission is there: it was not erased, and nothing is deleted.
    NotErased,
    /// The broker may still hold messages of its home.
    BrokerNotClear,
    /// What had come is deleted. Nothing at all once nothing comes any more.
    Deleted(Erased),
}

/// Deletes what came under a permission after it was erased, in the caller's transaction.
pub async fn late(
    conn: &mut AsyncPgConnection,
    permission: PermissionId,
) -> Result<Late, QueueError> {
    if aiida::exists(conn, permission).await? {
        return Ok(Late::NotErased);
    }
    if job_queue::is_live(conn, &MqttRevoke { permission }).await? {
        return Ok(Late::BrokerNotClear);
    }
    let erased = aiida::erase_data(conn, permission).await?;
    if !erased.is_empty() {
        record(conn, permission, erased, None).await?;
    }
    Ok(Late::Deleted(erased))
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

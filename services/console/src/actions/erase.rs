//! Erasing a customer: rows at once, then what other services have to do, and what was on its way meanwhile. It is seen
//! to its end also when the browser does not wait.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use askama::Template;
use permission::PermissionId;
use storage::Connection;
use storage::aiida::erasure::Erased;
use storage::erasure::{self, Begun, STILL_STORED};
use tokio::time::Instant;

use super::{Action, Titled};
use crate::Service;
use crate::error::Trouble;
use crate::view::several;

/// How long other services are waited for: nginx waits a minute for the page.
const LONGEST: Duration = Duration::from_secs(8);

#[derive(Template)]
#[template(path = "erased.html")]
pub(super) struct Told {
    /// How many; nothing where there were none.
    authorizations: Option<String>,
    /// The same, with what came under them.
    permissions: Option<String>,
    /// Whether the files are removed; nothing where there were none to remove.
    files: Option<bool>,
    /// Whether the broker holds nothing of the homes; nothing where there are none.
    homes: Option<bool>,
    /// What came while it was done.
    late: Option<String>,
    /// To be erased once more when mqtt-iam has run.
    again: Vec<PermissionId>,
}

impl Titled for Told {
    fn title(&self) -> &'static str {
        "Erased"
    }
}

pub(super) async fn erase(
    service: &Data<Service>,
    mut conn: Connection,
    action: Action,
    by: String,
) -> Result<Told, Trouble> {
    let id = match action {
        Action::EraseCustomer(id) => id.to_string(),
        Action::ErasePermission(id) => id.to_string(),
        _ => return Err(Trouble::Missing("customer")),
    };
    let found = erasure::find(&mut conn, &id).await?;
    if found.is_empty() {
        return Err(Trouble::Missing("customer"));
    }
    let begun = erasure::begin(&mut conn, &found, Some(&by)).await?;
    drop(conn);
    let (authorizations, permissions) = (found.authorizations.len(), begun.erased.permissions);
    let data = data(&begun.erased);
    let rest = Rest {
        service: service.clone().into_inner(),
        limit: Instant::now() + LONGEST,
        permissions: found.permissions.clone(),
        begun,
        by,
    };
    // A task of its own: it goes on when the browser leaves.
    let (files, homes, late) = tokio::spawn(rest.finish())
        .await
        .map_err(std::io::Error::other)??;
    Ok(Told {
        authorizations: (authorizations > 0).then(|| several(authorizations, "authorization")),
        permissions: (!found.permissions.is_empty())
            .then(|| format!("{}, {data}", several(permissions, "permission"))),
        files,
        again: if homes == Some(false) {
            found.permissions
        } else {
            Vec::new()
        },
        homes,
        late: (!late.is_empty()).then(|| self::data(&late)),
    })
}

/// What homes had sent.
fn data(erased: &Erased) -> String {
    let messages = several(erased.messages, "message");
    let readings = several(erased.readings, "reading");
    let refused = several(erased.refused, "refused message");
    format!("{messages}, {readings} and {refused}")
}

/// What other services have to do, and what is to be done after them.
struct Rest {
    service: Arc<Service>,
    limit: Instant,
    permissions: Vec<PermissionId>,
    begun: Begun,
    by: String,
}

impl Rest {
    async fn finish(self) -> Result<(Option<bool>, Option<bool>, Erased), Trouble> {
        let files = match self.begun.files {
            Some(job) => Some(self.has_ended(job).await),
            None => None,
        };
        if self.permissions.is_empty() {
            return Ok((files, None, Erased::default()));
        }
        let mut is_clear = true;
        for &job in &self.begun.homes {
            is_clear = is_clear && self.has_ended(job).await;
        }
        // Counted from now: later than needed, never too early.
        tokio::time::sleep(STILL_STORED).await;
        let mut conn = self.service.database.get().await?;
        let late = erasure::late(&mut conn, &self.permissions, Some(&self.by)).await?;
        Ok((files, Some(is_clear), late))
    }

    async fn has_ended(&self, job: i64) -> bool {
        let left = self.limit.saturating_duration_since(Instant::now());
        // Also for a job that may have ended while another was waited for.
        let left = left.max(Duration::from_millis(500));
        let pool = self.service.database.pool();
        let waited = job_queue::wait_for(pool, &self.service.listener, job, left).await;
        if let Err(error) = &waited {
            tracing::info!(job, %error, "an erasure is not complete yet");
        }
        waited.is_ok()
    }
}

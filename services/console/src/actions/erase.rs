//! Erasing a customer: rows at once, and jobs for what other services have to do. The page waits for those for a while;
//! they are done also when nobody waits.

use std::time::Duration;

use actix_web::web::Data;
use askama::Template;
use storage::Connection;
use storage::aiida::erasure::Erased;
use storage::erasure;
use tokio::time::Instant;

use super::{Action, Titled};
use crate::Service;
use crate::error::Trouble;
use crate::view::several;

/// How long other services are waited for: nginx waits a minute for the page.
const LONGEST: Duration = Duration::from_secs(15);

#[derive(Template)]
#[template(path = "erased.html")]
pub(super) struct Told {
    /// How many; nothing where there were none.
    authorizations: Option<String>,
    /// The same, with what came under them.
    permissions: Option<String>,
    /// Whether the files are removed; nothing where there were none to remove. Likewise the others.
    files: Option<bool>,
    /// Whether the broker holds nothing of the homes.
    homes: Option<bool>,
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
    let limit = Instant::now() + LONGEST;
    let (authorizations, permissions) = (found.authorizations.len(), found.permissions.len());
    Ok(Told {
        authorizations: (authorizations > 0).then(|| several(authorizations, "authorization")),
        permissions: (permissions > 0).then(|| with_data(&begun.erased)),
        files: have_ended(service, begun.files.as_slice(), limit).await,
        homes: have_ended(service, &begun.homes, limit).await,
    })
}

/// Permissions and what their homes had sent.
fn with_data(erased: &Erased) -> String {
    let permissions = several(erased.permissions, "permission");
    let messages = several(erased.messages, "message");
    let readings = several(erased.readings, "reading");
    let refused = several(erased.refused, "refused message");
    format!("{permissions}, {messages}, {readings} and {refused}")
}

/// Nothing where there are no jobs.
async fn have_ended(service: &Service, jobs: &[i64], limit: Instant) -> Option<bool> {
    if jobs.is_empty() {
        return None;
    }
    let waited =
        job_queue::wait_for_all(service.database.pool(), &service.listener, jobs, limit).await;
    if let Err(error) = &waited {
        tracing::info!(%error, "an erasure is not complete yet");
    }
    Some(waited.is_ok())
}

//! Whether the customer's consent still stands, and what follows when it does not.

use diesel_async::{AsyncConnection, AsyncPgConnection};
use espi::AuthorizationStatus;
use jiff::Timestamp;
use job_queue::Lease;
use serde_json::json;
use smd_client::Error;
use storage::audit;
use storage::smd::authorization::{self, Authorization};
use storage::smd::{AuthorizationId, erasure, tokens};

use crate::Fetcher;
use crate::error::StepError;

/// What the custodian says of an authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Active,
    /// Revoked, denied or gone.
    Ended,
}

/// Asks the custodian with our own token.
pub(crate) async fn look(fetcher: &Fetcher, known: &Authorization) -> Result<Standing, StepError> {
    Ok(read(fetcher, known).await?.0)
}

/// The same, with the time from which on the custodian has data. Remembers that the address answered:
/// only then does a later 404 mean "gone".
pub(crate) async fn read(
    fetcher: &Fetcher,
    known: &Authorization,
) -> Result<(Standing, Option<Timestamp>), StepError> {
    let uri = known.authorization_uri.as_deref().unwrap_or_default();
    let found = match fetcher.client.authorization(uri).await {
        Ok(found) => found,
        Err(Error::NotFound { .. }) if known.seen => return Ok((Standing::Ended, None)),
        Err(error) => return Err(error.into()),
    };
    if !known.seen {
        let mut conn = fetcher.database.get().await?;
        authorization::mark_seen(&mut conn, known.id).await?;
    }
    let standing = match found.status {
        Some(AuthorizationStatus::Revoked | AuthorizationStatus::Denied) => Standing::Ended,
        _ => Standing::Active,
    };
    Ok((
        standing,
        found.published_period.and_then(|period| period.start),
    ))
}

/// What a failed step comes down to. A refused token may mean that consent was withdrawn: the
/// custodian is asked, and its answer, or that it gave none, is the error to go by.
pub(crate) async fn find_out(
    fetcher: &Fetcher,
    known: &Authorization,
    error: StepError,
) -> StepError {
    if !error.smells_of_withdrawal() {
        return error;
    }
    match look(fetcher, known).await {
        Ok(Standing::Ended) => StepError::Withdrawn,
        // No attempt will find the token good again.
        Ok(Standing::Active) => StepError::Hopeless {
            reason: error.to_string(),
            words: error.words(),
        },
        Err(unanswered) => unanswered,
    }
}

/// [`withdraw`] in a transaction of its own.
pub(crate) async fn withdraw_now(
    fetcher: &Fetcher,
    lease: &Lease,
    id: AuthorizationId,
) -> Result<(), StepError> {
    let mut conn = fetcher.database.get().await?;
    conn.transaction(async |conn| {
        lease.hold(conn).await?;
        withdraw(conn, id).await?;
        Ok(())
    })
    .await
}

/// The customer ended the authorization before we had finished: what was pulled and the tokens are
/// erased. In one transaction; changes nothing unless the history is still being pulled.
pub(crate) async fn withdraw(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
) -> diesel::QueryResult<()> {
    let is_fetching = authorization::lock(conn, id)
        .await?
        .is_some_and(|known| known.stage == authorization::Stage::Fetching);
    if is_fetching {
        authorization::mark_withdrawn(conn, id).await?;
        erasure::erase_data(conn, id).await?;
        tokens::erase(conn, id).await?;
        audit::record(conn, "smd.withdrawn", Some(id.uuid()), &json!({})).await?;
        metrics::counter!("smd_withdrawals_total").increment(1);
        tracing::info!(authorization = %id, "consent was withdrawn: what was pulled is erased");
    }
    Ok(())
}

//! What must be true of the whole when it has come to rest, whatever was broken before. Everything is read from
//! outside: rows that must not be there ([`rows`]), files and the custodian's book ([`history`]), logs ([`secrets`]).
//! What the load's own customers and homes are owed stands in their accounts, beside this.

mod history;
mod rows;
mod secrets;

use custodian::ledger::RequestCounts;
use demo::{BoxError, Claims, Site, Stack};

/// Looks at all of them.
pub(crate) async fn look(
    stack: &Stack,
    site: &Site,
    secrets: &[String],
) -> Result<Claims, BoxError> {
    let mut claims = Claims::default();
    rows::look(stack, &mut claims).await;
    history::look(stack, site, &mut claims).await?;
    secrets::look(stack, secrets, &mut claims).await?;
    Ok(claims)
}

/// How many requests the custodian has had.
pub(crate) async fn requests(site: &Site) -> Result<u64, BoxError> {
    let counts: RequestCounts = site.control("requests").await?;
    Ok(counts.total)
}

//! The one-time state of a started authorization (RFC 6749 section 10.12), kept as hashes.

use std::time::Duration;

use diesel::sql_types::{BigInt, Binary};
use diesel::{ExpressionMethods, QueryDsl, QueryableByName, sql_query, sql_types};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::digest;
use crate::schema::smd::login;
use crate::sql::millis;

/// Why a state that came back is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// We never issued it, or it has been cleaned away.
    #[error("unknown state")]
    Unknown,
    /// It was issued to another browser.
    #[error("state of another browser")]
    Foreign,
    /// It came back before.
    #[error("state used before")]
    Replayed,
    /// It came back too late.
    #[error("state expired")]
    Expired,
}

impl Refused {
    /// The value of the metric's label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Foreign => "foreign",
            Self::Replayed => "replayed",
            Self::Expired => "expired",
        }
    }
}

/// Remembers a state handed to the browser with this cookie.
pub async fn start(
    conn: &mut AsyncPgConnection,
    state: &str,
    browser: &str,
    valid_for: Duration,
) -> diesel::QueryResult<()> {
    sql_query("INSERT INTO smd.login (state_hash, browser_hash, expires_at) VALUES ($1, $2, now() + $3 * interval '1 ms')")
        .bind::<Binary, _>(digest(state))
        .bind::<Binary, _>(digest(browser))
        .bind::<BigInt, _>(millis(valid_for))
        .execute(conn)
        .await?;
    Ok(())
}

/// Uses a state up: `Ok(Ok(()))` exactly once for the browser it was given to, in its time.
pub async fn redeem(
    conn: &mut AsyncPgConnection,
    state: &str,
    browser: Option<&str>,
) -> diesel::QueryResult<Result<(), Refused>> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Binary)]
        browser_hash: Vec<u8>,
        #[diesel(sql_type = sql_types::Bool)]
        used: bool,
        #[diesel(sql_type = sql_types::Bool)]
        expired: bool,
    }
    let state_hash = digest(state);
    let browser_hash = browser.map(digest);
    // One statement decides: of two that come at once, one finds the row used.
    let used = diesel::update(login::table.find(&state_hash))
        .filter(login::used_at.is_null())
        .filter(login::expires_at.gt(diesel::dsl::now))
        .filter(login::browser_hash.eq(browser_hash.clone().unwrap_or_default()))
        .set(login::used_at.eq(diesel::dsl::now))
        .execute(conn)
        .await?;
    if used == 1 {
        return Ok(Ok(()));
    }
    let found: Vec<Found> = sql_query(
        "SELECT browser_hash, used_at IS NOT NULL AS used, expires_at <= now() AS expired FROM smd.login WHERE state_hash = $1",
    )
    .bind::<Binary, _>(&state_hash)
    .load(conn)
    .await?;
    Ok(Err(match found.into_iter().next() {
        None => Refused::Unknown,
        Some(row) if Some(&row.browser_hash) != browser_hash.as_ref() => Refused::Foreign,
        Some(row) if row.expired && !row.used => Refused::Expired,
        Some(_) => Refused::Replayed,
    }))
}

/// Forgets states a day after their time; until then a late one is told apart from an unknown one.
pub async fn forget_old(conn: &mut AsyncPgConnection) -> diesel::QueryResult<usize> {
    sql_query("DELETE FROM smd.login WHERE expires_at < now() - interval '1 day'")
        .execute(conn)
        .await
}

//! Storing what the customer has just granted.

use std::time::Duration;

use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use service_kit::secret::Keyring;

use crate::digest;
use crate::smd::AuthorizationId;
use crate::smd::tokens::{self, TokenError, Tokens};
use crate::sql::millis;

/// An authorization that the customer has just given.
#[derive(Debug)]
pub struct NewAuthorization<'a> {
    /// Our id for it.
    pub id: AuthorizationId,
    /// The custodian's.
    pub subscription_id: &'a str,
    /// Where it is read and ended.
    pub authorization_uri: &'a str,
    /// The customer's page is found by it; its digest is stored.
    pub ticket: &'a str,
    /// Stored encrypted.
    pub tokens: &'a Tokens,
    /// How long the access token is good.
    pub expires_in: Duration,
}

/// Stores a new authorization, in the caller's transaction. Older ones of the same subscription count
/// no more: the custodian has ended them by granting this one. One that was being fetched is
/// superseded; any other keeps its stage and is released.
pub async fn insert(
    conn: &mut AsyncPgConnection,
    keys: &Keyring,
    new: &NewAuthorization<'_>,
) -> Result<(), TokenError> {
    let sealed = tokens::seal(keys, new.id, new.tokens)?;
    end_older(conn, new.subscription_id).await?;
    sql_query(
        "INSERT INTO smd.authorization (id, subscription_id, authorization_uri, ticket_hash, access_token, access_key_id,
                                        access_expires_at, refresh_token, refresh_key_id)
         VALUES ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 ms', $8, $9)",
    )
    .bind::<SqlUuid, _>(new.id.uuid())
    .bind::<Text, _>(new.subscription_id)
    .bind::<Text, _>(new.authorization_uri)
    .bind::<Binary, _>(digest(new.ticket))
    .bind::<Binary, _>(sealed.access.bytes)
    .bind::<Text, _>(sealed.access.key_id)
    .bind::<BigInt, _>(millis(new.expires_in))
    .bind::<Nullable<Binary>, _>(sealed.refresh.as_ref().map(|sealed| sealed.bytes.as_slice()))
    .bind::<Nullable<Text>, _>(sealed.refresh.as_ref().map(|sealed| sealed.key_id.as_str()))
    .execute(conn)
    .await?;
    Ok(())
}

/// Of two callbacks of one subscription at once, the second waits here until the first has committed,
/// and then finds its authorization to be the older one.
async fn end_older(conn: &mut AsyncPgConnection, subscription_id: &str) -> diesel::QueryResult<()> {
    sql_query("SELECT pg_advisory_xact_lock(hashtextextended('smd.authorization/' || $1, 0))")
        .bind::<Text, _>(subscription_id)
        .execute(conn)
        .await?;
    sql_query(format!(
        "UPDATE smd.authorization SET released_at = now(),
            stage = CASE stage WHEN 'fetching' THEN 'superseded' ELSE stage END, {}
         WHERE subscription_id = $1 AND released_at IS NULL",
        tokens::ERASED
    ))
    .bind::<Text, _>(subscription_id)
    .execute(conn)
    .await?;
    Ok(())
}

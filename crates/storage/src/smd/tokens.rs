//! A customer's tokens, encrypted: row, column and key id are bound in as associated data.

use std::time::Duration;

use diesel::sql_types::{BigInt, Binary, Nullable, Text, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use service_kit::secret::{ExposeSecret, Keyring, KeyringError, Sealed, Secret};

use super::AuthorizationId;
use crate::sql::millis;

/// What is set where tokens are erased: every column that says something of one.
pub(super) const ERASED: &str =
    "access_token = NULL, access_key_id = NULL, access_expires_at = NULL,
    refresh_token = NULL, refresh_key_id = NULL";

/// A customer's tokens in the clear.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Good for about an hour.
    pub access: Secret,
    /// Good for about a year, and once.
    pub refresh: Option<Secret>,
}

/// The tokens could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A query failed.
    #[error("the database: {0}")]
    Database(#[from] diesel::result::Error),
    /// The key is not there, or the row was tampered with.
    #[error("stored token: {0}")]
    Sealed(#[from] KeyringError),
    /// The tokens were erased, or never stored.
    #[error("the authorization has no tokens any more")]
    Gone,
}

fn context(id: AuthorizationId, column: &str) -> String {
    format!("smd.authorization/{id}/{column}")
}

/// Encrypted, ready to be stored.
pub(super) struct SealedTokens {
    pub(super) access: Sealed,
    pub(super) refresh: Option<Sealed>,
}

pub(super) fn seal(
    keys: &Keyring,
    id: AuthorizationId,
    tokens: &Tokens,
) -> Result<SealedTokens, KeyringError> {
    let one = |column: &str, token: &Secret| {
        keys.seal(&context(id, column), token.expose_secret().as_bytes())
    };
    Ok(SealedTokens {
        access: one("access_token", &tokens.access)?,
        refresh: tokens
            .refresh
            .as_ref()
            .map(|token| one("refresh_token", token))
            .transpose()?,
    })
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Binary>)]
    access_token: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    access_key_id: Option<String>,
    #[diesel(sql_type = Nullable<Binary>)]
    refresh_token: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    refresh_key_id: Option<String>,
}

/// Reads the tokens and locks the row until the transaction ends: whoever refreshes them reads them
/// with this first, so that no refresh token is used twice. The lock lets others refer to the row: a
/// notification is stored while a refresh waits for the custodian.
pub async fn read_locked(
    conn: &mut AsyncPgConnection,
    keys: &Keyring,
    id: AuthorizationId,
) -> Result<Tokens, TokenError> {
    read_with(conn, keys, id, "FOR NO KEY UPDATE").await
}

/// Reads the tokens.
pub async fn read(
    conn: &mut AsyncPgConnection,
    keys: &Keyring,
    id: AuthorizationId,
) -> Result<Tokens, TokenError> {
    read_with(conn, keys, id, "").await
}

async fn read_with(
    conn: &mut AsyncPgConnection,
    keys: &Keyring,
    id: AuthorizationId,
    lock: &str,
) -> Result<Tokens, TokenError> {
    let row: Option<Row> = sql_query(format!(
        "SELECT access_token, access_key_id, refresh_token, refresh_key_id FROM smd.authorization WHERE id = $1 {lock}"
    ))
    .bind::<SqlUuid, _>(id.uuid())
    .get_result(conn)
    .await
    .optional()?;
    let row = row.ok_or(TokenError::Gone)?;
    let open = |column: &str, bytes: Option<Vec<u8>>, key_id: Option<String>| match (bytes, key_id)
    {
        (Some(bytes), Some(key_id)) => keys
            .open(&context(id, column), &Sealed { key_id, bytes })
            .map(Some),
        _ => Ok(None),
    };
    Ok(Tokens {
        access: open("access_token", row.access_token, row.access_key_id)?
            .ok_or(TokenError::Gone)?,
        refresh: open("refresh_token", row.refresh_token, row.refresh_key_id)?,
    })
}

/// Replaces the tokens; the new pair must be committed before it is used. A refresh token that the
/// custodian did not renew stays. Fails with [`TokenError::Gone`] when they were erased meanwhile.
pub async fn replace(
    conn: &mut AsyncPgConnection,
    keys: &Keyring,
    id: AuthorizationId,
    tokens: &Tokens,
    expires_in: Duration,
) -> Result<(), TokenError> {
    let sealed = seal(keys, id, tokens)?;
    let changed = sql_query(
        "UPDATE smd.authorization SET access_token = $2, access_key_id = $3,
            access_expires_at = now() + $4 * interval '1 ms',
            refresh_token = coalesce($5, refresh_token), refresh_key_id = coalesce($6, refresh_key_id)
         WHERE id = $1 AND access_token IS NOT NULL",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .bind::<Binary, _>(sealed.access.bytes)
    .bind::<Text, _>(sealed.access.key_id)
    .bind::<BigInt, _>(millis(expires_in))
    .bind::<Nullable<Binary>, _>(sealed.refresh.as_ref().map(|sealed| sealed.bytes.as_slice()))
    .bind::<Nullable<Text>, _>(sealed.refresh.as_ref().map(|sealed| sealed.key_id.as_str()))
    .execute(conn)
    .await?;
    if changed == 1 {
        Ok(())
    } else {
        Err(TokenError::Gone)
    }
}

/// Erases the tokens.
pub async fn erase(conn: &mut AsyncPgConnection, id: AuthorizationId) -> diesel::QueryResult<()> {
    sql_query(format!(
        "UPDATE smd.authorization SET {ERASED} WHERE id = $1"
    ))
    .bind::<SqlUuid, _>(id.uuid())
    .execute(conn)
    .await?;
    Ok(())
}

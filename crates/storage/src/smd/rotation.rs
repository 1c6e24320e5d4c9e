//! Changing the key that tokens are sealed with, while services run. Roles: smd-fetcher, the only one that reads
//! tokens.

use diesel::sql_types::{BigInt, Binary, Nullable, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl};
use service_kit::secret::Keyring;
use uuid::Uuid;

use super::AuthorizationId;
use super::tokens::{self, TokenError};
use crate::sql::{IdRow, ids};

/// How many tokens a key has sealed.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct KeyUse {
    /// The key's id.
    #[diesel(sql_type = Text)]
    pub key_id: String,
    /// Access tokens.
    #[diesel(sql_type = BigInt)]
    pub access: i64,
    /// Refresh tokens.
    #[diesel(sql_type = BigInt)]
    pub refresh: i64,
}

/// The keys under which tokens are stored, in the order of their ids.
pub async fn in_use(conn: &mut AsyncPgConnection) -> diesel::QueryResult<Vec<KeyUse>> {
    sql_query(
        "SELECT key_id, count(*) FILTER (WHERE is_access) AS access, count(*) FILTER (WHERE NOT is_access) AS refresh
         FROM (SELECT access_key_id AS key_id, true AS is_access FROM smd.authorization
               UNION ALL SELECT refresh_key_id, false FROM smd.authorization) used
         WHERE key_id IS NOT NULL GROUP BY key_id ORDER BY key_id",
    )
    .load(conn)
    .await
}

/// Up to `limit` authorizations after `after` with a token under another key than `key_id`, in the order of ids.
pub async fn sealed_otherwise(
    conn: &mut AsyncPgConnection,
    key_id: &str,
    after: Option<AuthorizationId>,
    limit: i64,
) -> diesel::QueryResult<Vec<AuthorizationId>> {
    let rows: Vec<IdRow> = sql_query(
        "SELECT id FROM smd.authorization
         WHERE (access_key_id <> $1 OR refresh_key_id <> $1) AND id > $2 ORDER BY id LIMIT $3",
    )
    .bind::<Text, _>(key_id)
    .bind::<SqlUuid, _>(after.map_or(Uuid::nil(), AuthorizationId::uuid))
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await?;
    Ok(ids(rows))
}

/// Seals the tokens of an authorization with the first key, in a transaction of its own, under the lock that a refresh
/// takes: whoever refreshes at this moment commits first, and its new pair is what is sealed. Fails with
/// [`TokenError::Gone`] when they were erased meanwhile.
pub async fn reseal(
    conn: &mut AsyncPgConnection,
    keys: &Keyring,
    id: AuthorizationId,
) -> Result<(), TokenError> {
    conn.transaction(async |conn| {
        let plain = tokens::read_locked(conn, keys, id).await?;
        let sealed = tokens::seal(keys, id, &plain)?;
        let refresh = sealed.refresh.as_ref();
        sql_query(
            "UPDATE smd.authorization
             SET access_token = $2, access_key_id = $3, refresh_token = $4, refresh_key_id = $5 WHERE id = $1",
        )
        .bind::<SqlUuid, _>(id.uuid())
        .bind::<Binary, _>(sealed.access.bytes)
        .bind::<Text, _>(sealed.access.key_id)
        .bind::<Nullable<Binary>, _>(refresh.map(|sealed| sealed.bytes.as_slice()))
        .bind::<Nullable<Text>, _>(refresh.map(|sealed| sealed.key_id.as_str()))
        .execute(conn)
        .await?;
        Ok(())
    })
    .await
}

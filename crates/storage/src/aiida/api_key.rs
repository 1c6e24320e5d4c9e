//! Keys of the eligible party's API. The text of a key exists where it was handed out; here is its hash.

use diesel::sql_types::{Binary, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::{NullableTimestamp, Timestamp};
use service_kit::random::Random;

use super::ApiKeyId;
use crate::digest;
use crate::sql::IdRow;

/// What every key begins with, so that scanners for leaked secrets can find one.
pub const PREFIX: &str = "mgk_";

/// Random bytes of a key: more than anybody can try.
const BYTES: usize = 32;

/// Characters of a key: the prefix and 32 bytes in base64url without padding.
const LENGTH: usize = PREFIX.len() + 43;

/// A key as the operator sees it: everything but the key.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct ApiKey {
    /// Names it in the audit log.
    #[diesel(sql_type = SqlUuid, deserialize_as = uuid::Uuid)]
    pub id: ApiKeyId,
    /// What the operator calls it.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// When it was issued.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub created_at: jiff::Timestamp,
    /// Since when it opens nothing.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub revoked_at: Option<jiff::Timestamp>,
}

/// Issues a key and answers its text (`mgk_` and 32 random bytes in base64url), which nobody can ask for
/// again. `name` is for the operator's list. Roles: operator.
pub async fn issue(
    conn: &mut AsyncPgConnection,
    id: ApiKeyId,
    name: &str,
    random: &dyn Random,
) -> diesel::QueryResult<String> {
    let key = format!("{PREFIX}{}", random.token(BYTES));
    sql_query("INSERT INTO aiida.api_key (id, name, key_hash) VALUES ($1, $2, $3)")
        .bind::<SqlUuid, _>(id.uuid())
        .bind::<Text, _>(name)
        .bind::<Binary, _>(digest(&key))
        .execute(conn)
        .await?;
    Ok(key)
}

/// Whose key this text is; `None` when it is nobody's or was revoked. The text is hashed before it is
/// looked up, so the time of the answer tells nothing about keys that are similar. Roles:
/// aiida-permission, aiida-stream, operator.
pub async fn verify(
    conn: &mut AsyncPgConnection,
    key: &str,
) -> diesel::QueryResult<Option<ApiKeyId>> {
    // Nothing longer is hashed, nothing else is looked up.
    if key.len() != LENGTH || !key.starts_with(PREFIX) {
        return Ok(None);
    }
    let found: Option<IdRow> =
        sql_query("SELECT id FROM aiida.api_key WHERE key_hash = $1 AND revoked_at IS NULL")
            .bind::<Binary, _>(digest(key))
            .get_result(conn)
            .await
            .optional()?;
    Ok(found.map(|row| row.id.into()))
}

/// Ends a key at once; false when there is none with this id or it was ended before. Roles: operator.
pub async fn revoke(conn: &mut AsyncPgConnection, id: ApiKeyId) -> diesel::QueryResult<bool> {
    let ended = sql_query(
        "UPDATE aiida.api_key SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .execute(conn)
    .await?;
    Ok(ended == 1)
}

/// All keys, oldest first, the ended ones included. Roles: operator.
pub async fn list(conn: &mut AsyncPgConnection) -> diesel::QueryResult<Vec<ApiKey>> {
    sql_query("SELECT id, name, created_at, revoked_at FROM aiida.api_key ORDER BY created_at, id")
        .load(conn)
        .await
}

/// Whether any key opens the API; for the operator's checks. Roles: aiida-permission, aiida-stream, operator.
pub async fn any(conn: &mut AsyncPgConnection) -> diesel::QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        any: bool,
    }
    let row: Row =
        sql_query("SELECT EXISTS (SELECT FROM aiida.api_key WHERE revoked_at IS NULL) AS any")
            .get_result(conn)
            .await?;
    Ok(row.any)
}

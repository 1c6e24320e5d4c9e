//! An authorization's life, from the tokens to the confirmed end.

mod grant;
mod stage;

use std::collections::HashMap;

use diesel::dsl::{count_star, sql};
use diesel::expression::SqlLiteral;
use diesel::sql_types::{Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, Selectable,
    SelectableHelper, sql_query,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::{NullableTimestamp, Timestamp};
use uuid::Uuid;

use super::AuthorizationId;
use crate::schema::smd::authorization as table;

pub use grant::{NewAuthorization, insert};
pub use stage::{Stage, UnknownStage};

#[derive(Queryable, Selectable)]
#[diesel(table_name = table, check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Uuid,
    subscription_id: Option<String>,
    authorization_uri: Option<String>,
    stage: String,
    #[diesel(deserialize_as = Timestamp)]
    authorized_at: jiff::Timestamp,
    #[diesel(deserialize_as = NullableTimestamp)]
    seen_at: Option<jiff::Timestamp>,
    customer_name: Option<String>,
    time_zone: Option<String>,
    #[diesel(deserialize_as = NullableTimestamp)]
    planned_at: Option<jiff::Timestamp>,
    #[diesel(deserialize_as = NullableTimestamp)]
    released_at: Option<jiff::Timestamp>,
}

/// What the fetcher knows of an authorization.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// Our id.
    pub id: AuthorizationId,
    /// The custodian's id of it; gone once it was erased.
    pub subscription_id: Option<String>,
    /// Where it is read and ended; gone once it was erased.
    pub authorization_uri: Option<String>,
    /// Where it stands.
    pub stage: Stage,
    /// When the customer authorized.
    pub authorized_at: jiff::Timestamp,
    /// When this was read. As all times here by the database's clock: a service's own may be wrong.
    pub read_at: jiff::Timestamp,
    /// Its URI has answered 200 before.
    pub seen: bool,
    /// As the custodian tells it.
    pub customer_name: Option<String>,
    /// IANA name or POSIX rule of the customer's local time.
    pub time_zone: Option<String>,
    /// The list of pulls is fixed.
    pub planned: bool,
    /// The custodian confirmed its end.
    pub released: bool,
}

impl From<(Row, Timestamp)> for Authorization {
    fn from((row, read_at): (Row, Timestamp)) -> Self {
        Self {
            id: row.id.into(),
            subscription_id: row.subscription_id,
            authorization_uri: row.authorization_uri,
            stage: Stage::from_column(&row.stage),
            authorized_at: row.authorized_at,
            read_at: read_at.to_jiff(),
            seen: row.seen_at.is_some(),
            customer_name: row.customer_name,
            time_zone: row.time_zone,
            planned: row.planned_at.is_some(),
            released: row.released_at.is_some(),
        }
    }
}

/// One authorization.
pub async fn get(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
) -> diesel::QueryResult<Option<Authorization>> {
    let row: Option<(Row, Timestamp)> = table::table
        .find(id.uuid())
        .select((Row::as_select(), time()))
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(Into::into))
}

/// One authorization, locked until the transaction ends.
pub async fn lock(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
) -> diesel::QueryResult<Option<Authorization>> {
    let row: Option<(Row, Timestamp)> = table::table
        .find(id.uuid())
        .select((Row::as_select(), time()))
        .for_update()
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(Into::into))
}

fn time() -> SqlLiteral<Timestamptz> {
    sql("clock_timestamp()")
}

/// The live authorization of a subscription: one whose end the custodian has not confirmed.
pub async fn live_of_subscription(
    conn: &mut AsyncPgConnection,
    subscription_id: &str,
) -> diesel::QueryResult<Option<AuthorizationId>> {
    let id: Option<Uuid> = table::table
        .filter(
            table::subscription_id
                .eq(subscription_id)
                .and(table::released_at.is_null()),
        )
        .order(table::authorized_at.desc())
        .select(table::id)
        .first(conn)
        .await
        .optional()?;
    Ok(id.map(Into::into))
}

/// Every subscription we have or had an authorization of, for comparison with the custodian's list.
pub async fn known_subscriptions(conn: &mut AsyncPgConnection) -> diesel::QueryResult<Vec<String>> {
    let ids: Vec<Option<String>> = table::table
        .filter(table::subscription_id.is_not_null())
        // One that the custodian still lists long after its end is as good as unknown.
        .filter(sql::<Bool>(
            "(released_at IS NULL OR released_at > now() - interval '1 hour')",
        ))
        .select(table::subscription_id)
        .load(conn)
        .await?;
    Ok(ids.into_iter().flatten().collect())
}

/// The authorization's URI answered 200: only then does a later 404 mean "gone".
pub async fn mark_seen(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
) -> diesel::QueryResult<()> {
    touch(conn, id, "seen_at = now()").await
}

/// The customer's name and the rule of local time (IANA name or POSIX), while the history is pulled.
pub async fn describe(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    customer_name: Option<&str>,
    time_zone: &str,
) -> diesel::QueryResult<()> {
    sql_query(
        "UPDATE smd.authorization SET customer_name = $2, time_zone = $3 WHERE id = $1 AND stage = 'fetching'",
    )
    .bind::<SqlUuid, _>(id.uuid())
        .bind::<Nullable<Text>, _>(customer_name)
        .bind::<Text, _>(time_zone)
        .execute(conn)
        .await?;
    Ok(())
}

/// Every window is in. Changes only an authorization that is being fetched.
pub async fn mark_fetched(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
) -> diesel::QueryResult<()> {
    while_fetching(
        conn,
        id,
        "stage = 'fetched', fetched_at = now(), failure = NULL",
    )
    .await
}

/// What delays the work, in words for the customer; `None` when it goes on.
pub async fn note_delay(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    words: Option<&str>,
) -> diesel::QueryResult<()> {
    sql_query(
        "UPDATE smd.authorization SET failure = $2
         WHERE id = $1 AND stage = 'fetching' AND failure IS DISTINCT FROM $2",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .bind::<Nullable<Text>, _>(words)
    .execute(conn)
    .await?;
    Ok(())
}

/// Given up, with words for the customer. Changes only an authorization that is being fetched.
pub async fn mark_failed(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    words: &str,
) -> diesel::QueryResult<bool> {
    let changed = sql_query("UPDATE smd.authorization SET stage = 'failed', failure = $2 WHERE id = $1 AND stage = 'fetching'")
        .bind::<SqlUuid, _>(id.uuid())
        .bind::<Text, _>(words)
        .execute(conn)
        .await?;
    Ok(changed == 1)
}

/// The custodian says that the customer ended it before we had finished. Nothing is left to release.
/// Changes only an authorization that is being fetched.
pub async fn mark_withdrawn(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
) -> diesel::QueryResult<()> {
    while_fetching(
        conn,
        id,
        "stage = 'withdrawn', released_at = coalesce(released_at, now()), failure = NULL",
    )
    .await
}

/// The custodian confirmed the end of the authorization.
pub async fn mark_released(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
) -> diesel::QueryResult<()> {
    touch(conn, id, "released_at = coalesce(released_at, now())").await
}

async fn while_fetching(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    set: &str,
) -> diesel::QueryResult<()> {
    sql_query(format!(
        "UPDATE smd.authorization SET {set} WHERE id = $1 AND stage = 'fetching'"
    ))
    .bind::<SqlUuid, _>(id.uuid())
    .execute(conn)
    .await?;
    Ok(())
}

async fn touch(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    set: &str,
) -> diesel::QueryResult<()> {
    sql_query(format!("UPDATE smd.authorization SET {set} WHERE id = $1"))
        .bind::<SqlUuid, _>(id.uuid())
        .execute(conn)
        .await?;
    Ok(())
}

/// How many authorizations there are in each stage, by its name.
pub async fn counts(conn: &mut AsyncPgConnection) -> diesel::QueryResult<HashMap<String, i64>> {
    let counted: Vec<(String, i64)> = table::table
        .group_by(table::stage)
        .select((table::stage, count_star()))
        .load(conn)
        .await?;
    Ok(counted.into_iter().collect())
}

/// Authorizations in this stage that the custodian has not confirmed the end of, oldest first.
pub async fn unreleased(
    conn: &mut AsyncPgConnection,
    stage: Stage,
) -> diesel::QueryResult<Vec<AuthorizationId>> {
    let ids: Vec<Uuid> = table::table
        .filter(
            table::stage
                .eq(stage.as_str())
                .and(table::released_at.is_null()),
        )
        .order(table::authorized_at)
        .select(table::id)
        .load(conn)
        .await?;
    Ok(ids.into_iter().map(Into::into).collect())
}

/// Authorizations whose windows are all in and whose files are not written.
pub async fn unexported(conn: &mut AsyncPgConnection) -> diesel::QueryResult<Vec<AuthorizationId>> {
    let ids: Vec<Uuid> = table::table
        .filter(
            table::stage
                .eq(Stage::Fetched.as_str())
                .and(table::exported_at.is_null()),
        )
        .order(table::authorized_at)
        .select(table::id)
        .load(conn)
        .await?;
    Ok(ids.into_iter().map(Into::into).collect())
}

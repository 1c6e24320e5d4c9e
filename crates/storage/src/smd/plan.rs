//! Usage points and the list of pulls, fixed once per authorization.

use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::Timestamp;
use uuid::Uuid;

use super::AuthorizationId;
use super::authorization::Stage;
use crate::schema::smd::{authorization, pull as table};

/// One request for usage data: `from` inclusive, `until` exclusive.
#[derive(Debug, Clone)]
pub struct Pull {
    /// The custodian's id.
    pub usage_point: String,
    /// Counts from 0 per usage point, oldest first.
    pub number: i32,
    /// First instant.
    pub from: jiff::Timestamp,
    /// First instant after it.
    pub until: jiff::Timestamp,
    /// Answered 202 this many times.
    pub accepted: i32,
    /// The last request was answered 202 this long ago, by the database's clock.
    pub accepted_ms_ago: Option<i64>,
    /// A request for it has left.
    pub requested: bool,
    /// Its data is in.
    pub received: bool,
}

/// Fixes the list of pulls, in the caller's transaction: every window of every usage point. Windows are
/// adjacent, oldest first. Later calls change nothing, nor does one for an authorization that is no
/// longer being fetched.
pub async fn fix(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    usage_points: &[String],
    windows: &[(jiff::Timestamp, jiff::Timestamp)],
) -> diesel::QueryResult<()> {
    let times = |pick: fn(&(jiff::Timestamp, jiff::Timestamp)) -> jiff::Timestamp| {
        windows
            .iter()
            .map(|window| Timestamp::from(pick(window)))
            .collect::<Vec<_>>()
    };
    let fixed = sql_query(
        "UPDATE smd.authorization SET planned_at = now(), history_from = $2, history_until = $3
         WHERE id = $1 AND planned_at IS NULL AND stage = 'fetching'",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .bind::<Nullable<Timestamptz>, _>(windows.first().map(|window| Timestamp::from(window.0)))
    .bind::<Nullable<Timestamptz>, _>(windows.last().map(|window| Timestamp::from(window.1)))
    .execute(conn)
    .await?;
    if fixed == 0 {
        return Ok(());
    }
    // A feed may list a usage point twice.
    sql_query("INSERT INTO smd.usage_point (authorization_id, usage_point_id) SELECT DISTINCT $1, unnest($2)")
        .bind::<SqlUuid, _>(id.uuid())
        .bind::<Array<Text>, _>(usage_points)
        .execute(conn)
        .await?;
    sql_query(
        "INSERT INTO smd.pull (authorization_id, usage_point_id, number, starts_at, ends_at)
         SELECT $1, usage_point_id, nr - 1, starts_at, ends_at
         FROM smd.usage_point, unnest($2, $3) WITH ORDINALITY AS w (starts_at, ends_at, nr)
         WHERE authorization_id = $1",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .bind::<Array<Timestamptz>, _>(times(|window| window.0))
    .bind::<Array<Timestamptz>, _>(times(|window| window.1))
    .execute(conn)
    .await?;
    Ok(())
}

/// The pulls of an authorization by usage point, oldest window first.
pub async fn pulls(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
) -> diesel::QueryResult<Vec<Pull>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        usage_point_id: String,
        #[diesel(sql_type = Integer)]
        number: i32,
        #[diesel(sql_type = Timestamptz)]
        starts_at: Timestamp,
        #[diesel(sql_type = Timestamptz)]
        ends_at: Timestamp,
        #[diesel(sql_type = Integer)]
        accepted: i32,
        #[diesel(sql_type = Nullable<BigInt>)]
        accepted_ms_ago: Option<i64>,
        #[diesel(sql_type = Bool)]
        requested: bool,
        #[diesel(sql_type = Bool)]
        received: bool,
    }
    let rows: Vec<Row> = sql_query(
        "SELECT usage_point_id, number, starts_at, ends_at, accepted,
                requested_at IS NOT NULL AS requested, received_at IS NOT NULL AS received,
                (extract(epoch FROM clock_timestamp() - accepted_at) * 1000)::bigint AS accepted_ms_ago
         FROM smd.pull WHERE authorization_id = $1 ORDER BY usage_point_id, number",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .load(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Pull {
            usage_point: row.usage_point_id,
            number: row.number,
            from: row.starts_at.to_jiff(),
            until: row.ends_at.to_jiff(),
            accepted: row.accepted,
            accepted_ms_ago: row.accepted_ms_ago,
            requested: row.requested,
            received: row.received,
        })
        .collect())
}

/// Written before the request leaves, so that a notification that overtakes the answer finds it.
/// Changes nothing when the data has come already.
pub async fn mark_requested(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    pull: &Pull,
) -> diesel::QueryResult<()> {
    set(
        conn,
        id,
        pull,
        "requested_at = clock_timestamp(), accepted_at = NULL",
    )
    .await
}

/// The request was answered 202. Changes nothing when the data has come already.
pub async fn mark_accepted(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    pull: &Pull,
) -> diesel::QueryResult<()> {
    set(
        conn,
        id,
        pull,
        "accepted_at = clock_timestamp(), accepted = accepted + 1",
    )
    .await
}

async fn set(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    pull: &Pull,
    set: &'static str,
) -> diesel::QueryResult<()> {
    sql_query(format!(
        "UPDATE smd.pull SET {set}
         WHERE authorization_id = $1 AND usage_point_id = $2 AND number = $3 AND received_at IS NULL"
    ))
    .bind::<SqlUuid, _>(id.uuid())
    .bind::<Text, _>(&pull.usage_point)
    .bind::<Integer, _>(pull.number)
    .execute(conn)
    .await?;
    Ok(())
}

/// The data of a pull is in: the checkpoint. An empty window counts. The first to say so wins.
pub async fn mark_received(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    pull: &Pull,
    readings: i64,
) -> diesel::QueryResult<()> {
    diesel::update(table::table.find((id.uuid(), &pull.usage_point, pull.number)))
        .filter(table::received_at.is_null())
        .set((
            table::received_at.eq(diesel::dsl::now),
            table::readings.eq(i32::try_from(readings).unwrap_or(i32::MAX)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// The authorization that waits for data of this usage point: a request for it has left and its data
/// is not in. Notifications are matched against it.
pub async fn waiting_for(
    conn: &mut AsyncPgConnection,
    usage_point: &str,
) -> diesel::QueryResult<Option<AuthorizationId>> {
    let id: Option<Uuid> = table::table
        .inner_join(authorization::table)
        .filter(table::usage_point_id.eq(usage_point))
        .filter(table::requested_at.is_not_null())
        .filter(table::received_at.is_null())
        .filter(authorization::stage.eq(Stage::Fetching.as_str()))
        .order(table::requested_at.desc())
        .select(table::authorization_id)
        .first(conn)
        .await
        .optional()?;
    Ok(id.map(Into::into))
}

/// Whether a usage point is one of the authorization's.
pub async fn has(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    usage_point: &str,
) -> diesel::QueryResult<bool> {
    diesel::select(diesel::dsl::exists(
        table::table
            .filter(table::authorization_id.eq(id.uuid()))
            .filter(table::usage_point_id.eq(usage_point)),
    ))
    .get_result(conn)
    .await
}

/// Whether any request is out whose data is not in, of a history that is still being pulled.
pub async fn any_outstanding(conn: &mut AsyncPgConnection) -> diesel::QueryResult<bool> {
    diesel::select(diesel::dsl::exists(
        table::table
            .inner_join(authorization::table)
            .filter(table::requested_at.is_not_null())
            .filter(table::received_at.is_null())
            .filter(authorization::stage.eq(Stage::Fetching.as_str()))
            // Not all columns: smd-auth may not read them all.
            .select(table::number),
    ))
    .get_result(conn)
    .await
}

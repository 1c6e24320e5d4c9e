//! Data needs of an operator who manages them by the API; with a file of data needs this table stays empty.
//! Permissions hold their own copy, so a change here changes nothing for homes that were asked before.
//! Read and written by aiida-permission alone.

use diesel::result::Error::DeserializationError;
use diesel::sql_types::{Jsonb, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use permission::DataNeedId;
use permission::data_need::DataNeed;
use serde_json::Value;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Jsonb)]
    document: Value,
}

/// What we wrote ourselves: anything else is an error of the database's contents.
fn need(row: Row) -> diesel::QueryResult<DataNeed> {
    DataNeed::from_value(row.document).map_err(|error| DeserializationError(Box::new(error)))
}

/// One data need.
pub async fn get(
    conn: &mut AsyncPgConnection,
    id: DataNeedId,
) -> diesel::QueryResult<Option<DataNeed>> {
    let row: Option<Row> = sql_query("SELECT document FROM aiida.data_need WHERE id = $1")
        .bind::<SqlUuid, _>(id.uuid())
        .get_result(conn)
        .await
        .optional()?;
    row.map(need).transpose()
}

/// All of them in the order of their ids: an operator has a handful.
pub async fn list(conn: &mut AsyncPgConnection) -> diesel::QueryResult<Vec<DataNeed>> {
    let rows: Vec<Row> = sql_query("SELECT document FROM aiida.data_need ORDER BY id")
        .load(conn)
        .await?;
    rows.into_iter().map(need).collect()
}

/// Adds one; false when its id is taken.
pub async fn insert(conn: &mut AsyncPgConnection, need: &DataNeed) -> diesel::QueryResult<bool> {
    let added = sql_query(
        "INSERT INTO aiida.data_need (id, document) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
    )
    .bind::<SqlUuid, _>(need.id.uuid())
    .bind::<Jsonb, _>(need.to_value())
    .execute(conn)
    .await?;
    Ok(added == 1)
}

/// Replaces the one with the same id; false when there is none.
pub async fn replace(conn: &mut AsyncPgConnection, need: &DataNeed) -> diesel::QueryResult<bool> {
    let replaced =
        sql_query("UPDATE aiida.data_need SET document = $2, updated_at = now() WHERE id = $1")
            .bind::<SqlUuid, _>(need.id.uuid())
            .bind::<Jsonb, _>(need.to_value())
            .execute(conn)
            .await?;
    Ok(replaced == 1)
}

/// Removes one; false when there is none.
pub async fn remove(conn: &mut AsyncPgConnection, id: DataNeedId) -> diesel::QueryResult<bool> {
    let removed = sql_query("DELETE FROM aiida.data_need WHERE id = $1")
        .bind::<SqlUuid, _>(id.uuid())
        .execute(conn)
        .await?;
    Ok(removed == 1)
}

//! What the exporter reads and writes of an authorization.

use std::time::Duration;

use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::Timestamp;
use job_queue::JobKind;
use uuid::Uuid;

use super::AuthorizationId;
use super::authorization::Stage;
use crate::kinds::CsvExport;
use crate::sql::millis;

/// What names and places the files of an authorization.
#[derive(Debug, Clone)]
pub struct Export {
    /// Where the authorization stands.
    pub stage: Stage,
    /// When the customer authorized; part of the file names.
    pub authorized_at: jiff::Timestamp,
    /// The custodian's id; part of the file names. Gone once erased.
    pub subscription_id: Option<String>,
    /// As the custodian tells it; part of the file names.
    pub customer_name: Option<String>,
    /// IANA name or POSIX rule of local time.
    pub time_zone: Option<String>,
    /// The period that was asked for; the end is exclusive.
    pub history: Option<(jiff::Timestamp, jiff::Timestamp)>,
    /// Stored before the files were first written.
    pub files: Files,
}

/// The names of the files; `None` where there is no such commodity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// Electricity.
    pub electricity: Option<String>,
    /// Gas.
    pub gas: Option<String>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    stage: String,
    #[diesel(sql_type = Timestamptz)]
    authorized_at: Timestamp,
    #[diesel(sql_type = Nullable<Text>)]
    subscription_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    customer_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    time_zone: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    history_from: Option<Timestamp>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    history_until: Option<Timestamp>,
    #[diesel(sql_type = Nullable<Text>)]
    electricity_file: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    gas_file: Option<String>,
}

/// Reads it; `None` for an unknown authorization.
pub async fn get(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
) -> diesel::QueryResult<Option<Export>> {
    let row: Option<Row> = sql_query(
        "SELECT stage, authorized_at, subscription_id, customer_name, time_zone, history_from, history_until, electricity_file,
            gas_file
         FROM smd.authorization WHERE id = $1",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .get_result(conn)
    .await
    .optional()?;
    Ok(row.map(|row| Export {
        stage: Stage::from_column(&row.stage),
        authorized_at: row.authorized_at.to_jiff(),
        subscription_id: row.subscription_id,
        customer_name: row.customer_name,
        time_zone: row.time_zone,
        history: row
            .history_from
            .zip(row.history_until)
            .map(|(from, until)| (from.to_jiff(), until.to_jiff())),
        files: Files {
            electricity: row.electricity_file,
            gas: row.gas_file,
        },
    }))
}

/// Stores the file names, before anything is written under them: what was written can always be
/// found and removed. A name stored before stays where none is given now: its file may be there.
/// Refused (false) for an authorization that was erased meanwhile.
pub async fn name_files(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    files: &Files,
) -> diesel::QueryResult<bool> {
    let changed = sql_query(
        "UPDATE smd.authorization SET electricity_file = coalesce($2, electricity_file), gas_file = coalesce($3, gas_file),
            files_removed_at = NULL
         WHERE id = $1 AND stage = 'fetched'",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .bind::<Nullable<Text>, _>(files.electricity.as_deref())
    .bind::<Nullable<Text>, _>(files.gas.as_deref())
    .execute(conn)
    .await?;
    Ok(changed == 1)
}

/// The files are complete. False when the authorization was erased meanwhile: then they must go.
pub async fn mark_exported(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
) -> diesel::QueryResult<bool> {
    let changed = sql_query(
        "UPDATE smd.authorization SET exported_at = coalesce(exported_at, now()), export_error = NULL
         WHERE id = $1 AND stage = 'fetched'",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .execute(conn)
    .await?;
    Ok(changed == 1)
}

/// The files could not be written; in words for the operator.
pub async fn note_error(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    words: &str,
) -> diesel::QueryResult<()> {
    sql_query("UPDATE smd.authorization SET export_error = $2 WHERE id = $1 AND stage = 'fetched'")
        .bind::<SqlUuid, _>(id.uuid())
        .bind::<Text, _>(words)
        .execute(conn)
        .await?;
    Ok(())
}

/// No file can hold what was pulled: given up, in words for the customer and for the operator. Its data is then
/// [`super::erasure::due`], and the names of files [`expired`]. False, and nothing changes, for one that was exported
/// before or is not to be exported any more.
pub async fn mark_failed(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    failure: &str,
    words: &str,
) -> diesel::QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        is_failed: bool,
    }
    let row: Row = sql_query("SELECT smd.fail_export($1, $2, $3) AS is_failed")
        .bind::<SqlUuid, _>(id.uuid())
        .bind::<Text, _>(failure)
        .bind::<Text, _>(words)
        .get_result(conn)
        .await?;
    Ok(row.is_failed)
}

/// Files to be removed.
#[derive(Debug)]
pub struct Expired {
    /// Whose.
    pub id: AuthorizationId,
    /// Which.
    pub files: Files,
    /// Because the customer was erased, not because their time is over.
    pub erased: bool,
}

/// Files whose customer was erased, whose export has failed for good, or that were written longer ago than `keep`.
pub async fn expired(
    conn: &mut AsyncPgConnection,
    keep: Duration,
) -> diesel::QueryResult<Vec<Expired>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Nullable<Text>)]
        electricity_file: Option<String>,
        #[diesel(sql_type = Nullable<Text>)]
        gas_file: Option<String>,
        #[diesel(sql_type = Bool)]
        erased: bool,
    }
    let rows: Vec<Row> = sql_query(
        "SELECT id, electricity_file, gas_file, stage = 'erased' AS erased FROM smd.authorization
         WHERE files_removed_at IS NULL AND (electricity_file IS NOT NULL OR gas_file IS NOT NULL)
           AND (stage IN ('erased', 'failed') OR exported_at < now() - $1 * interval '1 ms')",
    )
    .bind::<BigInt, _>(millis(keep))
    .load(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Expired {
            id: row.id.into(),
            files: Files {
                electricity: row.electricity_file,
                gas: row.gas_file,
            },
            erased: row.erased,
        })
        .collect())
}

/// The files are gone, and with them their names, which carry the customer's. The names on a
/// tombstone stay while an export of it has not ended: it may still put files in place and be killed
/// before it looks at the stage, so the files are removed once more when it has ended.
pub async fn mark_removed(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
) -> diesel::QueryResult<()> {
    sql_query(
        "UPDATE smd.authorization SET files_removed_at = now(), electricity_file = NULL, gas_file = NULL
         WHERE id = $1 AND NOT (stage = 'erased' AND jobs.is_live($2, $3))",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .bind::<Text, _>(CsvExport::SPEC.name)
    .bind::<Nullable<Text>, _>(CsvExport { authorization: id }.unique_key())
    .execute(conn)
    .await?;
    Ok(())
}

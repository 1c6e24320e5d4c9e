//! Readings: staged while a feed is read, merged in one transaction, read back in order.

use diesel::sql_types::{
    Array, BigInt, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{
    ExpressionMethods, QueryDsl, Queryable, QueryableByName, Selectable, SelectableHelper,
    sql_query,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::Stream;
use jiff_diesel::Timestamp;
use uuid::Uuid;

use super::AuthorizationId;
use crate::schema::smd::{reading, series};
use crate::sql::{IdRow, NumberRow, ids};

/// A reading of a feed that is still being read.
#[derive(Debug, Clone)]
pub struct StagedReading {
    /// Number of its series within the feed.
    pub series: i32,
    /// Start of the interval.
    pub starts_at: jiff::Timestamp,
    /// Seconds.
    pub duration: i32,
    /// Energy is this × 10^multiplier of the series.
    pub value: i64,
    /// ESPI codes.
    pub quality: Vec<i32>,
    /// Time-of-use bucket.
    pub tou: Option<i32>,
    /// Critical peak bucket.
    pub cpp: Option<i32>,
    /// 1/100000 of the currency.
    pub cost: Option<i64>,
    /// When the custodian published it.
    pub published_at: Option<jiff::Timestamp>,
}

/// What the readings of a series mean, in ESPI's codes (0 where the feed says nothing).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Queryable, Selectable)]
#[diesel(table_name = series, check_for_backend(diesel::pg::Pg))]
pub struct SeriesCodes {
    /// The custodian's id.
    pub usage_point_id: String,
    /// 1 electricity, 7 natural gas.
    pub commodity: i32,
    /// 1 delivered, 19 received.
    pub flow: i32,
    /// 72 Wh, 169 therm.
    pub unit: i32,
    /// 4 delta.
    pub accumulation: i32,
    /// 12 energy.
    pub kind: i32,
    /// 0 none.
    pub phase: i32,
    /// Time-of-use bucket that the whole series is of.
    pub tou: i32,
    /// Data qualifier: 12 normal.
    pub qualifier: i32,
    /// 840 US dollar.
    pub currency: i32,
    /// Quality of readings that state none.
    pub default_quality: i32,
}

/// A series of a feed whose reading type has become known.
#[derive(Debug, Clone)]
pub struct FeedSeries {
    /// Its number within the feed.
    pub number: i32,
    /// Whose readings they are.
    pub authorization: AuthorizationId,
    /// What it means.
    pub codes: SeriesCodes,
    /// Power of ten.
    pub multiplier: i16,
}

/// A feed could not be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A query failed.
    #[error("the database: {0}")]
    Database(#[from] diesel::result::Error),
    /// Fewer rows are staged than were read: the database crashed in between.
    #[error("{staged} of {expected} staged readings are left: the window must be pulled again")]
    Incomplete {
        /// Rows found.
        staged: i64,
        /// Rows written.
        expected: i64,
    },
}

/// Adds readings to a batch. Committed at once: memory stays small and no transaction stays open
/// while a feed is on its way.
pub async fn stage(
    conn: &mut AsyncPgConnection,
    batch: Uuid,
    rows: &[StagedReading],
) -> diesel::QueryResult<()> {
    fn column<T>(rows: &[StagedReading], pick: impl Fn(&StagedReading) -> T) -> Vec<T> {
        rows.iter().map(pick).collect()
    }
    let qualities = |row: &StagedReading| {
        row.quality
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(",")
    };
    sql_query(
        "INSERT INTO smd.staged_reading (batch, series, starts_at, duration, value, quality, tou, cpp, cost, published_at)
         SELECT $1, series, starts_at, duration, value, string_to_array(quality, ',')::integer[], tou, cpp, cost, published_at
         FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10)
              AS r (series, starts_at, duration, value, quality, tou, cpp, cost, published_at)",
    )
    .bind::<SqlUuid, _>(batch)
    .bind::<Array<Integer>, _>(column(rows, |row| row.series))
    .bind::<Array<Timestamptz>, _>(column(rows, |row| Timestamp::from(row.starts_at)))
    .bind::<Array<Integer>, _>(column(rows, |row| row.duration))
    .bind::<Array<BigInt>, _>(column(rows, |row| row.value))
    .bind::<Array<Text>, _>(column(rows, qualities))
    .bind::<Array<Nullable<Integer>>, _>(column(rows, |row| row.tou))
    .bind::<Array<Nullable<Integer>>, _>(column(rows, |row| row.cpp))
    .bind::<Array<Nullable<BigInt>>, _>(column(rows, |row| row.cost))
    .bind::<Array<Nullable<Timestamptz>>, _>(column(rows, |row| row.published_at.map(Timestamp::from)))
    .execute(conn)
    .await?;
    Ok(())
}

/// Moves a complete batch into the readings: one row per series, start and duration; of two, the one
/// published later, or else the one that came later. Dropped are readings of series that are not
/// named, of authorizations that are no longer being fetched, and from outside the history that the
/// customer was told of. Call it in the transaction that marks the pull received; it locks the
/// authorizations until the end of that. Answers how many rows the batch brought.
pub async fn merge(
    conn: &mut AsyncPgConnection,
    batch: Uuid,
    expected: i64,
    feed_series: &[FeedSeries],
) -> Result<i64, MergeError> {
    let staged: NumberRow =
        sql_query("SELECT count(*) AS n FROM smd.staged_reading WHERE batch = $1")
            .bind::<SqlUuid, _>(batch)
            .get_result(conn)
            .await?;
    if staged.n != expected {
        return Err(MergeError::Incomplete {
            staged: staged.n,
            expected,
        });
    }
    let fetching = lock_fetching(conn, feed_series).await?;
    let mut wanted = Vec::with_capacity(feed_series.len());
    for one in feed_series
        .iter()
        .filter(|one| fetching.contains(&one.authorization))
    {
        wanted.push((one, series_id(conn, one.authorization, &one.codes).await?));
    }
    move_readings(conn, batch, &wanted).await?;
    discard_staged(conn, batch).await?;
    Ok(staged.n)
}

/// Locks the authorizations of these series until the transaction ends, and answers those that are
/// still being fetched. So nothing is added to what is withdrawn, superseded or erased at the same
/// moment, and two merges for one authorization do not block each other half way.
async fn lock_fetching(
    conn: &mut AsyncPgConnection,
    feed_series: &[FeedSeries],
) -> diesel::QueryResult<Vec<AuthorizationId>> {
    let rows: Vec<IdRow> = sql_query(
        "SELECT id FROM smd.authorization WHERE id = ANY ($1) AND stage = 'fetching' ORDER BY id FOR NO KEY UPDATE",
    )
    .bind::<Array<SqlUuid>, _>(feed_series.iter().map(|one| one.authorization.uuid()).collect::<Vec<_>>())
    .load(conn)
    .await?;
    Ok(ids(rows))
}

async fn move_readings(
    conn: &mut AsyncPgConnection,
    batch: Uuid,
    wanted: &[(&FeedSeries, i64)],
) -> diesel::QueryResult<()> {
    fn column<T>(wanted: &[(&FeedSeries, i64)], pick: impl Fn(&FeedSeries, i64) -> T) -> Vec<T> {
        wanted.iter().map(|(one, id)| pick(one, *id)).collect()
    }
    sql_query(
        "INSERT INTO smd.reading AS kept
             (series_id, starts_at, duration, value, multiplier, quality, tou, cpp, cost, published_at)
         SELECT DISTINCT ON (s.id, r.starts_at, r.duration)
                s.id, r.starts_at, r.duration, r.value, s.multiplier, r.quality, r.tou, r.cpp, r.cost, r.published_at
         FROM smd.staged_reading r
         JOIN unnest($2, $3, $4, $5) AS s (number, id, multiplier, authorization_id) ON s.number = r.series
         JOIN smd.authorization a ON a.id = s.authorization_id
         WHERE r.batch = $1 AND r.starts_at >= a.history_from AND r.starts_at < a.history_until
         ORDER BY s.id, r.starts_at, r.duration, r.published_at DESC NULLS LAST, r.nr DESC
         ON CONFLICT (series_id, starts_at, duration) DO UPDATE SET
             value = excluded.value, multiplier = excluded.multiplier, quality = excluded.quality, tou = excluded.tou,
             cpp = excluded.cpp, cost = excluded.cost, published_at = excluded.published_at
         WHERE coalesce(excluded.published_at, '-infinity') >= coalesce(kept.published_at, '-infinity')",
    )
    .bind::<SqlUuid, _>(batch)
    .bind::<Array<Integer>, _>(column(wanted, |one, _| one.number))
    .bind::<Array<BigInt>, _>(column(wanted, |_, id| id))
    .bind::<Array<SmallInt>, _>(column(wanted, |one, _| one.multiplier))
    .bind::<Array<SqlUuid>, _>(column(wanted, |one, _| one.authorization.uuid()))
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets a batch whose feed broke.
pub async fn discard_staged(conn: &mut AsyncPgConnection, batch: Uuid) -> diesel::QueryResult<()> {
    sql_query("DELETE FROM smd.staged_reading WHERE batch = $1")
        .bind::<SqlUuid, _>(batch)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets batches of killed workers: older than any job may run.
pub async fn discard_abandoned(conn: &mut AsyncPgConnection) -> diesel::QueryResult<usize> {
    sql_query("DELETE FROM smd.staged_reading WHERE staged_at < now() - interval '2 hours'")
        .execute(conn)
        .await
}

async fn series_id(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
    codes: &SeriesCodes,
) -> diesel::QueryResult<i64> {
    let row: NumberRow = sql_query(
        "INSERT INTO smd.series
             (authorization_id, usage_point_id, commodity, flow, unit, accumulation, kind, phase, tou, qualifier,
              currency, default_quality)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (authorization_id, usage_point_id, commodity, flow, unit, accumulation, kind, phase, tou, qualifier,
                      currency)
         DO UPDATE SET default_quality = excluded.default_quality
         RETURNING id AS n",
    )
    .bind::<SqlUuid, _>(id.uuid())
    .bind::<Text, _>(&codes.usage_point_id)
    .bind::<Integer, _>(codes.commodity)
    .bind::<Integer, _>(codes.flow)
    .bind::<Integer, _>(codes.unit)
    .bind::<Integer, _>(codes.accumulation)
    .bind::<Integer, _>(codes.kind)
    .bind::<Integer, _>(codes.phase)
    .bind::<Integer, _>(codes.tou)
    .bind::<Integer, _>(codes.qualifier)
    .bind::<Integer, _>(codes.currency)
    .bind::<Integer, _>(codes.default_quality)
    .get_result(conn)
    .await?;
    Ok(row.n)
}

/// A stored series with one of the multipliers that its readings have.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = series, check_for_backend(diesel::pg::Pg))]
pub struct StoredSeries {
    /// Our number of it.
    pub id: i64,
    /// Power of ten.
    #[diesel(select_expression = reading::multiplier)]
    pub multiplier: i16,
    /// What it means.
    #[diesel(embed)]
    pub codes: SeriesCodes,
}

/// The series of an authorization that have readings, once per multiplier, in a stable order.
pub async fn series_of(
    conn: &mut AsyncPgConnection,
    id: AuthorizationId,
) -> diesel::QueryResult<Vec<StoredSeries>> {
    let mut all: Vec<StoredSeries> = series::table
        .inner_join(reading::table)
        .filter(series::authorization_id.eq(id.uuid()))
        .select(StoredSeries::as_select())
        .distinct()
        .load(conn)
        .await?;
    all.sort_by(|a, b| (&a.codes, a.multiplier).cmp(&(&b.codes, b.multiplier)));
    Ok(all)
}

/// A stored reading, in the order of an export.
#[derive(Debug, Clone, QueryableByName)]
pub struct StoredReading {
    /// Index of its series in the slice that was asked for, from 0.
    #[diesel(sql_type = BigInt)]
    pub series: i64,
    /// Start of the interval.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub starts_at: jiff::Timestamp,
    /// Seconds.
    #[diesel(sql_type = Integer)]
    pub duration: i32,
    /// Energy is this × 10^multiplier of the series.
    #[diesel(sql_type = BigInt)]
    pub value: i64,
    /// ESPI codes.
    #[diesel(sql_type = Array<Integer>)]
    pub quality: Vec<i32>,
    /// Time-of-use bucket.
    #[diesel(sql_type = Nullable<Integer>)]
    pub tou: Option<i32>,
    /// Critical peak bucket.
    #[diesel(sql_type = Nullable<Integer>)]
    pub cpp: Option<i32>,
    /// 1/100000 of the currency.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub cost: Option<i64>,
}

/// The readings of these series by usage point (byte order), start, duration and place of the series
/// in the slice; one at a time.
pub async fn in_order<'conn>(
    conn: &'conn mut AsyncPgConnection,
    wanted: &[StoredSeries],
) -> diesel::QueryResult<impl Stream<Item = diesel::QueryResult<StoredReading>> + Send + use<'conn>>
{
    sql_query(
        "SELECT w.nr - 1 AS series, r.starts_at, r.duration, r.value, r.quality, r.tou, r.cpp, r.cost
         FROM unnest($1, $2) WITH ORDINALITY AS w (id, multiplier, nr)
         JOIN smd.series s ON s.id = w.id
         JOIN smd.reading r ON r.series_id = w.id AND r.multiplier = w.multiplier
         ORDER BY s.usage_point_id COLLATE \"C\", r.starts_at, r.duration, w.nr",
    )
    .bind::<Array<BigInt>, _>(wanted.iter().map(|one| one.id).collect::<Vec<_>>())
    .bind::<Array<SmallInt>, _>(wanted.iter().map(|one| one.multiplier).collect::<Vec<_>>())
    .load_stream(conn)
    .await
}

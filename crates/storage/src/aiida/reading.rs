//! Near-real-time data read back, page by page: readings, the records that brought them, and what was
//! refused. Written by aiida-stream ([`super::stream`]); read here by aiida-permission for the API.
//!
//! Both tables are partitioned by day: the condition on `sent_at` beside the one on the whole key leaves out the
//! days before the page. Pages follow the primary keys, which begin with the permission and the record's own time. So a range of
//! time is one of the records' times (`sent_at`): consecutive ranges hold each reading exactly once, and no
//! other index has to be kept while the stream comes in.

use diesel::sql_types::{
    BigInt, Binary, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::Timestamp;
use permission::PermissionId;

use crate::sql::IdRow;

/// Which records: those made at `from` or later and before `until`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Range {
    /// Inclusive; `None` is the beginning.
    pub from: Option<jiff::Timestamp>,
    /// Exclusive; `None` is the end.
    pub until: Option<jiff::Timestamp>,
}

/// The place of a record among those of its permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordKey {
    /// The record's own time, in whole microseconds as the database keeps it.
    pub sent_at: jiff::Timestamp,
    /// Tells apart records of one moment.
    pub digest: Vec<u8>,
}

/// The place of a reading among those of its permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadingKey {
    /// Its record.
    pub record: RecordKey,
    /// Its place in the record.
    pub nr: i16,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Measured {
    /// When.
    #[diesel(column_name = measured_at, sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub at: jiff::Timestamp,
    /// OBIS code; `quantity:<type>` for a type of CIM without one.
    #[diesel(sql_type = Text)]
    pub obis: String,
    /// Exact, with the decimals that were sent.
    #[diesel(sql_type = Text)]
    pub value: String,
    /// As the home sent it.
    #[diesel(sql_type = Text)]
    pub unit: String,
}

/// One value of a record.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Reading {
    /// When the home made the record.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub sent_at: jiff::Timestamp,
    /// Tells apart records of one moment.
    #[diesel(sql_type = Binary)]
    pub digest: Vec<u8>,
    /// Its place in the record.
    #[diesel(sql_type = SmallInt)]
    pub nr: i16,
    /// What was measured.
    #[diesel(embed)]
    pub measured: Measured,
    /// In the words of the home's format.
    #[diesel(sql_type = Nullable<Text>)]
    pub quality: Option<String>,
}

impl Reading {
    /// Where the page after it begins.
    #[must_use]
    pub fn key(&self) -> ReadingKey {
        ReadingKey {
            record: RecordKey {
                sent_at: self.sent_at,
                digest: self.digest.clone(),
            },
            nr: self.nr,
        }
    }
}

/// Up to `limit` readings of the permission in the order of their records' times, those after `after`;
/// with `obis`, only that code's.
pub async fn readings(
    conn: &mut AsyncPgConnection,
    permission: PermissionId,
    range: Range,
    obis: Option<&str>,
    after: Option<&ReadingKey>,
    limit: i64,
) -> diesel::QueryResult<Vec<Reading>> {
    sql_query(
        "SELECT sent_at, digest, nr, measured_at, obis, value::text AS value, unit, quality
         FROM aiida.reading
         WHERE permission_id = $1
           AND sent_at >= greatest($2, $4, '-infinity') AND sent_at < coalesce($3, 'infinity')
           AND (sent_at, digest, nr) > (coalesce($4, '-infinity'), coalesce($5, ''::bytea), coalesce($6, -1))
           AND obis = coalesce($7, obis)
         ORDER BY sent_at, digest, nr
         LIMIT $8",
    )
    .bind::<SqlUuid, _>(permission.uuid())
    .bind::<Nullable<Timestamptz>, _>(range.from.map(Timestamp::from))
    .bind::<Nullable<Timestamptz>, _>(range.until.map(Timestamp::from))
    .bind::<Nullable<Timestamptz>, _>(after.map(|key| Timestamp::from(key.record.sent_at)))
    .bind::<Nullable<Binary>, _>(after.map(|key| key.record.digest.as_slice()))
    .bind::<Nullable<Integer>, _>(after.map(|key| i32::from(key.nr)))
    .bind::<Nullable<Text>, _>(obis)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}

/// Whether there is such a permission: one without readings is not one that does not exist.
pub async fn is_known(
    conn: &mut AsyncPgConnection,
    permission: PermissionId,
) -> diesel::QueryResult<bool> {
    let known = sql_query("SELECT id FROM aiida.permission WHERE id = $1")
        .bind::<SqlUuid, _>(permission.uuid())
        .load::<IdRow>(conn)
        .await?;
    Ok(!known.is_empty())
}

/// A record as it was received.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Message {
    /// When the home made it.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub sent_at: jiff::Timestamp,
    /// Tells apart records of one moment.
    #[diesel(sql_type = Binary)]
    pub digest: Vec<u8>,
    /// `data` or `acknowledgement`.
    #[diesel(sql_type = Text)]
    pub channel: String,
    /// The schema of its topic.
    #[diesel(sql_type = Text)]
    pub schema: String,
    /// When it was stored.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub received_at: jiff::Timestamp,
    /// Its bytes.
    #[diesel(sql_type = Binary)]
    pub payload: Vec<u8>,
}

impl Message {
    /// Where the page after it begins.
    #[must_use]
    pub fn key(&self) -> RecordKey {
        RecordKey {
            sent_at: self.sent_at,
            digest: self.digest.clone(),
        }
    }
}

/// Records of one page, and whether there are more after them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Messages {
    /// In the order of their times.
    pub messages: Vec<Message>,
    /// The page was full before these were all.
    pub more: bool,
}

/// Up to `limit` records of the permission in the order of their times, those after `after`; fewer when they have more
/// than `most_bytes`, and one at least.
pub async fn messages(
    conn: &mut AsyncPgConnection,
    permission: PermissionId,
    range: Range,
    after: Option<&RecordKey>,
    limit: usize,
    most_bytes: usize,
) -> diesel::QueryResult<Messages> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(embed)]
        message: Message,
        /// Records that there are from the page's first on, up to one more than its limit.
        #[diesel(sql_type = BigInt)]
        there: i64,
    }
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    // The length of what is stored out of line is known without fetching it: only what is shown is read.
    let rows: Vec<Row> = sql_query(
        "SELECT sent_at, digest, channel, schema, received_at, payload, there
         FROM (SELECT *, count(*) OVER () AS there, row_number() OVER by_time AS nr,
                      sum(octet_length(payload)) OVER by_time AS bytes
               FROM (SELECT sent_at, digest, channel, schema, received_at, payload
                     FROM aiida.message
                     WHERE permission_id = $1
                       AND sent_at >= greatest($2, $4, '-infinity') AND sent_at < coalesce($3, 'infinity')
                       AND (sent_at, digest) > (coalesce($4, '-infinity'), coalesce($5, ''::bytea))
                     ORDER BY sent_at, digest
                     LIMIT $6 + 1) page
               WINDOW by_time AS (ORDER BY sent_at, digest ROWS UNBOUNDED PRECEDING)) page
         WHERE nr = 1 OR (nr <= $6 AND bytes <= $7)
         ORDER BY sent_at, digest",
    )
    .bind::<SqlUuid, _>(permission.uuid())
    .bind::<Nullable<Timestamptz>, _>(range.from.map(Timestamp::from))
    .bind::<Nullable<Timestamptz>, _>(range.until.map(Timestamp::from))
    .bind::<Nullable<Timestamptz>, _>(after.map(|key| Timestamp::from(key.sent_at)))
    .bind::<Nullable<Binary>, _>(after.map(|key| key.digest.as_slice()))
    .bind::<BigInt, _>(number(limit))
    .bind::<BigInt, _>(number(most_bytes))
    .load(conn)
    .await?;
    let more = rows
        .as_slice()
        .first()
        .is_some_and(|row| row.there > number(rows.len()));
    Ok(Messages {
        messages: rows.into_iter().map(|row| row.message).collect(),
        more,
    })
}

/// How many messages on a permission's topics were refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct RefusalCount {
    /// Why, as a short word.
    #[diesel(sql_type = Text)]
    pub reason: String,
    /// How many, ever.
    #[diesel(sql_type = BigInt)]
    pub messages: i64,
    /// The last one.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub last_at: jiff::Timestamp,
}

/// The refusals of a permission by reason.
pub async fn refusals(
    conn: &mut AsyncPgConnection,
    permission: PermissionId,
) -> diesel::QueryResult<Vec<RefusalCount>> {
    sql_query(
        "SELECT reason, messages, last_at FROM aiida.refusal WHERE permission_id = $1 ORDER BY reason",
    )
    .bind::<SqlUuid, _>(permission.uuid())
    .load(conn)
    .await
}

/// One of the last refused messages.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Refused {
    /// Later ones have higher ids.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// The topic it came on.
    #[diesel(sql_type = Text)]
    pub topic: String,
    /// Why, as a short word.
    #[diesel(sql_type = Text)]
    pub reason: String,
    /// When it came.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub received_at: jiff::Timestamp,
    /// The beginning of its bytes.
    #[diesel(sql_type = Binary)]
    pub payload: Vec<u8>,
}

/// Up to `limit` of the kept refused messages of a permission, the newest first, those with an id below
/// `before`.
pub async fn refused(
    conn: &mut AsyncPgConnection,
    permission: PermissionId,
    before: Option<i64>,
    limit: i64,
) -> diesel::QueryResult<Vec<Refused>> {
    sql_query(
        "SELECT id, topic, reason, received_at, payload FROM aiida.refused_message
         WHERE permission_id = $1 AND id < coalesce($2, 9223372036854775807)
         ORDER BY id DESC LIMIT $3",
    )
    .bind::<SqlUuid, _>(permission.uuid())
    .bind::<Nullable<BigInt>, _>(before)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}

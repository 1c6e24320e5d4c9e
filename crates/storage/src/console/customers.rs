//! Customers of Share My Data: one row for each authorization, the newest first.

use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::{NullableTimestamp, Timestamp};
use uuid::Uuid;

use super::{LAST, Page, Place};
use crate::smd::AuthorizationId;
use crate::smd::authorization::Stage;
use crate::smd::receipt::Receipt;

/// A row of the list.
#[derive(Debug, Clone, QueryableByName)]
pub struct Row {
    /// Our id.
    #[diesel(sql_type = SqlUuid, deserialize_as = Uuid)]
    pub id: AuthorizationId,
    /// The custodian's id; gone once it was erased.
    #[diesel(sql_type = Nullable<Text>)]
    pub subscription_id: Option<String>,
    /// As the custodian tells it: personal, for no log and no address.
    #[diesel(sql_type = Nullable<Text>)]
    pub customer_name: Option<String>,
    /// Where it stands, as the migration names it.
    #[diesel(sql_type = Text)]
    pub stage: String,
    /// When the customer authorized.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub authorized_at: jiff::Timestamp,
    /// When the custodian confirmed its end.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub released_at: Option<jiff::Timestamp>,
    /// When the files were written.
    #[diesel(sql_type = Nullable<Timestamptz>, deserialize_as = NullableTimestamp)]
    pub exported_at: Option<jiff::Timestamp>,
}

impl Row {
    /// Where the page after it begins.
    #[must_use]
    pub const fn place(&self) -> Place {
        Place {
            at: self.authorized_at,
            id: self.id.uuid(),
        }
    }
}

/// Which.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Only those that stand there.
    pub stage: Option<Stage>,
    /// Only those known by this text: an id of ours or of the custodian's, of a usage point, the receipt number, or words
    /// of the name by their beginnings.
    pub known_by: Option<&'a str>,
}

const COLUMNS: &str =
    "SELECT id, subscription_id, customer_name, stage, authorized_at, released_at, exported_at
     FROM smd.authorization WHERE (authorized_at, id) < (coalesce($1, 'infinity'), $2)";

/// What a text names; each branch has its index.
const KNOWN_BY: &str = "id IN (SELECT id FROM smd.authorization WHERE subscription_id = $4
         UNION SELECT id FROM smd.authorization WHERE id BETWEEN $5 AND $8
         UNION SELECT authorization_id FROM smd.usage_point WHERE usage_point_id = $4
         UNION SELECT id FROM smd.authorization
               WHERE customer_name IS NOT NULL AND to_tsvector('simple', customer_name) @@ to_tsquery('simple', $6))";

/// Up to `limit` rows after `after`.
pub async fn list(
    conn: &mut AsyncPgConnection,
    filter: Filter<'_>,
    after: Option<Place>,
    limit: i64,
) -> diesel::QueryResult<Page<Row>> {
    let stage = filter.stage.map_or("$7 IS NULL", |_| "stage = $7");
    let known = filter
        .known_by
        .map_or("$4 || $5 || $6 || $8 IS NULL", |_| KNOWN_BY);
    let text = filter.known_by.map(str::trim);
    let ids = text.and_then(ids);
    let rows = sql_query(format!(
        "{COLUMNS} AND {stage} AND {known} ORDER BY authorized_at DESC, id DESC LIMIT $3"
    ))
    .bind::<Nullable<Timestamptz>, _>(after.map(|place| Timestamp::from(place.at)))
    .bind::<SqlUuid, _>(after.map_or(LAST, |place| place.id))
    .bind::<BigInt, _>(limit + 1)
    .bind::<Nullable<Text>, _>(text)
    .bind::<Nullable<SqlUuid>, _>(ids.map(|(first, _)| first))
    .bind::<Nullable<Text>, _>(text.map(beginnings))
    .bind::<Nullable<Text>, _>(filter.stage.map(Stage::as_str))
    .bind::<Nullable<SqlUuid>, _>(ids.map(|(_, last)| last))
    .load(conn)
    .await?;
    Ok(Page::of(rows, limit))
}

/// Our ids that a text may mean, the first and the last: the one that it is, or those of a receipt number.
fn ids(text: &str) -> Option<(Uuid, Uuid)> {
    let one = text.parse().ok().map(|id: Uuid| (id, id));
    one.or_else(|| text.parse().ok().map(Receipt::ids))
}

/// The names of files that were written, and when for the first time.
#[derive(Debug, Clone, QueryableByName)]
pub struct Export {
    /// When.
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    pub exported_at: jiff::Timestamp,
    /// Name of a file: it contains the customer's.
    #[diesel(sql_type = Nullable<Text>)]
    pub electricity_file: Option<String>,
    /// Name of a file: it contains the customer's.
    #[diesel(sql_type = Nullable<Text>)]
    pub gas_file: Option<String>,
    /// The customer was erased: they are being removed.
    #[diesel(sql_type = Bool)]
    pub is_erased: bool,
}

/// The exports of those who authorized in these seconds: file names have the time to the second.
pub async fn exports(
    conn: &mut AsyncPgConnection,
    seconds: &[jiff::Timestamp],
) -> diesel::QueryResult<Vec<Export>> {
    let seconds: Vec<Timestamp> = seconds.iter().map(|at| Timestamp::from(*at)).collect();
    sql_query(
        "SELECT a.exported_at, a.electricity_file, a.gas_file, a.stage = 'erased' AS is_erased
         FROM (SELECT DISTINCT t.second FROM unnest($1) AS t (second)) t, smd.authorization a
         WHERE a.authorized_at >= t.second AND a.authorized_at < t.second + interval '1 second'
           AND a.exported_at IS NOT NULL AND a.files_removed_at IS NULL",
    )
    .bind::<Array<Timestamptz>, _>(seconds)
    .load(conn)
    .await
}

/// A text search for words that begin as these do, all of them; one that finds nothing where there are none. Letters and
/// digits only: nothing of it can be taken for an operator.
fn beginnings(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty()).take(8);
    words
        .map(|word| format!("'{word}':*"))
        .collect::<Vec<_>>()
        .join(" & ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_no_query() {
        assert_eq!(
            beginnings("Jane O'Exa & !x"),
            "'Jane':* & 'O':* & 'Exa':* & 'x':*"
        );
        assert_eq!(beginnings(" ' | & "), "");
    }
}

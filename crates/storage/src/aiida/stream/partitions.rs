//! The daily partitions of messages and readings.

use diesel::sql_types::{Array, Date as SqlDate, Integer};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Integer)]
    n: i32,
}

/// Days that the database makes at once.
const AT_ONCE: usize = 400;

/// Makes the partitions of these days (UTC) where they are missing; answers how many tables that were. From ten years
/// ago to a month ahead, and as many as there are: a batch whose messages are of more days than the database makes at
/// once must not stop the stream. Not in a transaction that has written messages.
pub async fn make(conn: &mut AsyncPgConnection, days: &[Date]) -> diesel::QueryResult<i32> {
    let mut tables = 0;
    for days in days.chunks(AT_ONCE) {
        let days: Vec<_> = days.iter().map(|day| day.to_diesel()).collect();
        let made: Count = sql_query("SELECT aiida.make_partitions($1) AS n")
            .bind::<Array<SqlDate>, _>(days)
            .get_result(conn)
            .await?;
        tables += made.n;
    }
    Ok(tables)
}

/// Drops the partitions of the days before `before` (UTC), with all that is in them; answers how many tables that
/// were. `before` is yesterday at the latest.
pub async fn drop_before(conn: &mut AsyncPgConnection, before: Date) -> diesel::QueryResult<i32> {
    let dropped: Count = sql_query("SELECT aiida.drop_partitions($1) AS n")
        .bind::<SqlDate, _>(before.to_diesel())
        .get_result(conn)
        .await?;
    Ok(dropped.n)
}

//! Homes from which something should have come by now.

use diesel::sql_types::{Array, Text, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff_diesel::Timestamp;
use permission::Schedule;

use crate::sql::NumberRow;

/// Accepted, of a home that sends, and nothing has come. What a home only receives it need not answer.
const UNHEARD: &str =
    "status = 'ACCEPTED' AND first_message_at IS NULL AND data_need->>'type' = 'outbound-aiida'";

/// The last time before a quarter of an hour ago at which those of a schedule should have sent.
#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = Text)]
    schedule: String,
    #[diesel(sql_type = Timestamptz, deserialize_as = Timestamp)]
    quarter_ago: jiff::Timestamp,
}

impl Due {
    fn at(&self) -> jiff::Timestamp {
        let schedule: Option<Schedule> = self.schedule.parse().ok();
        let last = schedule.and_then(|schedule| schedule.last_before(self.quarter_ago));
        last.unwrap_or(self.quarter_ago)
    }
}

/// How many permissions are silent: they were accepted, and their first day had begun, before the home was last due, and
/// that is more than a quarter of an hour ago.
pub(super) async fn count(conn: &mut AsyncPgConnection) -> diesel::QueryResult<i64> {
    // There are as many schedules as data needs: few, however many homes there are.
    let dues: Vec<Due> = sql_query(format!(
        "SELECT DISTINCT coalesce(data_need->>'transmissionSchedule', '') AS schedule,
                now() - interval '15 minutes' AS quarter_ago
         FROM aiida.permission WHERE {UNHEARD}"
    ))
    .load(conn)
    .await?;
    let times: Vec<Timestamp> = dues.iter().map(|due| Timestamp::from(due.at())).collect();
    let schedules: Vec<String> = dues.into_iter().map(|due| due.schedule).collect();
    let found: NumberRow = sql_query(format!(
        "SELECT count(*) AS n
         FROM aiida.permission
         JOIN unnest($1, $2) AS due (schedule, at) ON schedule = coalesce(data_need->>'transmissionSchedule', '')
         WHERE {UNHEARD}
           AND greatest(coalesce(accepted_at, status_at), starts_on::timestamp AT TIME ZONE 'UTC') < due.at"
    ))
    .bind::<Array<Text>, _>(schedules)
    .bind::<Array<Timestamptz>, _>(times)
    .get_result(conn)
    .await?;
    Ok(found.n)
}

//! Small things that the modules of queries share.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use uuid::Uuid;

/// A row that is one of our ids.
#[derive(QueryableByName)]
pub(crate) struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    pub(crate) id: Uuid,
}

/// A row that is one number.
#[derive(QueryableByName)]
pub(crate) struct NumberRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) n: i64,
}

/// Our ids of these rows.
pub(crate) fn ids<T: From<Uuid>>(rows: Vec<IdRow>) -> Vec<T> {
    rows.into_iter().map(|row| row.id.into()).collect()
}

/// Most milliseconds an interval is given: a thousand years, which Postgres can still add to a time.
const MOST_MILLIS: i64 = 31_557_600_000_000;

/// Whole milliseconds for `$n * interval '1 ms'`.
pub(crate) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis())
        .unwrap_or(MOST_MILLIS)
        .min(MOST_MILLIS)
}

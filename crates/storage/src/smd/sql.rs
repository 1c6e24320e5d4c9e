//! Small things that several modules of queries share.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use uuid::Uuid;

/// A row that is one of our ids.
#[derive(QueryableByName)]
pub(super) struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    pub(super) id: Uuid,
}

/// A row that is one number.
#[derive(QueryableByName)]
pub(super) struct NumberRow {
    #[diesel(sql_type = BigInt)]
    pub(super) n: i64,
}

/// Our ids of these rows.
pub(super) fn ids<T: From<Uuid>>(rows: Vec<IdRow>) -> Vec<T> {
    rows.into_iter().map(|row| row.id.into()).collect()
}

/// Most milliseconds an interval is given: a thousand years, which Postgres can still add to a time.
const MOST_MILLIS: i64 = 31_557_600_000_000;

/// Whole milliseconds for `$n * interval '1 ms'`.
pub(super) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis())
        .unwrap_or(MOST_MILLIS)
        .min(MOST_MILLIS)
}

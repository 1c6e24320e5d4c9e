//! Small things that the modules of queries share.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use uuid::Uuid;

pub(crate) use job_queue::millis;

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

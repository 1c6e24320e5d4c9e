//! Every change of a permission's status, in the order of commits: a reader who has seen an id has seen all
//! before it. Append only; written together with the change by [`crate::aiida::permission`].

use std::fmt;
use std::str::FromStr;

use diesel::{ExpressionMethods, JoinOnDsl, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff::Timestamp;
use permission::{DataNeedId, PermissionId, Status};
use uuid::Uuid;

use super::permission::status_of;
use crate::schema::aiida::{permission as owner, permission_event as table};

/// The advisory lock under which events are appended: the first bytes of "events" in ASCII.
const ORDER: i64 = 0x6576_656e_7473;

/// Who brought a change about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The eligible party's page asked.
    Request,
    /// The home's answer to the request.
    Handshake,
    /// The home, later.
    Home,
    /// The eligible party.
    Party,
    /// Time.
    Clock,
    /// The operator.
    Operator,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Request,
        Self::Handshake,
        Self::Home,
        Self::Party,
        Self::Clock,
        Self::Operator,
    ];

    /// Its name in the database and for the eligible party.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Handshake => "handshake",
            Self::Home => "home",
            Self::Party => "party",
            Self::Clock => "clock",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No such cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no cause of a permission's event")]
pub struct UnknownCause(String);

impl FromStr for Cause {
    type Err = UnknownCause;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|cause| cause.name() == name)
            .ok_or_else(|| UnknownCause(name.to_owned()))
    }
}

/// One change of a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Later events have greater ids, with gaps.
    pub id: i64,
    /// Whose status changed.
    pub permission: PermissionId,
    /// The eligible party's name for the customer: personal, for no log.
    pub connection_id: String,
    /// The data need of the permission.
    pub data_need: DataNeedId,
    /// What it became.
    pub status: Status,
    /// When.
    pub at: Timestamp,
    /// Who brought it about.
    pub cause: Cause,
    /// More about it, in words.
    pub detail: Option<String>,
}

/// Appends the same event for each permission. The ids are in the order of commits because the lock is taken
/// first and held until the transaction ends.
pub(super) async fn append(
    conn: &mut AsyncPgConnection,
    permissions: &[PermissionId],
    status: Status,
    cause: Cause,
    detail: Option<&str>,
) -> diesel::QueryResult<()> {
    diesel::select(function::pg_advisory_xact_lock(ORDER))
        .execute(conn)
        .await?;
    let row = |permission: &PermissionId| {
        (
            table::permission_id.eq(permission.uuid()),
            table::status.eq(status.name()),
            table::cause.eq(cause.name()),
            table::detail.eq(detail),
        )
    };
    // A single row keeps its prepared statement.
    if let [permission] = permissions {
        diesel::insert_into(table::table)
            .values(row(permission))
            .execute(conn)
            .await?;
    } else {
        diesel::insert_into(table::table)
            .values(permissions.iter().map(row).collect::<Vec<_>>())
            .execute(conn)
            .await?;
    }
    Ok(())
}

type Columns = (
    i64,
    Uuid,
    String,
    Uuid,
    String,
    jiff_diesel::Timestamp,
    String,
    Option<String>,
);

/// The history of a permission, oldest first.
pub async fn of(conn: &mut AsyncPgConnection, id: PermissionId) -> diesel::QueryResult<Vec<Event>> {
    let rows: Vec<Columns> = select()
        .filter(table::permission_id.eq(id.uuid()))
        .order(table::id)
        .load(conn)
        .await?;
    rows.into_iter().map(event).collect()
}

/// Up to `limit` events after the one with the id `after`, oldest first; 0 is before all.
pub async fn after(
    conn: &mut AsyncPgConnection,
    after: i64,
    limit: i64,
) -> diesel::QueryResult<Vec<Event>> {
    let rows: Vec<Columns> = select()
        .filter(table::id.gt(after))
        .order(table::id)
        .limit(limit)
        .load(conn)
        .await?;
    rows.into_iter().map(event).collect()
}

/// The id of the last event; 0 when there is none.
pub async fn last(conn: &mut AsyncPgConnection) -> diesel::QueryResult<i64> {
    let last: Option<i64> = table::table
        .select(diesel::dsl::max(table::id))
        .first(conn)
        .await?;
    Ok(last.unwrap_or_default())
}

#[diesel::dsl::auto_type(no_type_alias)]
fn select() -> _ {
    table::table
        .inner_join(owner::table.on(owner::id.eq(table::permission_id)))
        .select((
            table::id,
            table::permission_id,
            owner::connection_id,
            owner::data_need_id,
            table::status,
            table::at,
            table::cause,
            table::detail,
        ))
}

fn event(row: Columns) -> diesel::QueryResult<Event> {
    let (id, permission, connection_id, data_need, status, at, cause, detail) = row;
    Ok(Event {
        id,
        permission: permission.into(),
        connection_id,
        data_need: data_need.into(),
        status: status_of(&status)?,
        at: at.to_jiff(),
        cause: cause.parse().map_err(|error: UnknownCause| {
            diesel::result::Error::DeserializationError(Box::new(error))
        })?,
        detail,
    })
}

/// The lock as diesel knows it: unlike a text of SQL, it keeps its prepared statement.
mod function {
    use diesel::define_sql_function;
    use diesel::sql_types::{BigInt, SqlType};

    /// What a function answers that answers nothing (`void`).
    #[derive(Debug, Clone, Copy, SqlType, diesel::query_builder::QueryId)]
    #[diesel(postgres_type(oid = 2278, array_oid = 0))]
    pub struct Void;

    define_sql_function! {
        /// Postgres's own.
        fn pg_advisory_xact_lock(key: BigInt) -> Void;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_read_back_from_its_name() {
        for cause in Cause::ALL {
            assert_eq!(cause.to_string().parse(), Ok(cause));
        }
        assert!("nobody".parse::<Cause>().is_err());
    }
}

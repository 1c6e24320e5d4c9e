//! What changes a permission: its birth, the steps of the process, and what the home brings to it.

use diesel::dsl::now;
use diesel::{BoolExpressionMethods, ExpressionMethods};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use permission::data_need::{DataNeed, TimeFrame};
use permission::{BundleId, Generation, PermissionId, Status, Step};
use uuid::Uuid;

use crate::aiida::event::{self, Cause};
use crate::digest;
use crate::schema::aiida::permission as table;

/// A permission that an eligible party's page asks for.
#[derive(Debug, Clone, Copy)]
pub struct NewPermission<'a> {
    /// Random: it becomes the username at the broker.
    pub id: PermissionId,
    /// The request it is part of.
    pub bundle: BundleId,
    /// The eligible party's name for the customer.
    pub connection_id: &'a str,
    /// Kept as it is now.
    pub data_need: &'a DataNeed,
    /// The meter, if named.
    pub meter_id: Option<&'a str>,
    /// Opens the household's page; only its digest is stored.
    pub ticket: Option<&'a str>,
}

/// Adds the permissions of a request as CREATED, with that event each, in the caller's transaction.
pub async fn insert(
    conn: &mut AsyncPgConnection,
    permissions: &[NewPermission<'_>],
) -> diesel::QueryResult<()> {
    let rows = permissions
        .iter()
        .map(|new| {
            let data_need = serde_json::to_value(new.data_need)
                .map_err(|error| diesel::result::Error::SerializationError(Box::new(error)))?;
            Ok((
                table::id.eq(new.id.uuid()),
                table::bundle_id.eq(new.bundle.uuid()),
                table::connection_id.eq(new.connection_id),
                table::data_need_id.eq(new.data_need.id.uuid()),
                table::data_need.eq(data_need),
                table::meter_id.eq(new.meter_id),
                table::ticket_hash.eq(new.ticket.map(digest)),
                table::status.eq(Status::Created.name()),
            ))
        })
        .collect::<diesel::QueryResult<Vec<_>>>()?;
    diesel::insert_into(table::table)
        .values(rows)
        .execute(conn)
        .await?;
    let ids: Vec<PermissionId> = permissions.iter().map(|new| new.id).collect();
    event::append(conn, &ids, Status::Created, Cause::Request, None).await
}

/// Takes a step of the process: locks the permission, and answers `false`, with nothing changed, when it does
/// not stand at `step.from()` (any more). Otherwise its status changes and the event is appended. In the caller's
/// transaction, after its jobs, and best as its last statement: from here to the commit every other event waits.
pub async fn advance(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
    step: Step,
    cause: Cause,
    detail: Option<&str>,
) -> diesel::QueryResult<bool> {
    Ok(advance_all(conn, &[id], step, cause, detail).await? == 1)
}

/// The same step for several; answers how many took it. The events are appended for those that did.
pub async fn advance_all(
    conn: &mut AsyncPgConnection,
    ids: &[PermissionId],
    step: Step,
    cause: Cause,
    detail: Option<&str>,
) -> diesel::QueryResult<usize> {
    take(conn, ids, step, cause, detail, None).await
}

/// What a home brings with its answer to a request.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// Its own id.
    pub aiida_id: Option<Uuid>,
    /// The code it scanned.
    pub code: Generation,
    /// The days that it agrees to; those that it was told last, if it has asked.
    pub frame: TimeFrame,
}

/// [`advance`] by the home's answer, which is stored with it.
pub async fn answer(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
    step: Step,
    answer: &Answer,
) -> diesel::QueryResult<bool> {
    let taken = take(conn, &[id], step, Cause::Handshake, None, Some(answer)).await?;
    Ok(taken == 1)
}

async fn take(
    conn: &mut AsyncPgConnection,
    ids: &[PermissionId],
    step: Step,
    cause: Cause,
    detail: Option<&str>,
    answer: Option<&Answer>,
) -> diesel::QueryResult<usize> {
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let to = step.to();
    let is_sent = to == Status::SentToPermissionAdministrator;
    let is_accepted = to == Status::Accepted;
    let changed = (
        table::status.eq(to.name()),
        table::status_at.eq(now),
        is_sent.then(|| table::sent_at.eq(now)),
        is_accepted.then(|| table::accepted_at.eq(now)),
        answer.map(|it| table::aiida_id.eq(it.aiida_id)),
        answer.map(|it| table::code.eq(it.code.name())),
        answer.map(|it| table::starts_on.eq(it.frame.start.to_diesel())),
        answer.map(|it| table::ends_on.eq(it.frame.end.map(Date::to_diesel))),
    );
    // The condition is looked at again when a lock that somebody else holds comes free.
    let is_at_start = table::id
        .eq_any(uuids)
        .and(table::status.eq(step.from().name()));
    let taken: Vec<Uuid> = diesel::update(table::table)
        .filter(is_at_start)
        .set(changed)
        .returning(table::id)
        .get_results(conn)
        .await?;
    let taken: Vec<PermissionId> = taken.into_iter().map(Into::into).collect();
    if !taken.is_empty() {
        event::append(conn, &taken, to, cause, detail).await?;
    }
    Ok(taken.len())
}

/// Notes what the home is told of a permission whose code is shown: the days, resolved at this moment, and the
/// code that it scanned. Answers `false`, with nothing changed, when it has been answered already.
pub async fn describe(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
    code: Generation,
    frame: TimeFrame,
) -> diesel::QueryResult<bool> {
    let sent = Status::SentToPermissionAdministrator.name();
    let changed = diesel::update(table::table)
        .filter(table::id.eq(id.uuid()).and(table::status.eq(sent)))
        .set((
            table::code.eq(code.name()),
            table::starts_on.eq(frame.start.to_diesel()),
            table::ends_on.eq(frame.end.map(Date::to_diesel)),
        ))
        .execute(conn)
        .await?;
    Ok(changed == 1)
}

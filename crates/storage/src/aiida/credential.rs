//! What ACCEPT has handed out. The password is in that answer and nowhere else; here is its hash, which the
//! permission service writes and never reads back.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use jiff::Timestamp;
use permission::PermissionId;

use crate::schema::aiida::credential as table;

/// Stores the hash of a permission's password, once: answers when (the start of the transaction, to the
/// microsecond), or `None`, with nothing changed, when there is one already. In the transaction of the acceptance.
/// Roles: aiida-permission.
pub async fn store(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
    password_hash: &str,
) -> diesel::QueryResult<Option<Timestamp>> {
    let at: Option<jiff_diesel::Timestamp> = diesel::insert_into(table::table)
        .values((
            table::permission_id.eq(id.uuid()),
            table::password_hash.eq(password_hash),
        ))
        .on_conflict_do_nothing()
        .returning(table::created_at)
        .get_result(conn)
        .await
        .optional()?;
    Ok(at.map(jiff_diesel::Timestamp::to_jiff))
}

/// When the hash was stored; `None` when there is none. Roles: aiida-permission, mqtt-iam.
pub async fn stored_at(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
) -> diesel::QueryResult<Option<Timestamp>> {
    let at: Option<jiff_diesel::Timestamp> = table::table
        .find(id.uuid())
        .select(table::created_at)
        .first(conn)
        .await
        .optional()?;
    Ok(at.map(jiff_diesel::Timestamp::to_jiff))
}

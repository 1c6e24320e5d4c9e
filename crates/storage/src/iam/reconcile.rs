//! The tables held against the permissions: what is missing, what is left over, what is nobody's.
//!
//! These look without locks. Whoever acts on an answer does so by [`grant`](super::grant()) and
//! [`revoke`](super::revoke()), which look again under the permission's lock.

use std::collections::BTreeMap;

use diesel::sql_types::{Array, Bool, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use permission::PermissionId;
use serde_json::Value;
use uuid::Uuid;

use super::needing;
use super::rule::{Rule, wanted};
use crate::sql::{IdRow, ids};

/// Permissions looked at together, so that memory does not grow with the fleet.
const PAGE: i64 = 500;

/// A permission that needs rows, and its user.
#[derive(QueryableByName)]
struct Needing {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Jsonb)]
    data_need: Value,
    #[diesel(sql_type = Bool)]
    granted: bool,
    /// Whether there is a credential or a user to speak of.
    #[diesel(sql_type = Bool)]
    concerned: bool,
    /// Whether the user is there, of this permission, with the credential's hash and no rights of its own.
    #[diesel(sql_type = Bool)]
    user_stands: bool,
}

/// An access rule under some user's name.
#[derive(QueryableByName)]
struct Written {
    #[diesel(sql_type = Text)]
    username: String,
    #[diesel(sql_type = SqlUuid)]
    permission_id: Uuid,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Text)]
    acl_type: String,
    #[diesel(sql_type = Text)]
    topic: String,
}

/// Permissions that need rows and whose rows are missing or differ from what they should be. One whose data need
/// cannot be read is among them: its grant says why.
pub async fn missing(conn: &mut AsyncPgConnection) -> diesel::QueryResult<Vec<PermissionId>> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = needing_after(conn, after).await?;
        let Some(last) = page.last() else {
            return Ok(found);
        };
        after = Some(last.id);
        let mut rules = rules_of(conn, &page).await?;
        for one in page.into_iter().filter(|one| one.concerned) {
            let id = PermissionId::from(one.id);
            let written = rules.remove(&id.to_string()).unwrap_or_default();
            let stands = one.user_stands
                && one.granted
                && written.iter().all(|rule| rule.permission_id == one.id)
                && wanted(id, one.data_need).is_ok_and(|wanted| same(&wanted, &written));
            if !stands {
                found.push(id);
            }
        }
    }
}

fn same(wanted: &[Rule], written: &[Written]) -> bool {
    wanted.len() == written.len()
        && wanted.iter().zip(written).all(|(wanted, written)| {
            wanted.action == written.action
                && wanted.acl_type == written.acl_type
                && wanted.topic == written.topic
        })
}

async fn needing_after(
    conn: &mut AsyncPgConnection,
    after: Option<Uuid>,
) -> diesel::QueryResult<Vec<Needing>> {
    sql_query(format!(
        "SELECT p.id, p.data_need, p.granted_at IS NOT NULL AS granted,
                (c.permission_id IS NOT NULL OR u.id IS NOT NULL) AS concerned,
                coalesce(u.password_hash = c.password_hash AND u.permission_id = p.id AND NOT u.is_superuser, false)
                    AS user_stands
         FROM aiida.permission p
         LEFT JOIN aiida.credential c ON c.permission_id = p.id
         LEFT JOIN aiida.aiida_mqtt_user u ON u.username = p.id::text
         WHERE p.status = ANY($1) AND ($2 IS NULL OR p.id > $2)
         ORDER BY p.id LIMIT {PAGE}"
    ))
    .bind::<Array<Text>, _>(needing())
    .bind::<Nullable<SqlUuid>, _>(after)
    .load(conn)
    .await
}

/// The rules under the names of these permissions, in the order in which the broker tries them.
async fn rules_of(
    conn: &mut AsyncPgConnection,
    page: &[Needing],
) -> diesel::QueryResult<BTreeMap<String, Vec<Written>>> {
    let names: Vec<_> = page.iter().map(|one| one.id.to_string()).collect();
    let rows: Vec<Written> = sql_query(
        "SELECT username, permission_id, action, acl_type, topic FROM aiida.aiida_mqtt_acl
         WHERE username = ANY($1) ORDER BY username, id",
    )
    .bind::<Array<Text>, _>(names)
    .load(conn)
    .await?;
    let mut rules: BTreeMap<_, Vec<Written>> = BTreeMap::new();
    for row in rows {
        rules.entry(row.username.clone()).or_default().push(row);
    }
    Ok(rules)
}

/// Permissions that need no rows and still have some, or a credential, or that were accepted once and are not known
/// to be gone from the broker.
pub async fn orphans(conn: &mut AsyncPgConnection) -> diesel::QueryResult<Vec<PermissionId>> {
    let rows: Vec<IdRow> = sql_query(
        "SELECT p.id FROM aiida.permission p
         WHERE p.status <> ALL($1) AND p.accepted_at IS NOT NULL AND p.removed_at IS NULL
         UNION
         SELECT p.id FROM aiida.permission p
         JOIN (SELECT permission_id FROM aiida.credential
               UNION SELECT permission_id FROM aiida.aiida_mqtt_user
               UNION SELECT permission_id FROM aiida.aiida_mqtt_acl) held ON held.permission_id = p.id
         WHERE p.status <> ALL($1)
         ORDER BY 1",
    )
    .bind::<Array<Text>, _>(needing())
    .load(conn)
    .await?;
    Ok(ids(rows))
}

#[derive(QueryableByName)]
struct NameRow {
    #[diesel(sql_type = Text)]
    username: String,
}

/// Deletes users, and with them their access rules, whose name is not that of their permission: nobody but a hand
/// in the database has written them. Answers their names, for the broker to be told.
pub async fn remove_foreign(conn: &mut AsyncPgConnection) -> diesel::QueryResult<Vec<String>> {
    let rows: Vec<NameRow> = sql_query(
        "DELETE FROM aiida.aiida_mqtt_user WHERE username <> permission_id::text RETURNING username",
    )
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.username).collect())
}

/// Those of these names that are no user.
pub async fn unknown(
    conn: &mut AsyncPgConnection,
    names: &[String],
) -> diesel::QueryResult<Vec<String>> {
    let rows: Vec<NameRow> = sql_query(
        "SELECT DISTINCT n.username FROM unnest($1) AS n (username)
         WHERE NOT EXISTS (SELECT FROM aiida.aiida_mqtt_user u WHERE u.username = n.username)
         ORDER BY 1",
    )
    .bind::<Array<Text>, _>(names)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.username).collect())
}

//! What the broker would be told of live permissions, as far as the operator's role sees it. Roles: operator.

use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use permission::PermissionId;
use serde_json::Value;
use uuid::Uuid;

use super::needing;
use super::rule::wanted;

/// The newest granted permissions, held against the two tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    /// Permissions that were looked at.
    pub permissions: usize,
    /// Those whose user or whose access rules are not what they should be.
    pub wrong: Vec<PermissionId>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Jsonb)]
    data_need: Value,
    #[diesel(sql_type = Bool)]
    has_user: bool,
    /// Action, type and topic of each rule, in the order in which the broker tries them.
    #[diesel(sql_type = Array<Text>)]
    rules: Vec<String>,
}

/// Looks at the newest `limit` permissions whose homes were let in.
pub async fn sample(conn: &mut AsyncPgConnection, limit: i64) -> diesel::QueryResult<Sample> {
    let rows: Vec<Row> = sql_query(
        "SELECT p.id, p.data_need,
                EXISTS (SELECT FROM aiida.aiida_mqtt_user u
                        WHERE u.username = p.id::text AND u.permission_id = p.id AND NOT u.is_superuser) AS has_user,
                ARRAY(SELECT concat_ws(' ', action, acl_type, topic) FROM aiida.aiida_mqtt_acl
                      WHERE username = p.id::text ORDER BY id) AS rules
         FROM aiida.permission p
         WHERE p.status = ANY($1) AND p.granted_at IS NOT NULL
         ORDER BY p.granted_at DESC LIMIT $2",
    )
    .bind::<Array<Text>, _>(needing())
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await?;
    let permissions = rows.len();
    let is_wrong = |row: &Row| {
        let wanted = wanted(row.id.into(), row.data_need.clone()).map(|rules| {
            rules
                .iter()
                .map(|rule| format!("{} {} {}", rule.action, rule.acl_type, rule.topic))
                .collect::<Vec<_>>()
        });
        !row.has_user || !wanted.is_ok_and(|wanted| wanted == row.rules)
    };
    let wrong = rows
        .iter()
        .filter(|row| is_wrong(row))
        .map(|row| row.id.into())
        .collect();
    Ok(Sample { permissions, wrong })
}

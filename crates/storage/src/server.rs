//! What the operator's checks ask of the Postgres server: its settings, its connections, and the roles. Any role may.

use diesel::sql_types::{Array, BigInt, Bool, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// Settings that decide whether what was committed stays, and how many may connect.
#[derive(Debug, Clone, QueryableByName)]
pub struct Settings {
    /// The server's version, as `170002`.
    #[diesel(sql_type = BigInt)]
    pub version: i64,
    /// Settings that are off and make commits forget: `fsync`, `full_page_writes`, `synchronous_commit`.
    #[diesel(sql_type = Array<Text>)]
    pub forgetful: Vec<String>,
    /// It is a standby, or sessions start read-only.
    #[diesel(sql_type = Bool)]
    pub read_only: bool,
    /// Most connections, without those that are reserved for superusers.
    #[diesel(sql_type = BigInt)]
    pub connections: i64,
    /// Client connections at this moment, this one included.
    #[diesel(sql_type = BigInt)]
    pub connected: i64,
}

/// The settings of this session.
pub async fn settings(conn: &mut AsyncPgConnection) -> diesel::QueryResult<Settings> {
    sql_query(
        "SELECT current_setting('server_version_num')::bigint AS version,
                ARRAY(SELECT s.name::text FROM unnest(ARRAY['fsync', 'full_page_writes', 'synchronous_commit']) AS s (name)
                      WHERE current_setting(s.name) = 'off') AS forgetful,
                pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only,
                current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint
                    AS connections,
                (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connected",
    )
    .get_result(conn)
    .await
}

/// A group role and who can log in as its member.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Group {
    /// Its name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// It exists.
    #[diesel(sql_type = Bool)]
    pub exists: bool,
    /// Roles that can log in and are it or its members; superusers, who are members of everything, left out.
    #[diesel(sql_type = Array<Text>)]
    pub logins: Vec<String>,
}

/// How these group roles stand, in this order.
pub async fn groups(
    conn: &mut AsyncPgConnection,
    names: &[&str],
) -> diesel::QueryResult<Vec<Group>> {
    sql_query(
        "SELECT wanted.name, g.oid IS NOT NULL AS exists,
                ARRAY(SELECT m.rolname::text FROM pg_roles m
                      WHERE m.rolcanlogin AND NOT m.rolsuper AND pg_has_role(m.oid, g.oid, 'MEMBER')
                        -- The owner has made the roles and may be a member of each: that is no service's login.
                        AND m.oid <> (SELECT nspowner FROM pg_namespace WHERE nspname = 'jobs')
                      ORDER BY 1) AS logins
         FROM unnest($1) WITH ORDINALITY AS wanted (name, nr)
         LEFT JOIN pg_roles g ON g.rolname = wanted.name ORDER BY wanted.nr",
    )
    .bind::<Array<Text>, _>(names)
    .load(conn)
    .await
}

/// Columns (`table.column` in the schema `aiida`) that the broker's queries name and its role may not read.
pub async fn unreadable_for_broker(
    conn: &mut AsyncPgConnection,
) -> diesel::QueryResult<Vec<String>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let rows: Vec<Row> = sql_query(
        "SELECT c.tab || '.' || c.col AS name
         FROM (VALUES ('aiida_mqtt_user', 'username'), ('aiida_mqtt_user', 'password_hash'),
                      ('aiida_mqtt_acl', 'username'), ('aiida_mqtt_acl', 'action'), ('aiida_mqtt_acl', 'acl_type'),
                      ('aiida_mqtt_acl', 'topic'), ('aiida_mqtt_acl', 'id')) AS c (tab, col)
         WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'emqx')
            OR NOT has_schema_privilege('emqx', 'aiida', 'USAGE')
            OR NOT has_column_privilege('emqx', 'aiida.' || c.tab, c.col, 'SELECT')
         ORDER BY 1",
    )
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

//! Every role against every object and every verb: what a session of it may do, whatever the right comes from (its
//! group, PUBLIC, a default of Postgres). A new table, function, grant or membership changes the snapshot, so that
//! somebody looks at it.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use storage::kinds::role;

use crate::fixture::{Fixture, Role, connect};

/// A role without any membership: what it may, everybody may.
const STRANGER: &str = "stranger_to_the_matrix";

/// Roles of the services, of the broker and of nobody, each with what it may. `*` stands for the rights that Postgres
/// gives with a table: all columns, present and to come.
const MATRIX: &str = "
WITH session AS (SELECT name, nr FROM unnest($1) WITH ORDINALITY AS s (name, nr)),
own AS (SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
verb AS (
    SELECT * FROM (VALUES ('SELECT', 1, true), ('INSERT', 2, true), ('UPDATE', 3, true), ('DELETE', 4, false),
                          ('TRUNCATE', 5, false), ('REFERENCES', 6, true), ('TRIGGER', 7, false)) AS v (verb, nr, by_column)
),
line AS (
    SELECT s.name, s.nr, 1 AS kind, '' AS object, 'is ' || string_agg(r.rolname, ' ' ORDER BY r.rolname) AS may
    FROM session s JOIN pg_roles r ON pg_has_role(s.name, r.oid, 'MEMBER') AND r.rolname <> s.name GROUP BY 1, 2
    UNION ALL
    SELECT s.name, s.nr, 2, '', 'has ' || concat_ws(' ', CASE WHEN rolsuper THEN 'SUPERUSER' END,
        CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
        CASE WHEN rolreplication THEN 'REPLICATION' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END)
    FROM session s JOIN pg_roles r ON r.rolname = s.name
    WHERE rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
    UNION ALL
    SELECT s.name, s.nr, 3, 'schema ' || own.nspname, string_agg(v.verb, ' ' ORDER BY v.verb DESC)
    FROM session s, own, unnest('{USAGE,CREATE}'::text[]) AS v (verb)
    WHERE has_schema_privilege(s.name, own.oid, v.verb) GROUP BY 1, 2, 4
    UNION ALL
    SELECT s.name, s.nr, 4, own.nspname || '.' || c.relname,
        string_agg(v.verb || CASE WHEN has_table_privilege(s.name, c.oid, v.verb) THEN '' ELSE '(' || col.names || ')' END,
                   ' ' ORDER BY v.nr)
    FROM session s, own JOIN pg_class c ON c.relnamespace = own.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f'), verb v,
        LATERAL (SELECT string_agg(a.attname, ' ' ORDER BY a.attnum) AS names FROM pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                   AND CASE WHEN v.by_column THEN has_column_privilege(s.name, c.oid, a.attnum, v.verb) END) col
    WHERE has_table_privilege(s.name, c.oid, v.verb) OR col.names IS NOT NULL GROUP BY 1, 2, 4
    UNION ALL
    SELECT s.name, s.nr, 5, 'sequence ' || own.nspname || '.' || c.relname, string_agg(v.verb, ' ' ORDER BY v.verb)
    FROM session s, own JOIN pg_class c ON c.relnamespace = own.oid AND c.relkind = 'S',
        unnest('{USAGE,SELECT,UPDATE}'::text[]) AS v (verb)
    WHERE has_sequence_privilege(s.name, c.oid, v.verb) GROUP BY 1, 2, 4
    UNION ALL
    SELECT s.name, s.nr, 6, 'function ' || own.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
        CASE WHEN p.prosecdef THEN 'EXECUTE as its owner' ELSE 'EXECUTE' END
    FROM session s, own JOIN pg_proc p ON p.pronamespace = own.oid
    WHERE has_function_privilege(s.name, p.oid, 'EXECUTE')
)
SELECT name, concat_ws(': ', nullif(object, ''), may) AS line FROM line ORDER BY nr, kind, object COLLATE \"C\"";

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    line: String,
}

async fn matrix(conn: &mut AsyncPgConnection, sessions: &[&str]) -> String {
    let query = diesel::sql_query(MATRIX).bind::<Array<Text>, _>(sessions);
    let lines: Vec<Line> = query.load(conn).await.unwrap();
    let of = |session: &str| -> Vec<&str> {
        let lines = lines.iter().filter(|line| line.name == session);
        lines.map(|line| line.line.as_str()).collect()
    };
    let paragraphs = sessions.iter().map(|session| {
        let lines = of(session).join(
            "
  ",
        );
        format!(
            "{session}
  {lines}
"
        )
    });
    paragraphs.collect()
}

#[tokio::test]
async fn each_role_may_do_this_and_nothing_else() {
    let mut it = Fixture::with_roles().await;
    let make = format!(
        "DO $$ BEGIN IF to_regrole('{STRANGER}') IS NULL THEN CREATE ROLE {STRANGER}; END IF; END $$"
    );
    it.sql(&make).await;
    let mut sessions: Vec<&str> = Role::ALL.iter().map(|role| role.login()).collect();
    sessions.extend([role::BROKER, STRANGER]);
    let may = matrix(&mut it.conn, &sessions).await;
    insta::assert_snapshot!(may);

    // It sees what slips in.
    it.sql("CREATE TABLE smd.slipped_in (a int); GRANT UPDATE (a) ON smd.slipped_in TO PUBLIC")
        .await;
    let with_another = matrix(&mut it.conn, &sessions).await;
    let added = with_another
        .matches("  smd.slipped_in: UPDATE(a)\n")
        .count();
    assert_eq!(added, sessions.len(), "{with_another}");
}

/// The list in the code, by which logins are made and doctor looks, is what migrations have made.
#[tokio::test]
async fn the_list_of_roles_is_the_databases() {
    let it = Fixture::with_roles().await;
    let mut conn = connect(&it.database.url()).await;
    let query = "SELECT rolname::text AS name, '' AS line FROM pg_roles
                 WHERE rolname ~ '^metergate_' AND rolname <> 'metergate_service' OR rolname = 'emqx' ORDER BY 1";
    let made: Vec<Line> = diesel::sql_query(query).load(&mut conn).await.unwrap();
    let made: Vec<String> = made.into_iter().map(|line| line.name).collect();
    let mut listed: Vec<&str> = role::groups().chain([role::BROKER]).collect();
    listed.sort_unstable();
    assert_eq!(made, listed);
}

/// Partitions come while services run: they must not be a way around the rights on their table.
#[tokio::test]
async fn a_partition_gives_nobody_a_right_of_its_own() {
    let mut it = Fixture::with_roles().await;
    let mut stream = it.connect_as(Role::AiidaStream).await;
    diesel::sql_query("SELECT aiida.make_partitions(ARRAY[current_date, current_date - 1])")
        .execute(&mut stream)
        .await
        .unwrap();
    let parts = "FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE c.relkind = 'r'";
    assert_eq!(it.number(&format!("SELECT count(*) {parts}")).await, 4);
    let foreign = format!(
        "SELECT count(*) FROM (SELECT (aclexplode(c.relacl)).grantee, c.relowner {parts}) acl
         WHERE acl.grantee <> acl.relowner"
    );
    assert_eq!(it.number(&foreign).await, 0);
}

//! Each database role tried against what it must not do.

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};

use crate::fixture::{Fixture, Role, connect, fetched};

async fn refused(conn: &mut AsyncPgConnection, role: Role, statement: &str) {
    let error = match conn.batch_execute(statement).await {
        Ok(()) => panic!("{role:?} may: {statement}"),
        Err(error) => error.to_string(),
    };
    let missing_right = ["permission denied", "may not", "must be owner"]
        .iter()
        .any(|words| error.contains(words));
    assert!(missing_right, "{role:?}: {statement}: {error}");
}

/// Tries all statements under one role, with data to be read and changed.
async fn refuses(role: Role, statements: &[&str]) {
    let mut it = Fixture::with_roles().await;
    fetched(&mut it.conn, "100").await;
    let mut conn = it.connect_as(role).await;
    for statement in statements {
        refused(&mut conn, role, statement).await;
    }
}

#[tokio::test]
async fn smd_auth_reads_no_token_and_no_reading() {
    refuses(
        Role::SmdAuth,
        &[
            "SELECT access_token FROM smd.authorization",
            "SELECT refresh_token FROM smd.authorization",
            "SELECT * FROM smd.authorization",
            "SELECT a::text FROM smd.authorization a",
            "SELECT customer_name FROM smd.authorization",
            "UPDATE smd.authorization SET stage = 'fetched' RETURNING access_token",
            "UPDATE smd.authorization SET stage = 'failed' WHERE access_token IS NOT NULL",
            "UPDATE smd.authorization SET exported_at = now()",
            "UPDATE smd.authorization SET subscription_id = '1'",
            "DELETE FROM smd.authorization",
            "SELECT value FROM smd.reading",
            "SELECT * FROM smd.series",
            "SELECT * FROM smd.staged_reading",
            "UPDATE smd.pull SET received_at = now()",
            "INSERT INTO smd.usage_point SELECT id, 'up' FROM smd.authorization",
            "UPDATE smd.login SET expires_at = 'infinity'",
            "DELETE FROM smd.login",
            "UPDATE smd.notice SET link = ''",
            "SELECT jobs.enqueue('{smd.release}', '{\"{}\"}', '{x}', '{0}', '{0}', NULL)",
            "SELECT jobs.enqueue('{csv.export}', '{\"{}\"}', '{x}', '{0}', '{0}', NULL)",
            "SELECT * FROM jobs.claim('smd.fetch', 1)",
        ],
    )
    .await;
}

#[tokio::test]
async fn smd_fetcher_makes_and_removes_no_authorization() {
    refuses(
        Role::SmdFetcher,
        &[
            "INSERT INTO smd.authorization (id) VALUES (gen_random_uuid())",
            "DELETE FROM smd.authorization",
            "INSERT INTO smd.login VALUES ('a', 'b', now(), NULL)",
            "SELECT state_hash FROM smd.login",
            "UPDATE smd.login SET used_at = NULL",
            "INSERT INTO smd.notice (id, link) VALUES (gen_random_uuid(), 'x')",
            "SELECT jobs.enqueue('{output.expire}', '{\"{}\"}', '{x}', '{0}', '{0}', NULL)",
            "SELECT * FROM jobs.claim('csv.export', 1)",
        ],
    )
    .await;
}

#[tokio::test]
async fn csv_exporter_reads_no_token_and_writes_no_reading() {
    refuses(
        Role::CsvExporter,
        &[
            "SELECT access_token FROM smd.authorization",
            "SELECT refresh_token, refresh_key_id FROM smd.authorization",
            "SELECT * FROM smd.authorization",
            "SELECT ticket_hash FROM smd.authorization",
            "SELECT authorization_uri FROM smd.authorization",
            "UPDATE smd.authorization SET exported_at = now() RETURNING access_token",
            "UPDATE smd.authorization SET stage = 'fetched'",
            "UPDATE smd.authorization SET access_token = NULL",
            "INSERT INTO smd.authorization (id) VALUES (gen_random_uuid())",
            "DELETE FROM smd.authorization",
            "UPDATE smd.reading SET value = 0",
            "DELETE FROM smd.reading",
            "INSERT INTO smd.reading VALUES (1, now(), 1, 1, 1, '{}')",
            "UPDATE smd.series SET unit = 0",
            "SELECT * FROM smd.login",
            "SELECT * FROM smd.notice",
            "SELECT * FROM smd.pull",
            "SELECT smd.reserve_slot(1, 1, 1, 1)",
            "SELECT smd.close_budget(1)",
            "SELECT jobs.enqueue('{smd.fetch}', '{\"{}\"}', '{x}', '{0}', '{0}', NULL)",
            "SELECT * FROM jobs.claim('smd.fetch', 1)",
        ],
    )
    .await;
}

#[tokio::test]
async fn the_operator_reads_no_token_and_forges_no_reading() {
    refuses(
        Role::Operator,
        &[
            "SELECT access_token FROM smd.authorization",
            "SELECT refresh_token FROM smd.authorization",
            "SELECT ticket_hash FROM smd.authorization",
            "SELECT * FROM smd.authorization",
            "INSERT INTO smd.authorization (id) VALUES (gen_random_uuid())",
            "DELETE FROM smd.authorization",
            "UPDATE smd.authorization SET exported_at = now()",
            "UPDATE smd.reading SET value = 0",
            "SELECT * FROM smd.login",
            "UPDATE smd.budget SET slots = 0",
            "SELECT jobs.enqueue('{smd.fetch}', '{\"{}\"}', '{x}', '{0}', '{0}', NULL)",
            "SELECT * FROM jobs.claim('smd.release', 1)",
            // It reads them for an access request and erases them, and changes nothing.
            "UPDATE aiida.message SET payload = ''",
            "UPDATE aiida.reading SET value = 0",
            "INSERT INTO aiida.reading SELECT * FROM aiida.reading",
            "SELECT password_hash FROM aiida.credential",
            "SELECT password_hash FROM aiida.aiida_mqtt_user",
            "DELETE FROM aiida.credential",
            "SELECT jobs.enqueue('{aiida.command}', '{\"{}\"}', '{x}', '{0}', '{0}', NULL)",
            "SELECT * FROM jobs.claim('aiida.terminate', 1)",
            "UPDATE aiida.permission SET status = 'REVOKED'",
            "SELECT * FROM jobs.claim('mqtt.revoke', 1)",
        ],
    )
    .await;
}

#[tokio::test]
async fn nobody_but_the_owner_touches_jobs_audit_budget_or_schema() {
    for role in Role::ALL {
        let statements = [
            "INSERT INTO jobs.job (kind, payload, run_at) VALUES ('smd.fetch', '{}', now())",
            "UPDATE jobs.job SET state = 'available'",
            "DELETE FROM jobs.job",
            "SELECT id FROM jobs.job FOR UPDATE",
            "UPDATE jobs.kind SET run_by = current_user",
            "DELETE FROM jobs.schedule",
            "UPDATE audit.event SET action = ''",
            "DELETE FROM audit.event",
            "TRUNCATE audit.event",
            "INSERT INTO audit.event (actor, action) VALUES ('somebody else', 'x')",
            "INSERT INTO audit.event (at, action) VALUES (now() - interval '1 day', 'x')",
            "UPDATE smd.budget SET closed_until = '-infinity'",
            "DELETE FROM smd.budget_slot",
            "TRUNCATE smd.authorization CASCADE",
            "DROP TABLE smd.login",
            "ALTER TABLE smd.authorization DISABLE TRIGGER ALL",
            "DELETE FROM __diesel_schema_migrations",
            "CREATE TABLE smd.own (a int)",
            "CREATE TABLE jobs.own (a int)",
            "SET ROLE owner_of_metergate",
        ];
        refuses(role, &statements).await;
    }
    for role in [Role::SmdAuth, Role::SmdFetcher, Role::CsvExporter] {
        let statements = [
            "SELECT * FROM jobs.job",
            "SELECT * FROM audit.event",
            "SELECT jobs.retry(1)",
            "SELECT jobs.discard(1, '')",
            "SELECT * FROM smd.budget",
        ];
        refuses(role, &statements).await;
    }
}

/// What the job functions use among themselves checks no caller.
#[tokio::test]
async fn internal_job_functions_are_not_to_be_called() {
    let mut it = Fixture::with_roles().await;
    let internal = "p.pronamespace = 'jobs'::regnamespace AND p.proname IN ('add', 'give_up', 'put_back', 'wait_until', 'announce')";
    assert!(
        it.number(&format!("SELECT count(*) FROM pg_proc p WHERE {internal}"))
            .await
            > 0
    );
    for role in Role::ALL {
        let callable = format!(
            "SELECT count(*) FROM pg_proc p WHERE {internal} AND has_function_privilege('{}', p.oid, 'EXECUTE')",
            role.login()
        );
        assert_eq!(it.number(&callable).await, 0, "{role:?}");
    }
}

/// Functions with the owner's rights must not take the caller's temporary types for the real ones.
#[tokio::test]
async fn a_temporary_type_of_the_caller_gains_it_nothing() {
    let it = Fixture::with_roles().await;
    let mut conn = it.connect_as(Role::SmdAuth).await;
    conn.batch_execute(
        "CREATE FUNCTION pg_temp.gain() RETURNS boolean LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'ran as %', current_user; END $$;
         CREATE DOMAIN pg_temp.timestamptz AS pg_catalog.timestamptz CHECK (pg_temp.gain());
         CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (pg_temp.gain())",
    )
    .await
    .unwrap();
    for call in [
        "SELECT smd.reserve_slot(1, 1, 1, 1)",
        "SELECT smd.close_budget(1)",
        "SELECT smd.budget_closed_ms()",
        "SELECT smd.budget_used(1, 1, 1)",
        "SELECT jobs.enqueue(ARRAY['smd.fetch']::pg_catalog.text[], ARRAY['{}']::jsonb[], ARRAY['key']::pg_catalog.text[],
                             ARRAY[0]::bigint[], ARRAY[0]::smallint[], NULL)",
        "SELECT * FROM jobs.maintain()",
    ] {
        conn.batch_execute(call).await.unwrap();
    }
}

#[tokio::test]
async fn a_role_of_no_service_may_do_nothing() {
    let mut it = Fixture::with_roles().await;
    // Roles belong to the cluster: the name is this test's own.
    it.sql("CREATE ROLE passer_by LOGIN PASSWORD 'pw'").await;
    let mut conn = connect(&it.database.url_as("passer_by", "pw")).await;
    for statement in [
        "SELECT id FROM smd.authorization",
        "SELECT smd.reserve_slot(1, 1, 1, 1)",
        "SELECT * FROM jobs.job",
        "SELECT jobs.is_live('smd.fetch', 'x')",
        "INSERT INTO audit.event (action) VALUES ('x')",
        "SELECT version FROM __diesel_schema_migrations",
    ] {
        let error = conn.batch_execute(statement).await.unwrap_err().to_string();
        assert!(error.contains("permission denied"), "{statement}: {error}");
    }
}

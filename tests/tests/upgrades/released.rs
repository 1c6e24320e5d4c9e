//! A database as the release before has left it: migrations 0001 to 0004, with customers and jobs in it.

use std::path::Path;

use test_support::{Cluster, binary};

use crate::operator::{Said, run};

/// The migrations of the release before.
pub(crate) const RELEASED: [&str; 4] = ["0001_roles", "0002_jobs", "0003_smd", "0004_audit"];
/// Those that came since.
pub(crate) const SINCE: [&str; 12] = [
    "0005_aiida",
    "0006_iam",
    "0007_stream",
    "0008_operator",
    "0009_budget_used",
    "0010_console",
    "0011_report",
    "0012_ended",
    "0013_usage_point_digests",
    "0014_clock_set_back",
    "0015_erased",
    "0016_export_failed",
];
pub(crate) const DATABASE: &str = "installation";

/// What the release had stored; nothing of it may be lost or changed.
const DATA: &str = "
INSERT INTO jobs.kind VALUES ('smd.fetch', 'metergate_smd_fetcher', '{metergate_smd_auth,metergate_smd_fetcher}', 5,
    '30 s', '1 h', '5 s', '1 h', NULL, NULL, false);
INSERT INTO smd.authorization (id, subscription_id, stage, access_token, access_key_id)
    SELECT md5(n::text)::uuid, n, 'fetching', decode(md5('token' || n), 'hex'), 'a' FROM generate_series(1, 2000) n;
INSERT INTO smd.usage_point SELECT id, 'up-' || subscription_id FROM smd.authorization;
INSERT INTO jobs.job (kind, payload, unique_key, run_at)
    SELECT 'smd.fetch', jsonb_build_object('authorization', id), id::text, now() + interval '1 day' FROM smd.authorization;
INSERT INTO audit.event (action, subject) SELECT 'smd.authorized', id FROM smd.authorization;";

/// A digest of it.
pub(crate) const BOOKS: &str = "SELECT md5(string_agg(line, '' ORDER BY line)) AS books FROM (
    SELECT a::text AS line FROM smd.authorization a UNION ALL SELECT u::text FROM smd.usage_point u
    UNION ALL SELECT j::text FROM jobs.job j UNION ALL SELECT e::text FROM audit.event e) stored";

pub(crate) fn up(migration: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    std::fs::read_to_string(folder.join(migration).join("up.sql")).unwrap()
}

/// As `metergate migrate` notes it.
pub(crate) fn note(migration: &str) -> String {
    let (version, _) = migration.split_once('_').unwrap();
    format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}')")
}

/// A cluster of its own, because roles belong to it.
pub(crate) async fn cluster() -> Cluster {
    let cluster = Cluster::start().unwrap();
    cluster
        .sql("postgres", &format!("CREATE DATABASE {DATABASE}"))
        .await
        .unwrap();
    let versions =
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL,
        run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)";
    cluster.sql(DATABASE, versions).await.unwrap();
    for migration in RELEASED {
        let both = format!("BEGIN; {}; {}; COMMIT", up(migration), note(migration));
        cluster.sql(DATABASE, &both).await.unwrap();
    }
    cluster.sql(DATABASE, DATA).await.unwrap();
    cluster
}

/// A `metergate` command on it, as its owner.
pub(crate) fn command(cluster: &Cluster, arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(binary::path("metergate").unwrap());
    command
        .env_clear()
        .env("METERGATE_DATABASE_URL", cluster.url(DATABASE))
        .args(arguments);
    command
}

pub(crate) fn metergate(cluster: &Cluster, arguments: &[&str]) -> Said {
    run(command(cluster, arguments))
}

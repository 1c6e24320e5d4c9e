//! A private Postgres as a server would run it: on disk, and commits wait for it.

use std::sync::Arc;

use test_support::Cluster;

use crate::Answer;

/// The database of a benchmark.
pub const DATABASE: &str = "bench";

const PASSWORD: &str = "fictional";

/// What `test_support` switches off or makes small so that tests are fast, as it is by default or usual on a server.
const SETTINGS: [(&str, &str); 7] = [
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("wal_level", "replica"),
    ("autovacuum", "on"),
    ("shared_buffers", "128MB"),
    ("max_wal_size", "1GB"),
];

/// A cluster on disk with a migrated database.
pub async fn like_a_real_one() -> Answer<Arc<Cluster>> {
    let cluster = Arc::new(Cluster::start_in(&std::env::temp_dir())?);
    for (setting, value) in SETTINGS {
        let statement = format!("ALTER SYSTEM SET {setting} = '{value}'");
        cluster.sql("postgres", &statement).await?;
    }
    cluster.restart()?;
    cluster
        .sql("postgres", &format!("CREATE DATABASE {DATABASE}"))
        .await?;
    storage::migrate(&cluster.url(DATABASE)).await?;
    Ok(cluster)
}

/// The database's address for a login role of its own in the group `role`.
pub async fn login(cluster: &Cluster, role: &str) -> Answer<String> {
    let name = format!("bench_{role}");
    cluster
        .sql(
            "postgres",
            &format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}' IN ROLE {role}"),
        )
        .await?;
    Ok(cluster.url_as(&name, PASSWORD, DATABASE))
}

//! Staged readings: complete or refused, and forgotten when nobody comes back for them.

use std::sync::Arc;

use storage::smd::reading::{self, MergeError, discard_abandoned, discard_staged};
use test_support::{Cluster, TestDatabase};

use crate::fixture::{Fixture, codes, connect, feed_series, number, planned, row, uuid};

const READINGS: &str = "SELECT count(*) FROM smd.reading";
const VALUE: &str = "SELECT sum(value) FROM smd.reading";

async fn prepared() -> (Fixture, storage::smd::AuthorizationId) {
    let mut it = Fixture::new().await;
    let id = planned(&mut it.conn, "100", &["up-1"]).await;
    (it, id)
}

#[tokio::test]
async fn an_incomplete_batch_is_refused() {
    let (mut it, id) = prepared().await;
    let batch = uuid();
    reading::stage(&mut it.conn, batch, &[row(1, 1), row(2, 2)])
        .await
        .unwrap();
    let series = [feed_series(0, id, codes("up-1"))];
    let error = reading::merge(&mut it.conn, batch, 3, &series)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            MergeError::Incomplete {
                staged: 2,
                expected: 3
            }
        ),
        "{error}"
    );
    assert_eq!(it.number(READINGS).await, 0);
    reading::stage(&mut it.conn, batch, &[row(3, 3)])
        .await
        .unwrap();
    assert_eq!(
        reading::merge(&mut it.conn, batch, 3, &series)
            .await
            .unwrap(),
        3
    );
}

#[tokio::test]
async fn batches_do_not_mix_and_broken_ones_are_forgotten() {
    let (mut it, id) = prepared().await;
    let (broken, whole, killed) = (uuid(), uuid(), uuid());
    for batch in [broken, whole, killed] {
        reading::stage(&mut it.conn, batch, &[row(1, 7)])
            .await
            .unwrap();
    }
    discard_staged(&mut it.conn, broken).await.unwrap();
    assert_eq!(
        reading::merge(&mut it.conn, whole, 1, &[feed_series(0, id, codes("up-1"))])
            .await
            .unwrap(),
        1
    );
    assert_eq!(it.number(VALUE).await, 7);
    assert_eq!(discard_abandoned(&mut it.conn).await.unwrap(), 0);
    it.sql("UPDATE smd.staged_reading SET staged_at = now() - interval '3 hours'")
        .await;
    assert_eq!(discard_abandoned(&mut it.conn).await.unwrap(), 1);
}

/// The staging table is not logged: a crash of Postgres empties it, and nothing shorter is merged.
#[tokio::test]
async fn a_crash_of_postgres_empties_the_batch_and_the_merge_notices() {
    let cluster = Arc::new(Cluster::start().unwrap());
    let database = TestDatabase::in_cluster(&cluster).await;
    let mut conn = connect(&database.url()).await;
    let id = planned(&mut conn, "100", &["up-1"]).await;
    let (lost, batch) = (uuid(), uuid());
    reading::stage(&mut conn, lost, &[row(1, 1), row(2, 2)])
        .await
        .unwrap();
    // Postgres may lose the last commits in a crash of this cluster; the plan must not be among them.
    database.sql("CHECKPOINT").await.unwrap();
    drop(conn);
    cluster.crash().unwrap();
    cluster.start_again().unwrap();

    let mut conn = connect(&database.url()).await;
    let series = [feed_series(0, id, codes("up-1"))];
    let error = reading::merge(&mut conn, lost, 2, &series)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            MergeError::Incomplete {
                staged: 0,
                expected: 2
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("pulled again"), "{error}");
    reading::stage(&mut conn, batch, &[row(1, 1)])
        .await
        .unwrap();
    assert_eq!(
        reading::merge(&mut conn, batch, 1, &series).await.unwrap(),
        1
    );
    assert_eq!(number(&mut conn, READINGS).await, 1);
}

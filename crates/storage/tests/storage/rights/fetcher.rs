//! The fetcher: pulling, collecting, withdrawing, releasing, sweeping.

use std::time::Duration;

use diesel_async::{AsyncConnection, AsyncPgConnection};
use storage::kinds::{CsvExport, SmdFetch, SmdRelease};
use storage::smd::authorization::{self, Stage};
use storage::smd::notice::{self, Notice};
use storage::smd::{AuthorizationId, erasure, login, plan, reading, tokens};

use super::{MONTH, budget_works, starts_and_works};
use crate::fixture::{
    Fixture, Role, authorize, codes, feed_series, fix, keyring, planned, row, uuid,
};

#[tokio::test]
async fn smd_fetcher_pulls_a_history() {
    let mut it = Fixture::with_roles().await;
    let id = authorize(&mut it.conn, "100").await;
    job_queue::enqueue_one(&mut it.conn, &SmdFetch { authorization: id })
        .await
        .unwrap();

    let mut conn = it.connect_as(Role::SmdFetcher).await;
    starts_and_works(&mut conn, Some("smd.fetch")).await;
    budget_works(&mut conn).await;
    let keys = keyring(&["a"]);
    authorization::get(&mut conn, id).await.unwrap().unwrap();
    authorization::mark_seen(&mut conn, id).await.unwrap();
    let pair = tokens::read(&mut conn, &keys, id).await.unwrap();
    let refreshed = conn
        .transaction(async |conn| {
            tokens::read_locked(conn, &keys, id).await?;
            tokens::replace(conn, &keys, id, &pair, Duration::from_hours(1)).await
        })
        .await;
    refreshed.unwrap();
    authorization::describe(&mut conn, id, Some("Ada Example"), "UTC")
        .await
        .unwrap();
    let pulls = fix(&mut conn, id, &["up-1", "up-2"]).await;
    plan::mark_requested(&mut conn, id, &pulls[0])
        .await
        .unwrap();
    plan::mark_accepted(&mut conn, id, &pulls[0]).await.unwrap();
    take_in(&mut conn, id, &pulls[0]).await;
    take_in(&mut conn, id, &pulls[0]).await;
    authorization::note_delay(&mut conn, id, Some("words"))
        .await
        .unwrap();

    conn.transaction(async |conn| {
        authorization::lock(conn, id).await?;
        authorization::mark_fetched(conn, id).await?;
        job_queue::enqueue_one(conn, &SmdRelease { authorization: id })
            .await
            .unwrap();
        job_queue::enqueue_one(conn, &CsvExport { authorization: id })
            .await
            .unwrap();
        Ok::<_, diesel::result::Error>(())
    })
    .await
    .unwrap();
    assert_eq!(it.stage_of(id).await, Stage::Fetched);
    assert_eq!(it.number("SELECT count(*) FROM smd.reading").await, 2);
}

/// As a window is taken in.
async fn take_in(conn: &mut AsyncPgConnection, id: AuthorizationId, pull: &plan::Pull) {
    let (batch, broken) = (uuid(), uuid());
    reading::stage(conn, broken, &[row(1, 1)]).await.unwrap();
    reading::discard_staged(conn, broken).await.unwrap();
    reading::stage(conn, batch, &[row(1, 1), row(2, 2)])
        .await
        .unwrap();
    let series = [feed_series(0, id, codes("up-1"))];
    let merged = conn
        .transaction(async |conn| {
            let rows = reading::merge(conn, batch, 2, &series).await?;
            plan::mark_received(conn, id, pull, rows).await?;
            Ok::<_, reading::MergeError>(())
        })
        .await;
    merged.unwrap();
}

#[tokio::test]
async fn smd_fetcher_collects_withdraws_releases_and_gives_up() {
    let mut it = Fixture::with_roles().await;
    let withdrawn = planned(&mut it.conn, "100", &["up-1"]).await;
    let failed = planned(&mut it.conn, "200", &["up-2"]).await;
    let note = Notice {
        id: uuid().into(),
        link: "https://custodian.example/Batch/Bulk/1".to_owned(),
        authorization: Some(failed),
        usage_point: None,
        collected: false,
    };
    notice::insert(&mut it.conn, &note).await.unwrap();

    let mut conn = it.connect_as(Role::SmdFetcher).await;
    let found = notice::get(&mut conn, note.id).await.unwrap().unwrap();
    assert_eq!(plan::waiting_for(&mut conn, "up-1").await.unwrap(), None);
    assert!(plan::has(&mut conn, failed, "up-2").await.unwrap());
    notice::mark_collected(&mut conn, found.id).await.unwrap();
    notice::put_aside(&mut conn, found.id).await.unwrap();
    job_queue::enqueue_one(
        &mut conn,
        &SmdFetch {
            authorization: failed,
        },
    )
    .await
    .unwrap();

    conn.transaction(async |conn| {
        authorization::lock(conn, withdrawn).await?;
        authorization::mark_withdrawn(conn, withdrawn).await?;
        erasure::erase_data(conn, withdrawn).await?;
        tokens::erase(conn, withdrawn).await
    })
    .await
    .unwrap();
    assert!(
        authorization::mark_failed(&mut conn, failed, "words")
            .await
            .unwrap()
    );
    authorization::mark_released(&mut conn, failed)
        .await
        .unwrap();
    tokens::erase(&mut conn, failed).await.unwrap();
    erasure::finish(&mut conn, failed).await.unwrap();
    assert_eq!(it.stage_of(withdrawn).await, Stage::Withdrawn);
}

#[tokio::test]
async fn smd_fetcher_sweeps() {
    let mut it = Fixture::with_roles().await;
    let withdrawn = planned(&mut it.conn, "100", &["up-1"]).await;
    authorization::mark_withdrawn(&mut it.conn, withdrawn)
        .await
        .unwrap();
    login::start(&mut it.conn, "state", "browser", Duration::ZERO)
        .await
        .unwrap();

    let mut conn = it.connect_as(Role::SmdFetcher).await;
    for stage in [
        Stage::Fetching,
        Stage::Fetched,
        Stage::Failed,
        Stage::Erased,
    ] {
        assert!(
            authorization::unreleased(&mut conn, stage)
                .await
                .unwrap()
                .is_empty()
        );
    }
    assert!(
        authorization::unexported(&mut conn)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        !job_queue::is_live(
            &mut conn,
            &SmdRelease {
                authorization: withdrawn
            }
        )
        .await
        .unwrap()
    );
    assert_eq!(erasure::due(&mut conn, MONTH).await.unwrap(), [withdrawn]);
    assert!(
        erasure::lock_due(&mut conn, withdrawn, MONTH)
            .await
            .unwrap()
    );
    erasure::erase_data(&mut conn, withdrawn).await.unwrap();
    assert_eq!(
        authorization::known_subscriptions(&mut conn).await.unwrap(),
        ["100"]
    );
    assert_eq!(login::forget_old(&mut conn).await.unwrap(), 0);
    assert_eq!(notice::forget_old(&mut conn).await.unwrap(), 0);
    assert_eq!(reading::discard_abandoned(&mut conn).await.unwrap(), 0);
}

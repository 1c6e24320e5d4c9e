//! What the exporter notes, and what it is refused.

use std::time::Duration;

use storage::smd::authorization::Stage;
use storage::smd::erasure;
use storage::smd::export::{
    Files, expired, get, mark_exported, mark_failed, mark_removed, name_files, note_error,
};

use crate::fixture::{Fixture, authorize, fetched, uuid};

const QUARTER: Duration = Duration::from_hours(90 * 24);

fn files(electricity: Option<&str>, gas: Option<&str>) -> Files {
    Files {
        electricity: electricity.map(str::to_owned),
        gas: gas.map(str::to_owned),
    }
}

#[tokio::test]
async fn what_names_and_places_the_files_is_read() {
    let mut it = Fixture::new().await;
    let id = fetched(&mut it.conn, "100").await;
    let known = get(&mut it.conn, id).await.unwrap().unwrap();
    assert_eq!(known.stage, Stage::Fetched);
    assert_eq!(known.subscription_id.as_deref(), Some("100"));
    assert_eq!(known.customer_name.as_deref(), Some("Ada Example"));
    assert_eq!(known.time_zone.as_deref(), Some("America/Los_Angeles"));
    assert_eq!(known.files, Files::default());
    assert!(get(&mut it.conn, uuid().into()).await.unwrap().is_none());
}

#[tokio::test]
async fn names_are_stored_first_and_never_forgotten() {
    let mut it = Fixture::new().await;
    let id = fetched(&mut it.conn, "100").await;
    let both = files(Some("e.csv"), Some("g.csv"));
    assert!(name_files(&mut it.conn, id, &both).await.unwrap());
    assert_eq!(get(&mut it.conn, id).await.unwrap().unwrap().files, both);
    // A second run that finds fewer readings does not lose sight of the files of the first.
    assert!(
        name_files(&mut it.conn, id, &files(Some("e.csv"), None))
            .await
            .unwrap()
    );
    assert!(
        name_files(&mut it.conn, id, &Files::default())
            .await
            .unwrap()
    );
    assert_eq!(get(&mut it.conn, id).await.unwrap().unwrap().files, both);
}

#[tokio::test]
async fn the_first_export_counts_and_clears_the_error() {
    let mut it = Fixture::new().await;
    let id = fetched(&mut it.conn, "100").await;
    note_error(&mut it.conn, id, "the disk is full")
        .await
        .unwrap();
    assert_eq!(
        it.number("SELECT count(*) FROM smd.authorization WHERE export_error = 'the disk is full'")
            .await,
        1
    );
    assert!(mark_exported(&mut it.conn, id).await.unwrap());
    assert_eq!(
        it.number("SELECT count(*) FROM smd.authorization WHERE export_error IS NULL")
            .await,
        1
    );
    it.sql("UPDATE smd.authorization SET exported_at = '2024-01-01'")
        .await;
    assert!(mark_exported(&mut it.conn, id).await.unwrap());
    assert_eq!(
        it.number("SELECT count(*) FROM smd.authorization WHERE exported_at = '2024-01-01'")
            .await,
        1
    );
}

#[tokio::test]
async fn only_what_is_fetched_is_exported() {
    let mut it = Fixture::new().await;
    let erased = fetched(&mut it.conn, "100").await;
    erasure::erase(&mut it.conn, erased).await.unwrap();
    let fetching = authorize(&mut it.conn, "200").await;
    for id in [erased, fetching] {
        assert!(
            !name_files(&mut it.conn, id, &files(Some("e.csv"), None))
                .await
                .unwrap()
        );
        assert!(!mark_exported(&mut it.conn, id).await.unwrap());
        note_error(&mut it.conn, id, "too late").await.unwrap();
        assert!(!mark_failed(&mut it.conn, id, "too", "late").await.unwrap());
    }
    let left = "SELECT count(*) FROM smd.authorization
                WHERE num_nonnulls(electricity_file, exported_at, export_error) > 0";
    assert_eq!(it.number(left).await, 0);
}

#[tokio::test]
async fn what_no_file_can_hold_fails_and_expires() {
    let mut it = Fixture::new().await;
    let id = fetched(&mut it.conn, "100").await;
    let delivered = fetched(&mut it.conn, "200").await;
    for one in [id, delivered] {
        name_files(&mut it.conn, one, &files(Some("e.csv"), None))
            .await
            .unwrap();
    }
    assert!(mark_exported(&mut it.conn, delivered).await.unwrap());
    let is_failed = mark_failed(&mut it.conn, delivered, "words", "error").await;
    assert!(!is_failed.unwrap(), "its files are there");
    assert!(
        erasure::due(&mut it.conn, QUARTER)
            .await
            .unwrap()
            .is_empty()
    );

    assert!(
        mark_failed(&mut it.conn, id, "words", "error")
            .await
            .unwrap()
    );
    assert_eq!(it.stage_of(id).await, Stage::Failed);
    let told =
        "SELECT count(*) FROM smd.authorization WHERE (failure, export_error) = ('words', 'error')";
    assert_eq!(it.number(told).await, 1);
    assert_eq!(erasure::due(&mut it.conn, QUARTER).await.unwrap(), [id]);
    let names = expired(&mut it.conn, QUARTER).await.unwrap();
    let names: Vec<_> = names.iter().map(|one| (one.id, one.erased)).collect();
    assert_eq!(names, [(id, false)]);
}

#[tokio::test]
async fn files_expire_by_their_time_or_by_erasure() {
    let mut it = Fixture::new().await;
    let (old, young, erased, none) = (
        fetched(&mut it.conn, "100").await,
        fetched(&mut it.conn, "200").await,
        fetched(&mut it.conn, "300").await,
        fetched(&mut it.conn, "400").await,
    );
    for id in [old, young, erased] {
        name_files(&mut it.conn, id, &files(None, Some("g.csv")))
            .await
            .unwrap();
    }
    for id in [old, young, none] {
        mark_exported(&mut it.conn, id).await.unwrap();
    }
    it.sql(&format!(
        "UPDATE smd.authorization SET exported_at = now() - interval '91 days' WHERE id IN ('{old}', '{none}')"
    ))
    .await;
    erasure::erase(&mut it.conn, erased).await.unwrap();

    let mut found = expired(&mut it.conn, QUARTER).await.unwrap();
    found.sort_by_key(|one| one.erased);
    let told: Vec<_> = found.iter().map(|one| (one.id, one.erased)).collect();
    assert_eq!(told, [(old, false), (erased, true)]);
    assert_eq!(found[0].files, files(None, Some("g.csv")));
    for one in found {
        mark_removed(&mut it.conn, one.id).await.unwrap();
    }
    assert!(expired(&mut it.conn, QUARTER).await.unwrap().is_empty());
    assert_eq!(
        get(&mut it.conn, old).await.unwrap().unwrap().files,
        Files::default()
    );
    // A repeated export names them anew, and they are found again.
    assert!(
        name_files(&mut it.conn, old, &files(None, Some("g.csv")))
            .await
            .unwrap()
    );
    assert_eq!(expired(&mut it.conn, QUARTER).await.unwrap().len(), 1);
}

//! The exporter's side of the flow: repeated, refused, killed.

use std::time::Duration;

use storage::kinds::{CsvExport, OutputExpire};

use crate::harness::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_export_is_the_same_byte_for_byte() {
    let world = World::start(&[], &[]).await;
    let fetcher = world.fetcher();
    let exporter = world.exporter();
    let granted = world.grant("awkward").await;
    world.until_delivered(&granted).await;
    fetcher.stop().await;
    let first = world.files();
    assert_eq!(first.len(), 4);
    let job = world
        .enqueue(&CsvExport {
            authorization: granted.id,
        })
        .await;
    assert_eq!(world.until_ended(job).await, "completed");
    assert_eq!(world.files(), first);
    // Killed on the way: complete or absent, and nothing beside it once it has run again.
    world
        .enqueue(&CsvExport {
            authorization: granted.id,
        })
        .await;
    exporter.kill().await;
    for (name, bytes) in world
        .files()
        .iter()
        .filter(|(name, _)| !name.starts_with('.'))
    {
        assert!(
            first.contains(&(name.clone(), bytes.clone())),
            "{name} is half written"
        );
    }
    world.expire_leases().await;
    world
        .sql("UPDATE smd.authorization SET exported_at = NULL")
        .await;
    let _exporter = world.exporter();
    world
        .enqueue(&CsvExport {
            authorization: granted.id,
        })
        .await;
    world.until_row(granted.id, "exported_at IS NOT NULL").await;
    let visible: Vec<_> = world
        .files()
        .into_iter()
        .filter(|(name, _)| !name.starts_with('.'))
        .collect();
    assert_eq!(visible, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_killed_export_go_when_the_customer_was_erased() {
    let world = World::start(&[], &[]).await;
    let (fetcher, exporter) = (world.fetcher(), world.exporter());
    let granted = world.grant_some("newcomer", &[0]).await;
    world.until_delivered(&granted).await;
    fetcher.stop().await;
    exporter.stop().await;
    assert_eq!(world.files().len(), 3);
    // The run was killed after its rename, while the operator erased the customer.
    world
        .sql("UPDATE smd.authorization SET stage = 'erased', exported_at = NULL")
        .await;
    let _exporter = world.exporter();
    let job = world
        .enqueue(&CsvExport {
            authorization: granted.id,
        })
        .await;
    assert_eq!(world.until_ended(job).await, "cancelled");
    assert!(world.files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stood_beside_tables_that_are_gone_is_removed() {
    let world = World::start(&[], &[]).await;
    let (fetcher, _exporter) = (world.fetcher(), world.exporter());
    let granted = world.grant_some("newcomer", &[0]).await;
    world.until_delivered(&granted).await;
    fetcher.stop().await;
    let delivered = world.files();
    assert_eq!(delivered.len(), 3);
    let report = delivered
        .iter()
        .find(|file| file.0.ends_with("-report.html"));
    assert!(report.unwrap().1.starts_with(b"<!DOCTYPE html>"));
    // As a replica of a version that knows tables only leaves it, and a file that is somebody else's.
    let put = |name: &str, hours: u64| {
        let file = std::fs::File::create(world.output.path().join(name)).unwrap();
        let now = file.metadata().unwrap().modified().unwrap();
        file.set_modified(now - Duration::from_hours(hours))
            .unwrap();
    };
    put("Eve-9-20260101T000000Z-report.html", 2);
    put("Eve-9-20260101T000000Z-readme.txt", 2);
    put("notes-readme.txt", 2);
    // What is young may be of an export whose tables come in this moment.
    put("Joe-8-20260101T000000Z-report.html", 0);
    let job = world.enqueue(&OutputExpire {}).await;
    assert_eq!(world.until_ended(job).await, "completed");
    let mut left = world.files();
    let others = ["notes-readme.txt", "Joe-8-20260101T000000Z-report.html"];
    left.retain(|file| !others.contains(&file.0.as_str()));
    assert_eq!(left, delivered);
    assert_eq!(world.files().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_written_is_written_when_it_can() {
    let world = World::start(&[], &[]).await;
    let _exporter = world.exporter();
    // A database that fails in the middle of the export.
    world
        .sql("ALTER TABLE smd.reading RENAME COLUMN cost TO price")
        .await;
    let granted = world.authorize("newcomer", &[0]).await;
    world.store(&granted).await;
    world
        .sql(&format!(
            "UPDATE smd.authorization SET stage = 'fetched', released_at = now();
             INSERT INTO smd.series (authorization_id, usage_point_id, commodity, flow, unit, accumulation, kind, phase, tou, qualifier, currency, default_quality)
             VALUES ('{}', '{}', 1, 1, 72, 4, 12, 0, 0, 0, 0, 17);
             INSERT INTO smd.reading SELECT id, '2026-01-01T08:00Z', 900, 1, 0, '{{}}' FROM smd.series",
            granted.id, granted.points[0]
        ))
        .await;
    world
        .enqueue(&CsvExport {
            authorization: granted.id,
        })
        .await;
    world
        .until_row(granted.id, "export_error IS NOT NULL")
        .await;
    assert!(world.files().is_empty(), "half a file");
    world
        .sql("ALTER TABLE smd.reading RENAME COLUMN price TO cost")
        .await;
    world.all_due().await;
    world
        .until_row(
            granted.id,
            "exported_at IS NOT NULL AND export_error IS NULL",
        )
        .await;
    assert_eq!(world.files().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_fits_no_file_fails_and_goes() {
    // The meter's register instead of what was used in each interval, and a multiplier that is none.
    for (accumulation, multiplier, reason) in
        [(1, 0, "no series fits a file"), (4, 60, "28 digits")]
    {
        let world = World::start(&[], &[]).await;
        let _exporter = world.exporter();
        let granted = world.authorize("newcomer", &[0]).await;
        world.store(&granted).await;
        world
            .sql(&format!(
                "UPDATE smd.authorization SET stage = 'fetched', fetched_at = now(), released_at = now(), customer_name = 'Ada';
                 INSERT INTO smd.series (authorization_id, usage_point_id, commodity, flow, unit, accumulation, kind, phase, tou, qualifier, currency, default_quality)
                 VALUES ('{}', '{}', 1, 1, 72, {accumulation}, 12, 0, 0, 0, 0, 17);
                 INSERT INTO smd.reading SELECT id, '2026-01-01T08:00Z', 900, 1, {multiplier}, '{{}}' FROM smd.series",
                granted.id, granted.points[0]
            ))
            .await;
        let job = world
            .enqueue(&CsvExport {
                authorization: granted.id,
            })
            .await;
        assert_eq!(world.until_ended(job).await, "cancelled");
        world
            .until_row(granted.id, "stage = 'failed' AND exported_at IS NULL")
            .await;
        let error = world.column(granted.id, "export_error").await.unwrap();
        assert!(error.contains(reason), "{error}");
        let words = world.column(granted.id, "failure").await.unwrap();
        assert!(words.contains("cannot put into files"), "{words}");
        assert!(world.files().is_empty());
        // The sweep asks for no other export, and nothing that tells whose it was is kept.
        let _fetcher = world.fetcher();
        world
            .until("the readings to go", "NOT EXISTS (SELECT FROM smd.reading)")
            .await;
        world.enqueue(&OutputExpire {}).await;
        let bare = "num_nonnulls(customer_name, electricity_file, gas_file) = 0";
        world.until_row(granted.id, bare).await;
        let exports = "SELECT count(*) FROM jobs.job WHERE kind = 'csv.export'";
        assert_eq!(world.number(exports).await, 1);
    }
}

//! The end of data: retention, erasure, and the tombstone in every order of what follows.

use std::time::Duration;

use storage::kinds::CsvExport;
use storage::smd::authorization::{
    Stage, mark_failed, mark_fetched, mark_released, mark_withdrawn,
};
use storage::smd::erasure::{due, erase, erase_data, find, finish, lock_due};
use storage::smd::export::{self, Files};
use storage::smd::tokens::{TokenError, read};
use storage::smd::{AuthorizationId, plan};

use crate::fixture::{
    Fixture, authorize, begin, commit, fetched, keyring, planned, uuid, with_readings,
};

const MONTH: Duration = Duration::from_hours(30 * 24);

fn files() -> Files {
    Files {
        electricity: Some("ada-100.csv".to_owned()),
        gas: None,
    }
}

/// Whether the tombstone still has what the release and the removal of the files need.
async fn has_ids(it: &mut Fixture, id: AuthorizationId) -> bool {
    let left = format!(
        "SELECT num_nonnulls(subscription_id, authorization_uri, electricity_file, gas_file) FROM smd.authorization
         WHERE id = '{id}'"
    );
    it.number(&left).await > 0
}

#[tokio::test]
async fn erasing_data_leaves_how_it_went() {
    let mut it = Fixture::new().await;
    let (id, other) = (
        fetched(&mut it.conn, "100").await,
        fetched(&mut it.conn, "200").await,
    );
    erase_data(&mut it.conn, id).await.unwrap();
    assert_eq!(it.stage_of(id).await, Stage::Fetched);
    assert!(plan::pulls(&mut it.conn, id).await.unwrap().is_empty());
    assert_eq!(
        it.number("SELECT count(*) FROM smd.reading").await,
        10,
        "the other's"
    );
    assert_eq!(
        it.number("SELECT count(*) FROM smd.authorization WHERE customer_name IS NOT NULL")
            .await,
        1
    );
    assert!(!plan::pulls(&mut it.conn, other).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_erased_customer_leaves_a_tombstone() {
    // No time and no random id looks like it, as they sometimes do like a short number.
    const SUBSCRIPTION: &str = "subscription-100";
    let mut it = Fixture::new().await;
    let id = with_readings(&mut it.conn, SUBSCRIPTION).await;
    erase(&mut it.conn, id).await.unwrap();
    assert_eq!(it.stage_of(id).await, Stage::Erased);
    assert!(matches!(
        read(&mut it.conn, &keyring(&["a"]), id).await,
        Err(TokenError::Gone)
    ));
    assert!(has_ids(&mut it, id).await, "the release needs them");
    mark_released(&mut it.conn, id).await.unwrap();
    finish(&mut it.conn, id).await.unwrap();
    let text = format!(
        "SELECT count(*) FROM smd.authorization a WHERE a::text ~ '{SUBSCRIPTION}|Ada|ticket|custodian'"
    );
    assert_eq!(it.number(&text).await, 0);
    // Once more changes nothing.
    erase(&mut it.conn, id).await.unwrap();
    assert_eq!(it.stage_of(id).await, Stage::Erased);
}

#[tokio::test]
async fn a_tombstone_is_bare_when_released_and_rid_of_its_files_in_either_order() {
    for release_first in [true, false] {
        let mut it = Fixture::new().await;
        let id = fetched(&mut it.conn, "100").await;
        assert!(
            export::name_files(&mut it.conn, id, &files())
                .await
                .unwrap()
        );
        assert!(export::mark_exported(&mut it.conn, id).await.unwrap());
        erase(&mut it.conn, id).await.unwrap();
        assert!(has_ids(&mut it, id).await);
        for release in [release_first, !release_first] {
            assert!(has_ids(&mut it, id).await);
            if release {
                mark_released(&mut it.conn, id).await.unwrap();
            } else {
                export::mark_removed(&mut it.conn, id).await.unwrap();
            }
            finish(&mut it.conn, id).await.unwrap();
        }
        assert!(!has_ids(&mut it, id).await);
    }
}

#[tokio::test]
async fn one_that_was_released_and_has_no_files_is_bare_at_once() {
    let mut it = Fixture::new().await;
    let id = fetched(&mut it.conn, "100").await;
    mark_released(&mut it.conn, id).await.unwrap();
    finish(&mut it.conn, id).await.unwrap();
    assert!(has_ids(&mut it, id).await, "not a tombstone");
    erase(&mut it.conn, id).await.unwrap();
    assert!(!has_ids(&mut it, id).await);
}

/// The exporter may be killed between its rename and its look at the tombstone: the names must
/// outlive it.
#[tokio::test]
async fn the_names_on_a_tombstone_stay_while_an_export_goes_on() {
    let mut it = Fixture::new().await;
    let id = fetched(&mut it.conn, "100").await;
    let job = job_queue::enqueue_one(&mut it.conn, &CsvExport { authorization: id })
        .await
        .unwrap();
    assert!(
        export::name_files(&mut it.conn, id, &files())
            .await
            .unwrap()
    );
    erase(&mut it.conn, id).await.unwrap();
    mark_released(&mut it.conn, id).await.unwrap();

    export::mark_removed(&mut it.conn, id).await.unwrap();
    finish(&mut it.conn, id).await.unwrap();
    let left = export::expired(&mut it.conn, MONTH).await.unwrap();
    assert_eq!(left.len(), 1, "they are removed once more");
    assert_eq!(
        (left[0].id, &left[0].files, left[0].erased),
        (id, &files(), true)
    );

    assert!(
        job_queue::operate::discard(&mut it.conn, job, "a test")
            .await
            .unwrap()
    );
    export::mark_removed(&mut it.conn, id).await.unwrap();
    finish(&mut it.conn, id).await.unwrap();
    assert!(
        export::expired(&mut it.conn, MONTH)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(!has_ids(&mut it, id).await);
}

#[tokio::test]
async fn a_customer_is_found_by_either_id() {
    let mut it = Fixture::new().await;
    let older = authorize(&mut it.conn, "100").await;
    let newer = authorize(&mut it.conn, "100").await;
    authorize(&mut it.conn, "200").await;
    assert_eq!(find(&mut it.conn, "100").await.unwrap(), [older, newer]);
    assert_eq!(
        find(&mut it.conn, &newer.to_string()).await.unwrap(),
        [older, newer]
    );
    assert!(find(&mut it.conn, "300").await.unwrap().is_empty());
    assert!(
        find(&mut it.conn, &uuid().to_string())
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_customer_who_authorized_again_is_found_by_the_usage_point() {
    let mut it = Fixture::new().await;
    // Superseded before its usage points were known: of the same subscription as the next.
    let first = authorize(&mut it.conn, "100").await;
    let older = with_readings(&mut it.conn, "100").await;
    let newer = with_readings(&mut it.conn, "200").await;
    let other = planned(&mut it.conn, "300", &["up-2"]).await;
    for wanted in ["100", "200", &first.to_string(), &newer.to_string()] {
        assert_eq!(
            find(&mut it.conn, wanted).await.unwrap(),
            [first, older, newer]
        );
    }
    assert_eq!(find(&mut it.conn, "300").await.unwrap(), [other]);
}

/// Files stay longer than readings, and the custodian's ids until the erasure.
#[tokio::test]
async fn a_customer_is_found_by_a_usage_point_whose_readings_are_gone() {
    let mut it = Fixture::new().await;
    let delivered = fetched(&mut it.conn, "100").await;
    assert!(
        export::name_files(&mut it.conn, delivered, &files())
            .await
            .unwrap()
    );
    let failed = with_readings(&mut it.conn, "200").await;
    mark_failed(&mut it.conn, failed, "words").await.unwrap();
    for ended in [delivered, failed] {
        erase_data(&mut it.conn, ended).await.unwrap();
    }
    let newer = with_readings(&mut it.conn, "300").await;
    planned(&mut it.conn, "400", &["up-2"]).await;
    let all = [delivered, failed, newer];
    for wanted in all {
        let found = find(&mut it.conn, &wanted.to_string()).await.unwrap();
        assert_eq!(found, all);
    }

    for erased in all {
        erase(&mut it.conn, erased).await.unwrap();
    }
    assert_eq!(
        it.number("SELECT count(*) FROM smd.usage_point_digest")
            .await,
        1,
        "the other customer's"
    );
    assert_eq!(
        find(&mut it.conn, &newer.to_string()).await.unwrap(),
        [newer]
    );
}

/// While it is replaced, a service of a release before does as it always did, and knows of no digest.
#[tokio::test]
async fn what_a_release_before_stores_is_found_and_what_it_erases_goes() {
    let mut it = Fixture::new().await;
    let older = authorize(&mut it.conn, "100").await;
    let newer = authorize(&mut it.conn, "200").await;
    it.sql(
        "INSERT INTO smd.usage_point SELECT id, 'up-1' FROM smd.authorization;
         DELETE FROM smd.usage_point",
    )
    .await;
    assert_eq!(find(&mut it.conn, "200").await.unwrap(), [older, newer]);
    it.sql(&format!(
        "UPDATE smd.authorization SET stage = 'erased' WHERE id = '{older}'"
    ))
    .await;
    assert_eq!(all_due(&mut it).await, [older]);
    erase_data(&mut it.conn, older).await.unwrap();
    assert!(all_due(&mut it).await.is_empty());
    assert_eq!(find(&mut it.conn, "200").await.unwrap(), [newer]);
}

#[tokio::test]
async fn data_is_due_by_stage() {
    let mut it = Fixture::new().await;
    let fetching = with_readings(&mut it.conn, "100").await;
    let withdrawn = with_readings(&mut it.conn, "200").await;
    mark_withdrawn(&mut it.conn, withdrawn).await.unwrap();
    let superseded = with_readings(&mut it.conn, "300").await;
    let newer = authorize(&mut it.conn, "300").await;
    let failed = with_readings(&mut it.conn, "400").await;
    mark_failed(&mut it.conn, failed, "words").await.unwrap();
    let delivered = fetched(&mut it.conn, "500").await;

    // A failure at once; a delivery when its time is over. Neither waits for the custodian, which may
    // not answer.
    let mut expected = vec![withdrawn, superseded, failed];
    expected.sort();
    assert_eq!(all_due(&mut it).await, expected);
    it.sql(&format!("UPDATE smd.authorization SET exported_at = now() - interval '31 days' WHERE id = '{delivered}'")).await;
    expected.push(delivered);
    expected.sort();
    assert_eq!(all_due(&mut it).await, expected);

    for id in expected {
        erase_data(&mut it.conn, id).await.unwrap();
    }
    assert!(all_due(&mut it).await.is_empty());
    assert_eq!(it.number("SELECT count(*) FROM smd.reading").await, 10);
    for id in [fetching, newer] {
        assert_eq!(it.stage_of(id).await, Stage::Fetching);
    }
}

#[tokio::test]
async fn what_is_no_longer_due_or_in_use_is_passed_over() {
    let mut it = Fixture::new().await;
    let id = with_readings(&mut it.conn, "100").await;
    assert!(!lock_due(&mut it.conn, id, MONTH).await.unwrap());
    mark_withdrawn(&mut it.conn, id).await.unwrap();
    let mut other = it.connect().await;
    begin(&mut other).await;
    assert!(lock_due(&mut other, id, MONTH).await.unwrap());
    assert!(
        !lock_due(&mut it.conn, id, MONTH).await.unwrap(),
        "somebody else has it"
    );
    erase_data(&mut other, id).await.unwrap();
    commit(&mut other).await;
    assert!(!lock_due(&mut it.conn, id, MONTH).await.unwrap());
}

async fn all_due(it: &mut Fixture) -> Vec<AuthorizationId> {
    let mut all = due(&mut it.conn, MONTH).await.unwrap();
    all.sort();
    all
}

#[tokio::test]
async fn a_delivery_within_its_time_is_kept() {
    let mut it = Fixture::new().await;
    let id = fetched(&mut it.conn, "100").await;
    mark_released(&mut it.conn, id).await.unwrap();
    export::mark_exported(&mut it.conn, id).await.unwrap();
    assert!(due(&mut it.conn, MONTH).await.unwrap().is_empty());
    assert!(due(&mut it.conn, Duration::MAX).await.unwrap().is_empty());
    it.sql("UPDATE smd.authorization SET exported_at = now() - interval '29 days'")
        .await;
    assert!(due(&mut it.conn, MONTH).await.unwrap().is_empty());
    assert_eq!(
        due(&mut it.conn, Duration::from_hours(24)).await.unwrap(),
        [id]
    );
}

/// A customer who comes back after an erasure is a new one; the old one's release is not waited for,
/// because the custodian has ended it.
#[tokio::test]
async fn an_erased_customer_can_come_back() {
    let mut it = Fixture::new().await;
    let erased = authorize(&mut it.conn, "100").await;
    erase(&mut it.conn, erased).await.unwrap();
    let newer = authorize(&mut it.conn, "100").await;
    mark_fetched(&mut it.conn, newer).await.unwrap();
    assert_eq!(it.stage_of(erased).await, Stage::Erased);
    finish(&mut it.conn, erased).await.unwrap();
    assert!(!has_ids(&mut it, erased).await);
    assert_eq!(find(&mut it.conn, "100").await.unwrap(), [newer]);
}

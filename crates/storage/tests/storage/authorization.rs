//! An authorization's life: superseding, stages, what is left to do for it.

use diesel_async::SimpleAsyncConnection;
use storage::smd::authorization::{
    Stage, describe, get, known_subscriptions, live_of_subscription, lock, mark_failed,
    mark_fetched, mark_released, mark_seen, mark_withdrawn, note_delay, unexported, unreleased,
};
use storage::smd::tokens::{TokenError, read};
use storage::smd::{erasure, export};

use crate::fixture::{Fixture, authorize, begin, commit, fetched, keyring, until_blocked, uuid};

#[tokio::test]
async fn a_new_authorization_is_being_fetched() {
    let mut it = Fixture::new().await;
    let id = authorize(&mut it.conn, "100").await;
    let known = get(&mut it.conn, id).await.unwrap().unwrap();
    assert_eq!(known.stage, Stage::Fetching);
    assert_eq!(known.subscription_id.as_deref(), Some("100"));
    assert_eq!(
        known.authorization_uri.as_deref(),
        Some("https://custodian.example/Authorization/100")
    );
    assert!(!known.seen && !known.planned && !known.released);
    assert_eq!(
        live_of_subscription(&mut it.conn, "100").await.unwrap(),
        Some(id)
    );
    assert_eq!(
        live_of_subscription(&mut it.conn, "101").await.unwrap(),
        None
    );
    assert!(get(&mut it.conn, uuid().into()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_newer_authorization_supersedes_one_that_is_being_fetched() {
    let mut it = Fixture::new().await;
    let older = authorize(&mut it.conn, "100").await;
    let other = authorize(&mut it.conn, "200").await;
    let newer = authorize(&mut it.conn, "100").await;
    let known = get(&mut it.conn, older).await.unwrap().unwrap();
    assert_eq!(known.stage, Stage::Superseded);
    assert!(known.released, "the custodian has ended it");
    assert!(matches!(
        read(&mut it.conn, &keyring(&["a"]), older).await,
        Err(TokenError::Gone)
    ));
    assert_eq!(it.stage_of(newer).await, Stage::Fetching);
    assert_eq!(it.stage_of(other).await, Stage::Fetching);
    assert_eq!(
        live_of_subscription(&mut it.conn, "100").await.unwrap(),
        Some(newer)
    );
}

#[tokio::test]
async fn what_is_fetched_stays_and_counts_as_released() {
    let mut it = Fixture::new().await;
    let older = fetched(&mut it.conn, "100").await;
    authorize(&mut it.conn, "100").await;
    let known = get(&mut it.conn, older).await.unwrap().unwrap();
    assert_eq!(known.stage, Stage::Fetched);
    assert!(known.released);
    assert_eq!(
        unexported(&mut it.conn).await.unwrap(),
        [older],
        "its files are still wanted"
    );
}

/// The custodian may use the id of the older authorization again: a release of the failed one would
/// then end the new one.
#[tokio::test]
async fn one_that_failed_is_not_released_over_a_newer_one() {
    let mut it = Fixture::new().await;
    let failed = authorize(&mut it.conn, "100").await;
    assert!(mark_failed(&mut it.conn, failed, "words").await.unwrap());
    authorize(&mut it.conn, "100").await;
    let known = get(&mut it.conn, failed).await.unwrap().unwrap();
    assert_eq!(known.stage, Stage::Failed);
    assert!(known.released);
    assert_eq!(unreleased(&mut it.conn, Stage::Failed).await.unwrap(), []);
}

#[tokio::test]
async fn of_a_subscription_one_authorization_is_live() {
    let mut it = Fixture::new().await;
    authorize(&mut it.conn, "100").await;
    let twice = it
        .conn
        .batch_execute(
            "INSERT INTO smd.authorization (id, subscription_id) VALUES (gen_random_uuid(), '100')",
        )
        .await;
    assert!(
        twice
            .unwrap_err()
            .to_string()
            .contains("authorization_live_subscription")
    );
}

#[tokio::test]
async fn of_two_callbacks_at_once_the_later_one_counts() {
    let mut it = Fixture::new().await;
    let mut second = it.connect().await;
    begin(&mut it.conn).await;
    let older = authorize(&mut it.conn, "100").await;
    let waiting = tokio::spawn(async move { authorize(&mut second, "100").await });
    until_blocked(&mut it.conn).await;
    commit(&mut it.conn).await;
    let newer = waiting.await.unwrap();
    assert_eq!(it.stage_of(older).await, Stage::Superseded);
    assert_eq!(it.stage_of(newer).await, Stage::Fetching);
}

#[tokio::test]
async fn stages_change_only_while_the_history_is_pulled() {
    let mut it = Fixture::new().await;
    let id = authorize(&mut it.conn, "100").await;
    assert!(mark_failed(&mut it.conn, id, "given up").await.unwrap());
    assert!(
        !mark_failed(&mut it.conn, id, "given up again")
            .await
            .unwrap()
    );
    mark_fetched(&mut it.conn, id).await.unwrap();
    mark_withdrawn(&mut it.conn, id).await.unwrap();
    describe(&mut it.conn, id, Some("Ada Example"), "UTC")
        .await
        .unwrap();
    note_delay(&mut it.conn, id, Some("delayed")).await.unwrap();
    let known = get(&mut it.conn, id).await.unwrap().unwrap();
    assert_eq!(known.stage, Stage::Failed);
    assert!(!known.released);
    assert_eq!(known.customer_name, None);
    assert_eq!(
        it.number("SELECT count(*) FROM smd.authorization WHERE failure = 'given up'")
            .await,
        1
    );
}

#[tokio::test]
async fn withdrawal_leaves_nothing_to_release() {
    let mut it = Fixture::new().await;
    let id = authorize(&mut it.conn, "100").await;
    mark_withdrawn(&mut it.conn, id).await.unwrap();
    let known = get(&mut it.conn, id).await.unwrap().unwrap();
    assert_eq!((known.stage, known.released), (Stage::Withdrawn, true));
}

#[tokio::test]
async fn what_is_noted_is_read_back() {
    let mut it = Fixture::new().await;
    let id = authorize(&mut it.conn, "100").await;
    mark_seen(&mut it.conn, id).await.unwrap();
    describe(
        &mut it.conn,
        id,
        Some("Ada Example"),
        "PST8PDT,M3.2.0,M11.1.0",
    )
    .await
    .unwrap();
    let known = lock(&mut it.conn, id).await.unwrap().unwrap();
    assert!(known.seen);
    assert_eq!(known.customer_name.as_deref(), Some("Ada Example"));
    assert_eq!(known.time_zone.as_deref(), Some("PST8PDT,M3.2.0,M11.1.0"));
    mark_released(&mut it.conn, id).await.unwrap();
    let at = "SELECT extract(epoch FROM released_at) * 1000000 FROM smd.authorization";
    let first = it.number(at).await;
    mark_released(&mut it.conn, id).await.unwrap();
    assert_eq!(it.number(at).await, first, "the first confirmation counts");
}

#[tokio::test]
async fn the_sweep_finds_what_has_a_next_step() {
    let mut it = Fixture::new().await;
    let fetching = authorize(&mut it.conn, "100").await;
    let done = fetched(&mut it.conn, "200").await;
    let failed = authorize(&mut it.conn, "300").await;
    mark_failed(&mut it.conn, failed, "words").await.unwrap();
    let erased = authorize(&mut it.conn, "400").await;
    erasure::erase(&mut it.conn, erased).await.unwrap();
    for (stage, id) in [
        (Stage::Fetching, fetching),
        (Stage::Fetched, done),
        (Stage::Failed, failed),
        (Stage::Erased, erased),
    ] {
        assert_eq!(
            unreleased(&mut it.conn, stage).await.unwrap(),
            [id],
            "{stage}"
        );
    }
    assert_eq!(unexported(&mut it.conn).await.unwrap(), [done]);
    export::mark_exported(&mut it.conn, done).await.unwrap();
    assert_eq!(unexported(&mut it.conn).await.unwrap(), []);
    mark_released(&mut it.conn, done).await.unwrap();
    assert_eq!(unreleased(&mut it.conn, Stage::Fetched).await.unwrap(), []);
    let mut known = known_subscriptions(&mut it.conn).await.unwrap();
    known.sort();
    assert_eq!(known, ["100", "200", "300", "400"]);
}

//! What the customer's page shows at each stage.

use storage::smd::authorization::{
    mark_failed, mark_fetched, mark_released, mark_withdrawn, note_delay,
};
use storage::smd::plan::{mark_received, pulls};
use storage::smd::progress::{Progress, of_ticket};
use storage::smd::{AuthorizationId, erasure, export};

use crate::fixture::{Fixture, authorize, fix, ticket};

async fn look(it: &mut Fixture, id: AuthorizationId) -> Progress {
    of_ticket(&mut it.conn, &ticket(id)).await.unwrap().unwrap()
}

/// Delivered, final.
async fn ends(it: &mut Fixture, id: AuthorizationId) -> (bool, bool) {
    let progress = look(it, id).await;
    (progress.is_delivered(), progress.is_final())
}

#[tokio::test]
async fn a_history_from_the_click_to_the_end() {
    let mut it = Fixture::new().await;
    let id = authorize(&mut it.conn, "100").await;
    let progress = look(&mut it, id).await;
    assert_eq!(
        (progress.received, progress.windows, progress.usage_points),
        (0, 0, 0)
    );
    assert!(!progress.is_delivered() && !progress.is_final());

    fix(&mut it.conn, id, &["up-1", "up-2"]).await;
    for pull in pulls(&mut it.conn, id).await.unwrap().iter().take(3) {
        mark_received(&mut it.conn, id, pull, 0).await.unwrap();
    }
    note_delay(&mut it.conn, id, Some("The custodian is slow."))
        .await
        .unwrap();
    let progress = look(&mut it, id).await;
    assert_eq!(
        (progress.received, progress.windows, progress.usage_points),
        (3, 4, 2)
    );
    assert_eq!(progress.failure.as_deref(), Some("The custodian is slow."));

    mark_fetched(&mut it.conn, id).await.unwrap();
    assert_eq!(look(&mut it, id).await.failure, None);
    assert_eq!(ends(&mut it, id).await, (false, false));
    assert!(export::mark_exported(&mut it.conn, id).await.unwrap());
    assert_eq!(
        ends(&mut it, id).await,
        (false, false),
        "delivered only when both are done"
    );
    mark_released(&mut it.conn, id).await.unwrap();
    assert_eq!(ends(&mut it, id).await, (true, true));
}

#[tokio::test]
async fn released_without_files_is_not_delivered() {
    let mut it = Fixture::new().await;
    let id = authorize(&mut it.conn, "100").await;
    mark_fetched(&mut it.conn, id).await.unwrap();
    mark_released(&mut it.conn, id).await.unwrap();
    assert_eq!(ends(&mut it, id).await, (false, false));
}

#[tokio::test]
async fn a_failure_is_final_when_it_is_released() {
    let mut it = Fixture::new().await;
    let id = authorize(&mut it.conn, "100").await;
    mark_failed(&mut it.conn, id, "It did not work.")
        .await
        .unwrap();
    assert_eq!(ends(&mut it, id).await, (false, false));
    assert_eq!(
        look(&mut it, id).await.failure.as_deref(),
        Some("It did not work.")
    );
    mark_released(&mut it.conn, id).await.unwrap();
    assert_eq!(ends(&mut it, id).await, (false, true));
}

#[tokio::test]
async fn withdrawn_and_superseded_are_final() {
    let mut it = Fixture::new().await;
    let withdrawn = authorize(&mut it.conn, "100").await;
    mark_withdrawn(&mut it.conn, withdrawn).await.unwrap();
    assert_eq!(ends(&mut it, withdrawn).await, (false, true));
    let superseded = authorize(&mut it.conn, "200").await;
    authorize(&mut it.conn, "200").await;
    assert_eq!(ends(&mut it, superseded).await, (false, true));
}

#[tokio::test]
async fn an_erased_or_unknown_ticket_shows_nothing() {
    let mut it = Fixture::new().await;
    let id = authorize(&mut it.conn, "100").await;
    erasure::erase(&mut it.conn, id).await.unwrap();
    assert_eq!(of_ticket(&mut it.conn, &ticket(id)).await.unwrap(), None);
    assert_eq!(of_ticket(&mut it.conn, "").await.unwrap(), None);
}

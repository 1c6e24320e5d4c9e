//! The end of an authorization: proven, or not taken for one.

use custodian::ledger::RequestKind;

use crate::harness::World;

#[tokio::test(flavor = "multi_thread")]
async fn not_found_counts_where_the_address_has_answered_before() {
    let world = World::start(&[], &[]).await;
    let granted = world.given_up("fable").await;
    let uri = granted.tokens.authorization_uri.clone().unwrap();
    world.client.delete_authorization(&uri, true).await.unwrap();
    let _fetcher = world.fetcher();
    world.release(&granted).await;
    world
        .until_row(
            granted.id,
            "released_at IS NOT NULL AND access_token IS NULL",
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn not_found_at_an_address_that_never_answered_is_no_deletion() {
    let world = World::start(&[], &[]).await;
    let granted = world.authorize("fable", &[0]).await;
    world.store(&granted).await;
    let wrong = granted.tokens.authorization_uri.clone().unwrap() + "999";
    world
        .sql(&format!(
            "UPDATE smd.authorization SET stage = 'failed', authorization_uri = '{wrong}'"
        ))
        .await;
    let _fetcher = world.fetcher();
    world.release(&granted).await;
    let tried = "EXISTS (SELECT FROM jobs.job WHERE kind = 'smd.release' AND state = 'available' AND cardinality(errors) >= 2)";
    world.all_due().await;
    let again = "EXISTS (SELECT FROM jobs.job WHERE kind = 'smd.release' AND errors <> '{}')";
    world.until("the first attempt", again).await;
    world.all_due().await;
    world.until("the second attempt", tried).await;
    let released = world.column(granted.id, "released_at").await;
    assert_eq!(released, None);
    // Never given up, and the tokens stay until it is certain.
    assert!(world.column(granted.id, "access_token").await.is_some());
    assert_eq!(world.requests(RequestKind::AuthorizationDelete).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_customer_has_revoked_is_released_too() {
    let world = World::start(&[], &[]).await;
    let granted = world.authorize("fable", &[0]).await;
    world.store(&granted).await;
    world
        .sql("UPDATE smd.authorization SET stage = 'failed'")
        .await;
    world.revoke("fable").await;
    let _fetcher = world.fetcher();
    world.release(&granted).await;
    world.until_row(granted.id, "released_at IS NOT NULL").await;
    world.assert_no_tokens().await;
}

//! Answers that are somebody else's, of another time, or about our own token: none may be taken for what it
//! is not.

use custodian::faults::{Fault, Rule, Step};
use custodian::ledger::RequestKind;
use storage::kinds::SmdRecheck;

use crate::harness::World;

fn rule(kind: RequestKind, times: u64, fault: Fault) -> Rule {
    Rule {
        times: Some(times),
        ..Rule::new(Step::Request(kind), fault)
    }
}

/// Under this fault, after one more attempt, everything is delivered.
async fn is_delivered_all_the_same(rule: Rule) {
    let world = World::start(&[], &[]).await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    world.fault(&rule).await;
    let granted = world.grant_some("fable", &[0]).await;
    let failed = "EXISTS (SELECT FROM jobs.job WHERE kind = 'smd.fetch' AND errors <> '{}')";
    world.until("an attempt to fail", failed).await;
    world.all_due().await;
    world.until_delivered(&granted).await;
    world.assert_complete(&granted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_of_another_time_does_not_fill_the_window() {
    is_delivered_all_the_same(rule(RequestKind::BatchUsagePoint, 1, Fault::OtherWindow)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_somebody_elses_authorization_withdraws_nothing() {
    is_delivered_all_the_same(rule(RequestKind::Authorization, 1, Fault::Foreign)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_token_refused_twice_says_nothing_about_consent() {
    is_delivered_all_the_same(rule(RequestKind::Authorization, 2, Fault::ForgetToken)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_points_in_another_format_are_no_authorization_without_any() {
    is_delivered_all_the_same(rule(RequestKind::UsagePoints, 1, Fault::WrongNamespace)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_found_and_not_listed_is_over_although_it_was_never_seen() {
    let world = World::start(&[], &[]).await;
    let granted = world.authorize("fable", &[0]).await;
    world.store(&granted).await;
    // As an old backup has it: ended since, and we do not remember that we ever read it.
    world
        .sql("UPDATE smd.authorization SET stage = 'failed', seen_at = NULL")
        .await;
    let uri = granted.tokens.authorization_uri.clone().unwrap();
    world.client.delete_authorization(&uri, true).await.unwrap();
    // A list that cannot be read proves nothing: neither to the sweep nor to the release that it asks for.
    world
        .fault(&rule(RequestKind::Authorizations, 2, Fault::Page))
        .await;
    let _fetcher = world.fetcher();
    let tried = "EXISTS (SELECT FROM jobs.job WHERE kind = 'smd.release' AND errors <> '{}')";
    world.until("the first attempt", tried).await;
    assert_eq!(world.column(granted.id, "released_at").await, None);
    world.all_due().await;
    world
        .until_row(
            granted.id,
            "released_at IS NOT NULL AND access_token IS NULL",
        )
        .await;
}

/// As the custodian's front server answers under maintenance.
const MAINTENANCE: Fault = Fault::PageNotFound;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_status_404_releases_nothing() {
    let world = World::start(&[], &[]).await;
    let granted = world.given_up("fable").await;
    world
        .fault(&rule(RequestKind::AuthorizationDelete, 1, MAINTENANCE))
        .await;
    let _fetcher = world.fetcher();
    world.release(&granted).await;
    let tried = "EXISTS (SELECT FROM jobs.job WHERE kind = 'smd.release' AND errors <> '{}')";
    world.until("the first attempt", tried).await;
    assert_eq!(world.column(granted.id, "released_at").await, None);
    assert!(world.column(granted.id, "access_token").await.is_some());
    world.all_due().await;
    world.until_row(granted.id, "released_at IS NOT NULL").await;
    let report = world.at_custodian(&granted).await;
    assert_eq!(format!("{:?}", report.state), "Deleted");
}

/// To some custodian's front server such a page may be all there is to say of what is gone.
#[tokio::test(flavor = "multi_thread")]
async fn where_an_ended_authorization_answers_with_a_page_the_list_tells() {
    let world = World::start(&[], &[]).await;
    let granted = world.given_up("fable").await;
    let always = Rule::new(Step::Request(RequestKind::Authorization), MAINTENANCE);
    world.fault(&always).await;
    let _fetcher = world.fetcher();
    world.release(&granted).await;
    world.until_row(granted.id, "released_at IS NOT NULL").await;
    assert_eq!(world.column(granted.id, "access_token").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_status_404_withdraws_nothing() {
    let world = World::start(&[], &[]).await;
    let _fetcher = world.fetcher();
    let granted = world.grant_some("later", &[0]).await;
    world.until_fetch_waits().await;
    world
        .fault(&rule(RequestKind::Authorization, 1, MAINTENANCE))
        .await;
    let job = world
        .enqueue(&SmdRecheck {
            authorization: granted.id,
        })
        .await;
    let tried = format!("(SELECT errors <> '{{}}' FROM jobs.job WHERE id = {job})");
    world.until("the first attempt", &tried).await;
    world.all_due().await;
    assert_eq!(world.until_ended(job).await, "completed");
    let stage = world.column(granted.id, "stage").await;
    assert_eq!(stage.as_deref(), Some("fetching"));
}

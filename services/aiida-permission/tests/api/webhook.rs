//! The webhook: every event, in order, signed; again after trouble, and at most once more after a crash.

use jiff::SignedDuration;
use serde_json::json;
use service_kit::clock::ManualClock;
use service_kit::program::Context;
use test_support::wait;

use crate::receiver::Receiver;
use crate::site::{DEADLINE, Site};

async fn told(site: &Site) -> i64 {
    let told = site
        .texts("SELECT told::text AS text FROM aiida.webhook")
        .await;
    told[0].parse().unwrap()
}

async fn until_told(site: &Site, event: i64) {
    wait::until(DEADLINE, "the webhook to move on", async || {
        (told(site).await >= event).then_some(())
    })
    .await;
}

/// Jobs that wait for their next attempt run now.
async fn hurry(site: &Site) {
    site.sql(
        "UPDATE jobs.job SET run_at = now() WHERE kind = 'webhook.deliver' AND state = 'available'",
    )
    .await;
}

async fn ids(site: &Site) -> Vec<i64> {
    let ids = site
        .texts("SELECT id::text AS text FROM aiida.permission_event ORDER BY id")
        .await;
    ids.iter().map(|id| id.parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_told_in_order_and_signed() {
    let receiver = Receiver::start(&[]);
    let site = Site::start_with(&receiver.arguments(), Context::new()).await;
    let need = site.need(json!({})).await;
    let mut permissions = Vec::new();
    for number in 0..4 {
        permissions.push(site.sent(&need, &format!("customer-{number}")).await);
    }
    receiver.until(12).await;
    let all = ids(&site).await;
    assert_eq!(receiver.events(), all);
    for (told, event) in receiver.told().iter().zip(&all) {
        assert_eq!(told.verify(), Ok(()));
        assert_eq!(told.json()["eventId"], *event);
    }
    let first = receiver.told()[0].json();
    let keys: Vec<_> = first.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        keys,
        [
            "at",
            "connectionId",
            "dataNeedId",
            "eventId",
            "permissionId",
            "status"
        ]
    );
    assert_eq!(first["permissionId"], json!(permissions[0]));
    assert_eq!(first["connectionId"], "customer-0");
    assert_eq!(first["dataNeedId"], json!(need));
    assert_eq!(first["status"], "CREATED");
    until_told(&site, *all.last().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_told_again_until_it_is_taken_and_none_overtakes_it() {
    let receiver = Receiver::start(&[500, 307, 404, 422, 200]);
    let site = Site::start_with(&receiver.arguments(), Context::new()).await;
    let need = site.need(json!({})).await;
    site.sent(&need, "customer-1").await;
    let all = ids(&site).await;
    wait::until(DEADLINE, "all events to be told", async || {
        hurry(&site).await;
        (receiver.told().len() >= 7).then_some(())
    })
    .await;
    let first = all[0];
    assert_eq!(
        receiver.events(),
        [first, first, first, first, first, all[1], all[2]]
    );
    until_told(&site, all[2]).await;
    assert_eq!(
        site.count("aiida.webhook WHERE failing_since IS NOT NULL")
            .await,
        0
    );
    assert_eq!(
        site.count("audit.event WHERE action LIKE '%webhook%'")
            .await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_after_the_answer_repeats_one_event_only() {
    let receiver = Receiver::start(&[]);
    let site = Site::start_with(&receiver.arguments(), Context::new()).await;
    receiver.hold();
    let need = site.need(json!({})).await;
    site.sent(&need, "customer-1").await;
    receiver.until(1).await;
    // The receiver has the event; the worker is taken for dead before it can say so.
    site.sql(
        "UPDATE jobs.job SET lease_token = gen_random_uuid(), lease_expires_at = now() - interval '1 s'
         WHERE kind = 'webhook.deliver' AND state = 'running'",
    )
    .await;
    receiver.go();
    receiver.until(4).await;
    let all = ids(&site).await;
    assert_eq!(receiver.events(), [all[0], all[0], all[1], all[2]]);
    until_told(&site, all[2]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_before_is_told_when_a_webhook_is_configured() {
    let mut site = Site::start().await;
    let need = site.need(json!({})).await;
    site.sent(&need, "customer-1").await;
    assert_eq!(
        site.count("jobs.job WHERE kind = 'webhook.deliver'").await,
        0
    );
    let receiver = Receiver::start(&[]);
    site.restart_with(&receiver.arguments(), Context::new())
        .await;
    receiver.until(3).await;
    let all = ids(&site).await;
    until_told(&site, all[2]).await;
    assert_eq!(receiver.events(), all);
    // Another start has nothing to tell.
    site.restart_with(&receiver.arguments(), Context::new())
        .await;
    site.sent(&need, "customer-2").await;
    receiver.until(6).await;
    assert_eq!(receiver.events(), ids(&site).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_refused_for_three_days_is_passed_over_and_said_so() {
    let clock = ManualClock::new("2026-11-02T12:00:00Z".parse().unwrap());
    let context = Context {
        clock: clock.shared(),
        ..Context::new()
    };
    let receiver = Receiver::start(&[422, 422, 503, 422]);
    let site = Site::start_with(&receiver.arguments(), context).await;
    let need = site.need(json!({})).await;
    let id = site.sent(&need, "customer-1").await;
    let all = ids(&site).await;
    receiver.until(1).await;
    until_failed(&site, 1).await;
    clock.advance(SignedDuration::from_hours(71));
    hurry(&site).await;
    until_failed(&site, 2).await;
    clock.advance(SignedDuration::from_hours(1));
    // The third answer, 503, is no refusal: the event stays. The fourth is.
    hurry(&site).await;
    until_failed(&site, 3).await;
    assert_eq!(told(&site).await, 0);
    hurry(&site).await;
    receiver.until(6).await;
    assert_eq!(
        receiver.events(),
        [all[0], all[0], all[0], all[0], all[1], all[2]]
    );
    until_told(&site, all[2]).await;
    let line = site
        .texts(
            "SELECT concat_ws(' ', subject, detail->>'event', detail->>'status') AS text FROM audit.event
             WHERE action = 'aiida.webhook.passed_over'",
        )
        .await;
    assert_eq!(line, [format!("{id} {} 422", all[0])]);
    let metrics = service_kit::metrics::install().unwrap().render();
    assert!(metrics.contains("aiida_webhook_events_total{outcome=\"passed_over\"}"));
}

/// The job has failed this often and waits for its next attempt.
async fn until_failed(site: &Site, attempts: i64) {
    let waiting = format!(
        "jobs.job WHERE kind = 'webhook.deliver' AND state = 'available' AND attempt = {attempts} AND run_at > now()"
    );
    wait::until(DEADLINE, "an attempt to have failed", async || {
        (site.count(&waiting).await == 1).then_some(())
    })
    .await;
}

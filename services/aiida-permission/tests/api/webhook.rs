//! The webhook: every event, in order, signed; again after trouble, and at most once more after a crash.

use permission::Status;
use serde_json::json;
use service_kit::program::Context;
use test_support::{jobs, wait};

use crate::receiver::Receiver;
use crate::site::{DEADLINE, Site};

async fn told(site: &Site) -> i64 {
    let told = site.texts("SELECT told FROM aiida.webhook").await;
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
    site.sql(jobs::ALL_DUE).await;
}

/// The events that are posted.
async fn ids(site: &Site) -> Vec<i64> {
    let ids = site
        .texts(
            "SELECT id FROM aiida.permission_event WHERE status NOT IN ('CREATED', 'VALIDATED') ORDER BY id",
        )
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
    receiver.until(4).await;
    let all = ids(&site).await;
    assert_eq!(receiver.events(), all);
    assert_eq!(
        (all.len(), site.count("aiida.permission_event").await),
        (4, 12)
    );
    for (told, event) in receiver.told().iter().zip(&all) {
        assert_eq!(told.verify(), Ok(()));
        assert_eq!(told.json()["eventId"], *event);
    }
    let mut first = receiver.told()[0].json();
    first.sort_all_objects();
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
    assert_eq!(first["status"], "SENT_TO_PERMISSION_ADMINISTRATOR");
    until_told(&site, *all.last().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_told_again_until_it_is_taken_and_none_overtakes_it() {
    let receiver = Receiver::start(&[500, 307, 404, 422, 200]);
    let site = Site::start_with(&receiver.arguments(), Context::new()).await;
    let need = site.need(json!({})).await;
    for customer in ["customer-1", "customer-2", "customer-3"] {
        site.sent(&need, customer).await;
    }
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
    for customer in ["customer-1", "customer-2", "customer-3"] {
        site.sent(&need, customer).await;
    }
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
    receiver.until(1).await;
    let all = ids(&site).await;
    until_told(&site, all[0]).await;
    assert_eq!(receiver.events(), all);
    // Another start has nothing to tell.
    site.restart_with(&receiver.arguments(), Context::new())
        .await;
    site.sent(&need, "customer-2").await;
    receiver.until(2).await;
    assert_eq!(receiver.events(), ids(&site).await);
}

/// Its job was removed by hand, and nobody has started the service since.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_was_lost_is_found_by_the_periodic_look() {
    let receiver = Receiver::start(&[503]);
    let site = Site::start_with(&receiver.arguments(), Context::new()).await;
    let need = site.need(json!({})).await;
    site.sent(&need, "customer-1").await;
    until_failed(&site, 1).await;
    site.sql(
        "DELETE FROM jobs.job WHERE kind = 'webhook.deliver';
         UPDATE aiida.permission_event SET at = at - interval '2 minutes';
         UPDATE jobs.schedule SET due_at = now() WHERE kind = 'aiida.timeout'",
    )
    .await;
    receiver.until(2).await;
    let all = ids(&site).await;
    until_told(&site, all[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_refused_for_three_days_is_passed_over_and_said_so() {
    let receiver = Receiver::start(&[422, 422, 503, 422]);
    let site = Site::start_with(&receiver.arguments(), Context::new()).await;
    let passes = async |hours: u8| {
        site.sql(&format!(
            "UPDATE aiida.webhook SET failing_since = failing_since - interval '{hours} hours'"
        ))
        .await;
    };
    let need = site.need(json!({})).await;
    let id = site.sent(&need, "customer-1").await;
    site.step(id, Status::SentToPermissionAdministrator, Status::Accepted)
        .await;
    let all = ids(&site).await;
    receiver.until(1).await;
    until_failed(&site, 1).await;
    passes(71).await;
    hurry(&site).await;
    until_failed(&site, 2).await;
    passes(1).await;
    // The third answer, 503, is no refusal: the event stays. The fourth is.
    hurry(&site).await;
    until_failed(&site, 3).await;
    assert_eq!(told(&site).await, 0);
    hurry(&site).await;
    receiver.until(5).await;
    assert_eq!(receiver.events(), [all[0], all[0], all[0], all[0], all[1]]);
    until_told(&site, all[1]).await;
    let line = site
        .texts(
            "SELECT concat_ws(' ', subject, detail->>'event', detail->>'status') FROM audit.event
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

/// What tells nothing is passed over without a request, wherever it stands.
#[tokio::test(flavor = "multi_thread")]
async fn what_every_request_passes_is_not_posted() {
    let mut site = Site::start().await;
    let need = site.need(json!({})).await;
    let id = site.sent(&need, "customer-1").await;
    // More than are read at a time, and the last of all.
    site.sql(&format!(
        "INSERT INTO aiida.permission_event (permission_id, status, cause)
         SELECT '{id}', CASE n % 2 WHEN 0 THEN 'CREATED' ELSE 'VALIDATED' END, 'request'
         FROM generate_series(1, 120) n"
    ))
    .await;
    let receiver = Receiver::start(&[]);
    site.restart_with(&receiver.arguments(), Context::new())
        .await;
    let last = site
        .texts("SELECT max(id) FROM aiida.permission_event")
        .await;
    until_told(&site, last[0].parse().unwrap()).await;
    assert_eq!(receiver.events(), ids(&site).await);
    let pulled = site.get("/api/v1/events?limit=1000").await.ok(200);
    assert_eq!(pulled["events"].as_array().unwrap().len(), 123);
}

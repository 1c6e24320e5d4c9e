//! Answers that come later, with a notification.

use std::time::{Duration, Instant};

use custodian::NotificationRecord;
use custodian::model::DayRange;
use jiff::civil::date;

use crate::harness::{BULK, Certificates, Inbox, Sandbox, read};

#[tokio::test]
async fn an_asynchronous_batch_is_announced_and_fetched() {
    let mut inbox = Inbox::open(0);
    let sandbox = Sandbox::start_with(&[("--notification-uri", &inbox.url)]);
    let tokens = sandbox.authorize("later").await;
    let point = sandbox.point("later", 1);
    let path = sandbox.batch(tokens.id, &point, date(2026, 10, 30), date(2026, 11, 2));
    let accepted = sandbox.get(&path, &tokens.access).await;
    assert_eq!(accepted.status(), 202);
    let links = inbox.next().await;
    assert_eq!(links.len(), 1);
    let prefix = sandbox.resource(&format!(
        "Batch/Subscription/{}/UsagePoint/{point}?correlationID=",
        tokens.id
    ));
    assert!(links[0].starts_with(&prefix), "{}", links[0]);
    let client = sandbox.client_token().await;
    assert_eq!(sandbox.follow(&links[0], &client).await.status(), 403);
    for _ in 0..2 {
        let feed = sandbox
            .follow(&links[0], &tokens.access)
            .await
            .bytes()
            .await
            .unwrap();
        let days = DayRange::new(date(2026, 10, 30), date(2026, 11, 2));
        assert_eq!(read(&feed), sandbox.truth("later", &point, days));
    }
    let elsewhere = links[0].replace(&point, &sandbox.point("later", 0));
    assert_eq!(
        sandbox.follow(&elsewhere, &tokens.access).await.status(),
        404
    );
    // Nothing to wait for where there is nothing.
    let empty = sandbox.batch(tokens.id, &point, date(2020, 1, 1), date(2020, 1, 2));
    assert_eq!(sandbox.status(&empty, &tokens.access).await, 204);
    assert!(inbox.is_empty());
}

#[tokio::test]
async fn a_whole_subscription_and_a_bulk_come_in_several_parts() {
    let mut inbox = Inbox::open(0);
    let sandbox = Sandbox::start_with(&[("--notification-uri", &inbox.url)]);
    let (fable, awkward) = (
        sandbox.authorize("fable").await,
        sandbox.authorize("awkward").await,
    );
    let client = sandbox.client_token().await;
    let window = "published-min=2026-11-01T08:00:00Z&published-max=2026-11-03T08:00:00Z";
    let days = DayRange::new(date(2026, 11, 1), date(2026, 11, 3));
    let path = format!("Batch/Subscription/{}?{window}", fable.id);
    assert_eq!(sandbox.status(&path, &fable.access).await, 202);
    let links = inbox.next().await;
    assert_eq!(links.len(), 3, "one per usage point");
    let mut flows = Vec::new();
    for link in &links {
        flows.extend(read(
            &sandbox
                .follow(link, &fable.access)
                .await
                .bytes()
                .await
                .unwrap(),
        ));
    }
    let truth = |key| {
        sandbox
            .model
            .truth(sandbox.model.customer(key).unwrap(), days)
            .unwrap()
    };
    assert_eq!(flows, truth("fable"));
    assert_eq!(
        sandbox
            .status(&format!("Batch/Bulk/{BULK}?{window}"), &client)
            .await,
        202
    );
    let links = inbox.next().await;
    assert_eq!(links.len(), 2, "one per subscription");
    let mut flows = Vec::new();
    for link in &links {
        assert_eq!(sandbox.follow(link, &fable.access).await.status(), 403);
        flows.extend(read(
            &sandbox.follow(link, &client).await.bytes().await.unwrap(),
        ));
    }
    assert_eq!(flows, [truth("fable"), truth("awkward")].concat());
    assert_eq!(
        sandbox
            .status(&format!("Batch/Bulk/{}", BULK + 1), &client)
            .await,
        403,
        "another's"
    );
    assert_ne!(fable.id, awkward.id);
}

#[tokio::test]
async fn a_notification_that_is_refused_is_tried_again() {
    let mut inbox = Inbox::open(2);
    let sandbox = Sandbox::start_with(&[
        ("--notification-uri", &inbox.url),
        ("--asynchronous", "always"),
    ]);
    let tokens = sandbox.authorize("fable").await;
    let path = sandbox.batch(
        tokens.id,
        &sandbox.point("fable", 0),
        date(2026, 10, 1),
        date(2026, 10, 2),
    );
    assert_eq!(sandbox.status(&path, &tokens.access).await, 202);
    assert_eq!(inbox.next().await.len(), 1);
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        // The inbox has the notification a moment before the sandbox has the answer.
        let records: Vec<NotificationRecord> = sandbox.control("/sandbox/notifications").await;
        if records[0].delivered {
            assert_eq!((records[0].attempts, &records[0].error), (3, &None));
            break;
        }
        assert!(Instant::now() < deadline, "never delivered: {records:?}");
    }
}

#[tokio::test]
async fn notifications_go_over_tls_to_whom_the_authority_vouches_for() {
    let theirs = Certificates::make();
    let mut inbox = Inbox::open_tls(&theirs);
    let (authority, target) = (theirs.authority.to_str().unwrap(), inbox.url.clone());
    let options = [
        ("--notification-uri", target.as_str()),
        ("--asynchronous", "always"),
    ];
    for trusted in [true, false] {
        let more = if trusted {
            vec![("--notify-ca", authority), ("--notify-attempts", "1")]
        } else {
            vec![("--notify-attempts", "1")]
        };
        let sandbox = Sandbox::start_with(&[&options[..], &more].concat());
        let tokens = sandbox.authorize("fable").await;
        let point = sandbox.point("fable", 2);
        let path = sandbox.batch(tokens.id, &point, date(2026, 10, 1), date(2026, 10, 2));
        assert_eq!(sandbox.status(&path, &tokens.access).await, 202);
        if trusted {
            assert_eq!(inbox.next().await.len(), 1);
        } else {
            let record = tried(&sandbox).await;
            assert!(!record.delivered && record.error.is_some(), "{record:?}");
            assert!(inbox.is_empty());
        }
    }
}

/// The first notification, once it was tried.
async fn tried(sandbox: &Sandbox) -> NotificationRecord {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let records: Vec<NotificationRecord> = sandbox.control("/sandbox/notifications").await;
        if records[0].delivered || records[0].error.is_some() {
            return records[0].clone();
        }
        assert!(Instant::now() < deadline, "never tried: {records:?}");
    }
}

#[tokio::test]
async fn noise_leads_nowhere() {
    let mut inbox = Inbox::open(0);
    let sandbox = Sandbox::start_flagged(
        &[
            ("--notification-uri", &inbox.url),
            ("--asynchronous", "always"),
        ],
        &["--notify-noise"],
    );
    let tokens = sandbox.authorize("fable").await;
    let path = sandbox.batch(
        tokens.id,
        &sandbox.point("fable", 0),
        date(2026, 10, 1),
        date(2026, 10, 2),
    );
    assert_eq!(sandbox.status(&path, &tokens.access).await, 202);
    let links = inbox.next().await;
    assert_eq!((links.len(), &links[0]), (3, &links[1]));
    assert!(links[2].ends_with("correlationID=00000000-0000-0000-0000-000000000000"));
    let nowhere = sandbox.follow(&links[2], &tokens.access).await;
    assert_eq!(nowhere.status(), 404);
    assert_ne!(nowhere.text().await.unwrap(), "No listener for endpoint");
}

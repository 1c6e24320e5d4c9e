//! Broken connections, a home without network, TLS, and a broker that says no.

use std::sync::Arc;
use std::time::Duration;

use home::{Generation, Home, HomeError, HomeStatus, Options, Reconnection};
use jiff::SignedDuration;
use service_kit::clock::{Clock as _, ManualClock, SystemClock};
use service_kit::random::{Random as _, SystemRandom};

use crate::harness::{
    LIMIT, PASSWORD, PERMISSION, Stage, credentials, id, json_of, options, outbound, report, until,
    until_status,
};

const RAW: &str = "data/outbound/smart-meter-p1-raw";

async fn stage() -> Stage {
    Stage::set(outbound(&["SMART-METER-P1-RAW"])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn records_wait_while_the_home_is_offline() {
    let stage = stage().await;
    let home = stage.home(Generation::June2026).await;
    stage.observer.wait(RAW, 1).await;
    home.go_offline().await;
    let before = stage.observer.seen(RAW).len();
    let away = until(&home, "waiting records", |report| report.buffered >= 2).await;
    assert!(!away.connected);
    assert_eq!(stage.observer.seen(RAW).len(), before);
    assert!(matches!(
        home.revoke(id()).await,
        Err(HomeError::StatusNotSent(_))
    ));

    // A second home, whose household does not revoke while it is away.
    let home = Home::start(options(Generation::June2026));
    home.scan(&stage.code(Generation::June2026)).await.unwrap();
    home.go_offline().await;
    until(&home, "waiting records", |report| report.buffered >= 2).await;
    let before = stage.observer.seen(RAW).len();
    home.go_online().await;
    let seen = stage.observer.wait(RAW, before + 2).await;
    let back = until(&home, "an empty buffer", |report| {
        report.buffered == 0 && report.acknowledged >= 2
    })
    .await;
    assert_eq!(back.connects, 2);
    let times: Vec<String> = seen[before..]
        .iter()
        .map(|message| json_of(message)["timestamp"].to_string())
        .collect();
    let mut sorted = times.clone();
    sorted.sort();
    assert_eq!(times, sorted, "oldest first");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_record_may_come_twice() {
    let stage = stage().await;
    let home = stage.home(Generation::June2026).await;
    until(&home, "an acknowledged record", |report| {
        report.acknowledged >= 1
    })
    .await;
    assert!(home.send_again(id()).await.unwrap());
    test_support::wait::until(Duration::from_secs(20), "a duplicate", async || {
        let seen = stage.observer.seen(RAW);
        let mut payloads: Vec<&[u8]> = seen.iter().map(paho_mqtt::Message::payload).collect();
        payloads.sort_unstable();
        payloads
            .windows(2)
            .any(|pair| pair[0] == pair[1])
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_broker_is_found_again_and_nothing_is_lost() {
    let mut stage = stage().await;
    let home = stage.home(Generation::June2026).await;
    until(&home, "an acknowledged record", |report| {
        report.acknowledged >= 1
    })
    .await;
    stage.broker.stop();
    until(&home, "the loss", |report| {
        !report.connected && report.buffered >= 2
    })
    .await;
    stage.broker.run();
    let back = until(&home, "the return", |report| {
        report.connected && report.connects == 2 && report.buffered == 0
    })
    .await;
    assert_eq!(back.acknowledged, back.records);
    assert_eq!(back.status, HomeStatus::Streaming);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_without_an_account_keeps_trying() {
    let stage = stage().await;
    let home = stage.home(Generation::June2026).await;
    assert_eq!(home.reconnect(id()).await.unwrap(), Reconnection::Connected);
    stage.broker.set_users(&[]);
    stage.broker.reload();
    let out = until(&home, "the refusal", |report| {
        !report.connected && report.refused_by_broker.is_some()
    })
    .await;
    assert_eq!(out.refused_by_broker, Some(135), "not authorised");
    assert_eq!(
        home.reconnect(id()).await.unwrap(),
        Reconnection::Refused(135)
    );
    stage
        .broker
        .set_users(&[(PERMISSION, crate::harness::PASSWORD)]);
    stage.broker.reload();
    let back = until(&home, "the return", |report| report.connected).await;
    assert_eq!(back.refused_by_broker, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_is_thrown_out_tells_why_and_comes_back() {
    let stage = stage().await;
    let port = crate::script::start().await;
    stage.facade.on_accept(200, credentials("tcp", port, false));
    let home = stage.home(Generation::June2026).await;
    let out = until(&home, "the reason", |report| {
        report.disconnect_reason.is_some()
    })
    .await;
    assert_eq!(out.disconnect_reason, Some(152), "administrative action");
    assert_eq!((out.connected, out.acknowledged), (false, 0));
    assert!(out.buffered >= 1, "what was on the way waits again");
    let refused = until(&home, "the refusal", |report| {
        report.refused_by_broker.is_some()
    })
    .await;
    assert_eq!(refused.refused_by_broker, Some(135), "not authorised");
    let back = until(&home, "an empty buffer", |report| {
        report.connected && report.acknowledged >= 1 && report.buffered == 0
    })
    .await;
    assert_eq!((back.connects, back.refused_by_broker), (2, None));
    assert!(back.published > back.acknowledged, "sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_homes_in_one_process() {
    let stage = stage().await;
    let ids: Vec<String> = (0..20).map(|_| SystemRandom.uuid().to_string()).collect();
    let users: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), PASSWORD)).collect();
    stage.broker.set_users(&users);
    stage.broker.reload();
    let homes: Vec<Home> = (0..20)
        .map(|_| Home::start(options(Generation::June2026)))
        .collect();
    for (home, id) in homes.iter().zip(&ids) {
        stage.invite(id, &outbound(&["SMART-METER-P1-RAW"]));
        home.scan(&stage.bundle_code(&[id])).await.unwrap();
    }
    for home in &homes {
        test_support::wait::until(LIMIT, "two records of each home", async || {
            let report = home.report().permissions.remove(0);
            (report.acknowledged >= 2).then_some(())
        })
        .await;
    }
    let stops: Vec<_> = homes.iter().map(Home::stop).collect();
    futures_util::future::join_all(stops).await;
    assert!(
        homes
            .iter()
            .all(|home| !home.report().permissions[0].connected)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_refuses_is_counted_and_not_repeated() {
    let stage = stage().await;
    stage.broker.allow("pattern read aiida/v1/%u/command/#\n");
    stage.broker.reload();
    let home = stage.home(Generation::June2026).await;
    let told = until(&home, "refused records", |report| {
        report.publish_refused >= 2
    })
    .await;
    assert_eq!(told.acknowledged, 0);
    assert!(told.buffered <= 1);
    assert!(stage.observer.seen(RAW).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_with_a_private_authority() {
    let stage = stage().await;
    let answer = credentials("ssl", stage.broker.tls, false);
    stage.facade.on_accept(200, answer);
    let trusting = Home::start(Options {
        authority: Some(stage.broker.authority.clone()),
        ..options(Generation::June2026)
    });
    trusting
        .scan(&stage.code(Generation::June2026))
        .await
        .unwrap();
    stage.observer.wait(RAW, 1).await;
    let wary = Home::start(options(Generation::June2026));
    let error = wary
        .scan(&stage.code(Generation::June2026))
        .await
        .unwrap_err();
    assert!(matches!(error, HomeError::FirstConnect { .. }), "{error:?}");
    assert_eq!(report(&wary).status, HomeStatus::Stranded);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_time_frame_is_told_by_the_home() {
    let stage = stage().await;
    let clock = ManualClock::new(SystemClock.now());
    let home = Home::start(Options {
        clock: clock.shared(),
        ..options(Generation::June2026)
    });
    let home = Arc::new(home);
    home.scan(&stage.code(Generation::June2026)).await.unwrap();
    clock.advance(SignedDuration::from_hours(24 * 366 * 1_000));
    until_status(&home, HomeStatus::Fulfilled).await;
    let kept = stage.observer.kept(stage.broker.open, "status").await;
    assert_eq!(json_of(&kept)["status"], "FULFILLED");
}

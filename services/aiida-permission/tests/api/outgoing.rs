//! Commands and inbound data: taken only where the data need and the state allow it.

use jiff::SignedDuration;
use permission::Status;
use reqwest::Method;
use serde_json::json;
use service_kit::clock::ManualClock;
use service_kit::program::Context;

use crate::site::{Site, inbound};

#[tokio::test(flavor = "multi_thread")]
async fn a_granted_command_is_stored_with_its_job() {
    let site = Site::start().await;
    let need = site.need(json!({})).await;
    let id = site.accepted(&need).await;
    let commands = format!("/api/v1/permissions/{id}/commands");
    let command =
        json!({"action": "UPDATE_TRANSMISSION_SCHEDULE", "transmissionSchedule": "*/10 * * * * *"});
    let taken = site.post(&commands, &command).await;
    assert_eq!(
        taken.header("location"),
        format!("/api/v1/permissions/{id}/outgoing")
    );
    let message = taken.ok(202)["id"].clone();
    let listed = site
        .get(&format!("/api/v1/permissions/{id}/outgoing"))
        .await
        .ok(200);
    let listed = listed["outgoing"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["id"], message);
    assert_eq!(listed[0]["kind"], "command");
    assert_eq!(listed[0]["name"], "UPDATE_TRANSMISSION_SCHEDULE");
    assert!(listed[0].get("publishedAt").is_none() && listed[0].get("dropped").is_none());
    let payload = site
        .texts("SELECT convert_from(payload, 'UTF8') FROM aiida.outgoing")
        .await;
    assert_eq!(
        payload,
        [format!(
            "{{\"action\":\"UPDATE_TRANSMISSION_SCHEDULE\",\"regionConnectorId\":\"aiida\",\"permissionId\":\"{id}\",\
             \"transmissionSchedule\":\"*/10 * * * * *\"}}"
        )]
    );
    let jobs = site
        .texts("SELECT payload->>'message' FROM jobs.job WHERE kind = 'aiida.command'")
        .await;
    assert_eq!(json!(jobs), json!([message]));
    let line = format!("aiida.sent {} {id}", site.key_id);
    assert!(site.audited().await.contains(&line));

    site.step(id, Status::Accepted, Status::Revoked).await;
    let late = site.post(&commands, &command).await.refused(409);
    assert!(late.contains("REVOKED"), "{late}");
    assert_eq!(site.count("aiida.outgoing").await, 1);
    assert_eq!(site.count("jobs.job WHERE kind = 'aiida.command'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn inbound_data_is_taken_as_it_is_for_covered_schemas_of_inbound_needs() {
    let site = Site::start().await;
    let (to_home, from_home) = (site.need(inbound()).await, site.need(json!({})).await);
    let id = site.accepted(&to_home).await;
    let outbound = site.accepted(&from_home).await;
    let bytes = [0_u8, 255, b'{', 13, 10];
    let bearer = site.bearer();
    let of = |id, schema: &str| format!("/api/v1/permissions/{id}/inbound/{schema}");
    for (method, schema) in [(Method::PUT, "opaque"), (Method::POST, "OPAQUE")] {
        let answer = site
            .ask(method, &of(id, schema), Some(&bearer), bytes.to_vec())
            .await;
        answer.ok(202);
    }
    let stored = site
        .texts("SELECT kind || ' ' || name || ' ' || encode(payload, 'hex') FROM aiida.outgoing")
        .await;
    assert_eq!(stored, ["inbound OPAQUE 00ff7b0d0a"; 2]);
    assert_eq!(site.count("jobs.job WHERE kind = 'aiida.command'").await, 2);

    for (path, status, words) in [
        (
            of(id, "min-max-envelope-cim-v1-12"),
            409,
            "its data need names OPAQUE",
        ),
        (of(id, "something"), 404, "no such schema"),
        (of(outbound, "opaque"), 409, "outbound-aiida"),
        (of(outbound, "smart-meter-p1-raw"), 409, "outbound-aiida"),
    ] {
        let answer = site.ask(Method::PUT, &path, Some(&bearer), "x").await;
        let detail = answer.refused(status);
        assert!(detail.contains(words), "{path}: {detail}");
    }
    site.step(id, Status::Accepted, Status::Fulfilled).await;
    let late = site
        .ask(Method::PUT, &of(id, "opaque"), Some(&bearer), "x")
        .await;
    assert!(late.refused(409).contains("FULFILLED"));
    assert_eq!(site.count("aiida.outgoing").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_before_the_first_day() {
    let clock = ManualClock::new("2026-11-02T23:59:59Z".parse().unwrap());
    let context = Context {
        clock: clock.shared(),
        ..Context::new()
    };
    let site = Site::start_with(&[], context).await;
    let (from_home, to_home) = (site.need(json!({})).await, site.need(inbound()).await);
    let (outbound, inbound) = (
        site.accepted(&from_home).await,
        site.accepted(&to_home).await,
    );
    site.sql("UPDATE aiida.permission SET starts_on = '2026-11-03'")
        .await;
    let command =
        json!({"action": "UPDATE_TRANSMISSION_SCHEDULE", "transmissionSchedule": "*/10 * * * * *"});
    let commands = format!("/api/v1/permissions/{outbound}/commands");
    let data = format!("/api/v1/permissions/{inbound}/inbound/opaque");
    let bearer = site.bearer();
    let early = [
        site.post(&commands, &command).await,
        site.ask(Method::PUT, &data, Some(&bearer), "x").await,
    ];
    for answer in early {
        let detail = answer.refused(409);
        assert!(detail.contains("begins on 2026-11-03 (UTC)"), "{detail}");
    }
    assert_eq!(site.count("aiida.outgoing").await, 0);
    assert_eq!(site.count("jobs.job WHERE kind = 'aiida.command'").await, 0);
    clock.advance(SignedDuration::from_secs(1));
    site.post(&commands, &command).await.ok(202);
    site.ask(Method::PUT, &data, Some(&bearer), "x")
        .await
        .ok(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn homes_of_2025_are_sent_no_command_and_can_be_ended() {
    let site = Site::start().await;
    let need = site.need(json!({})).await;
    let command =
        json!({"action": "UPDATE_TRANSMISSION_SCHEDULE", "transmissionSchedule": "*/10 * * * * *"});
    for (code, status) in [("'single'", 409), ("'bundle'", 202), ("NULL", 202)] {
        let id = site.accepted(&need).await;
        let scanned = format!("UPDATE aiida.permission SET code = {code} WHERE id = '{id}'");
        site.sql(&scanned).await;
        let path = format!("/api/v1/permissions/{id}/commands");
        let answer = site.post(&path, &command).await;
        assert_eq!(answer.status, status, "{code}: {}", answer.text());
        if status == 409 {
            let detail = answer.refused(409);
            assert!(detail.contains("knows no commands"), "{detail}");
            assert_eq!(site.count("aiida.outgoing").await, 0);
            let end = format!("/api/v1/permissions/{id}/terminate");
            site.post(&end, &json!({})).await.ok(200);
            site.sql("DELETE FROM aiida.outgoing").await;
        }
    }
    assert_eq!(site.count("aiida.outgoing").await, 2);
}

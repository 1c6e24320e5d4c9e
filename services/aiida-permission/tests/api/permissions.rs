//! Asking for permissions, looking at them, and ending them.

use std::collections::BTreeSet;

use permission::Status;
use permission::code::{Bundle, Single};
use serde_json::{Value, json};
use service_kit::program::Context;

use crate::site::{Site, inbound};

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_asked_and_the_answer_has_codes_and_a_page() {
    let site = Site::start().await;
    let (old, new) = (site.need(json!({})).await, site.need(inbound()).await);
    let body = json!({"connectionId": "customer-1", "dataNeedIds": [new, old], "meterId": "m-7"});
    let created = site.post("/api/v1/permissions", &body).await.ok(201);
    let ids = created["permissionIds"].as_array().unwrap();
    assert_eq!(ids.len(), 2);
    let code = Bundle::from_text(created["code"].as_str().unwrap()).unwrap();
    assert_eq!(json!(code.permission_ids), created["permissionIds"]);
    assert_eq!(json!(code.eddie_id), created["eddieId"]);
    // Homes of 2025 know raw data and not what is inbound.
    let older = created["olderCodes"].as_array().unwrap();
    assert_eq!(older.len(), 1);
    assert_eq!(older[0]["permissionId"], ids[1]);
    let single = Single::from_text(older[0]["code"].as_str().unwrap()).unwrap();
    assert_eq!(json!(single.permission_id), ids[1]);
    let page = created["pageUrl"].as_str().unwrap();
    let path = page.strip_prefix("https://party.example").unwrap();
    assert_eq!(
        site.ask(reqwest::Method::GET, path, None, "").await.status,
        200
    );

    let detail = site
        .get(&format!("/api/v1/permissions/{}", ids[1].as_str().unwrap()))
        .await
        .ok(200);
    assert_eq!(detail["status"], "SENT_TO_PERMISSION_ADMINISTRATOR");
    assert_eq!(detail["connectionId"], "customer-1");
    assert_eq!(detail["meterId"], "m-7");
    assert_eq!(detail["dataNeedId"], json!(old));
    assert_eq!(detail["dataNeed"]["schemas"], json!(["SMART-METER-P1-RAW"]));
    assert_eq!(detail["refusals"], json!([]));
    assert!(detail.get("acceptedAt").is_none());
    let audited = site.audited().await;
    for id in ids {
        let line = format!(
            "aiida.permission.asked {} {}",
            site.key_id,
            id.as_str().unwrap()
        );
        assert!(audited.contains(&line), "{audited:?}");
    }
    let audit = site.texts("SELECT detail FROM audit.event").await.join("");
    assert!(!audit.contains("customer-1") && !audit.contains("m-7"));
    assert!(!audit.contains(&site.key));

    let unknown =
        json!({"connectionId": "c", "dataNeedIds": ["6f1f4b4c-4f09-4e51-8a5c-6a3f3f6d7b11"]});
    let refused = site
        .post("/api/v1/permissions", &unknown)
        .await
        .refused(422);
    assert!(
        refused.contains("No data need has the id 6f1f4b4c"),
        "{refused}"
    );
}

/// What is not in the audit log has not happened.
#[tokio::test(flavor = "multi_thread")]
async fn asking_and_its_line_in_the_audit_log_are_one() {
    let site = Site::start().await;
    let need = site.need(json!({})).await;
    site.sql("ALTER TABLE audit.event RENAME TO hidden").await;
    let body = json!({"connectionId": "customer-1", "dataNeedIds": [need]});
    site.post("/api/v1/permissions", &body).await.refused(500);
    assert_eq!(site.count("aiida.permission").await, 0);
    assert_eq!(site.count("aiida.permission_event").await, 0);
}

/// Strangers are turned away; who has a key is not.
#[tokio::test(flavor = "multi_thread")]
async fn the_party_asks_also_when_strangers_may_not() {
    let arguments = [
        ("--aiida-open-permissions", "1".to_owned()),
        ("--aiida-public-requests", "false".to_owned()),
    ];
    let site = Site::start_with(&arguments, Context::new()).await;
    let need = site.need(json!({})).await;
    for _ in 0..3 {
        site.sent(&need, "customer-1").await;
    }
    assert_eq!(site.count("aiida.permission").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_detail_counts_what_was_refused_and_the_history_tells_all() {
    let site = Site::start().await;
    let need = site.need(json!({})).await;
    let id = site.accepted(&need).await;
    site.sql(&format!(
        "INSERT INTO aiida.refusal VALUES ('{id}', 'foreign-id', 3, '2026-01-02T03:04:05Z');
         UPDATE aiida.permission SET first_message_at = '2026-01-02T03:04:05Z', starts_on = '2026-01-02'"
    ))
    .await;
    let detail = site.get(&format!("/api/v1/permissions/{id}")).await.ok(200);
    assert_eq!(
        detail["refusals"],
        json!([{"reason": "foreign-id", "messages": 3, "lastAt": "2026-01-02T03:04:05Z"}])
    );
    assert_eq!(detail["firstMessageAt"], "2026-01-02T03:04:05Z");
    assert_eq!(detail["start"], "2026-01-02");
    let history = site
        .get(&format!("/api/v1/permissions/{id}/events"))
        .await
        .ok(200);
    let steps: Vec<_> = history["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            format!(
                "{} {}",
                event["status"].as_str().unwrap(),
                event["cause"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        steps,
        [
            "CREATED request",
            "VALIDATED request",
            "SENT_TO_PERMISSION_ADMINISTRATOR request",
            "ACCEPTED home"
        ]
    );
}

/// All pages, with `between` after each.
async fn pages(site: &Site, query: &str, mut between: impl AsyncFnMut()) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut path = format!("/api/v1/permissions?{query}");
    loop {
        let answer = site.get(&path).await;
        let page = answer.ok(200);
        rows.extend(page["permissions"].as_array().unwrap().iter().cloned());
        let Some(cursor) = page["nextCursor"].as_str() else {
            assert_eq!(answer.header("link"), "");
            return rows;
        };
        // Both ways lead to the same page.
        path = format!("/api/v1/permissions?{query}&cursor={cursor}");
        assert_eq!(answer.header("link"), format!("<{path}>; rel=\"next\""));
        between().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_every_permission_once_while_others_are_added() {
    let site = Site::start().await;
    let need = site.need(json!({})).await;
    let other = site.need(json!({})).await;
    let mut before = BTreeSet::new();
    for number in 0..12 {
        let connection = format!("customer-{}", number % 3);
        before.insert(site.sent(&need, &connection).await.to_string());
    }
    let rows = pages(&site, "limit=5", async || {
        site.sent(&other, "customer-9").await;
    })
    .await;
    let shown: Vec<String> = rows
        .iter()
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(shown.len(), 12);
    assert_eq!(shown.into_iter().collect::<BTreeSet<_>>(), before);
    let times: Vec<_> = rows
        .iter()
        .map(|row| row["createdAt"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");

    assert_eq!(
        pages(&site, "limit=3&connectionId=customer-1", async || ())
            .await
            .len(),
        4
    );
    assert_eq!(
        pages(&site, &format!("dataNeedId={other}"), async || ())
            .await
            .len(),
        2
    );
    let accepted = before.first().unwrap().parse().unwrap();
    site.step(
        accepted,
        Status::SentToPermissionAdministrator,
        Status::Accepted,
    )
    .await;
    let found = pages(&site, "status=ACCEPTED", async || ()).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["id"], json!(accepted));
    assert_eq!(
        pages(&site, "status=ACCEPTED&connectionId=nobody", async || ())
            .await
            .len(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_a_permission_can_be_asked_for_again_and_again() {
    let site = Site::start().await;
    let need = site.need(json!({})).await;
    let id = site.sent(&need, "customer-1").await;
    let end = format!("/api/v1/permissions/{id}/terminate");
    let early = site.post(&end, &json!({})).await.refused(409);
    assert!(
        early.contains("SENT_TO_PERMISSION_ADMINISTRATOR"),
        "{early}"
    );
    site.step(id, Status::SentToPermissionAdministrator, Status::Accepted)
        .await;
    for _ in 0..3 {
        let answer = site.post(&end, &json!({})).await.ok(200);
        assert_eq!(answer["status"], "REQUIRES_EXTERNAL_TERMINATION");
    }
    assert_eq!(
        site.count("aiida.outgoing WHERE name = 'TERMINATE'").await,
        1
    );
    assert_eq!(site.count("jobs.job WHERE kind = 'aiida.command'").await, 1);
    let line = format!("aiida.permission.terminated {} {id}", site.key_id);
    let ended = site
        .audited()
        .await
        .into_iter()
        .filter(|it| *it == line)
        .count();
    assert_eq!(ended, 1);
    site.step(
        id,
        Status::RequiresExternalTermination,
        Status::ExternallyTerminated,
    )
    .await;
    assert_eq!(
        site.post(&end, &json!({})).await.ok(200)["status"],
        "EXTERNALLY_TERMINATED"
    );

    let revoked = site.accepted(&need).await;
    site.step(revoked, Status::Accepted, Status::Revoked).await;
    let late = site
        .post(
            &format!("/api/v1/permissions/{revoked}/terminate"),
            &json!({}),
        )
        .await;
    assert!(late.refused(409).contains("REVOKED"));
}

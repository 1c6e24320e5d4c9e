//! Data needs over the database, and over a file.

use reqwest::Method;
use serde_json::{Value, json};
use service_kit::program::Context;

use crate::site::{Site, need};

#[tokio::test(flavor = "multi_thread")]
async fn data_needs_are_added_replaced_and_removed() {
    let site = Site::start().await;
    let added = site.post("/api/v1/data-needs", &need(json!({}))).await;
    let first = added.ok(201);
    let id = first["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/data-needs/{id}");
    assert_eq!(added.header("location"), path);
    assert_eq!(site.get(&path).await.ok(200), first);
    // Everything that was said is kept.
    let said = need(json!({}));
    for (key, value) in said.as_object().unwrap() {
        assert_eq!(&first[key], value, "{key}");
    }
    let again = site
        .post("/api/v1/data-needs", &need(json!({"id": id})))
        .await;
    assert!(again.refused(409).contains("PUT"));

    let permission = site.sent(&id, "customer-1").await;
    let changed = need(json!({"id": id, "name": "Another name"}));
    let replaced = site.send(Method::PUT, &path, &changed).await.ok(200);
    assert_eq!(replaced["name"], "Another name");
    assert_eq!(site.get(&path).await.ok(200), replaced);
    let kept = site
        .get(&format!("/api/v1/permissions/{permission}"))
        .await
        .ok(200);
    assert_eq!(kept["dataNeed"]["name"], "Near-real-time");
    let another = need(json!({"id": "6f1f4b4c-4f09-4e51-8a5c-6a3f3f6d7b11"}));
    site.send(Method::PUT, &path, &another).await.refused(422);

    for (change, words) in [
        (json!({"schemas": []}), "`schemas`"),
        (json!({"type": "inbound-aiida"}), "SMART-METER-P1-RAW"),
        (
            json!({"transmissionSchedule": "* *"}),
            "`transmissionSchedule`",
        ),
        (json!({"colour": "blue"}), "`colour`"),
        (json!({"id": "x"}), "`id`"),
    ] {
        let refused = site
            .post("/api/v1/data-needs", &need(change))
            .await
            .refused(422);
        assert!(refused.contains(words), "{refused}");
    }

    let list = site.get("/api/v1/data-needs").await.ok(200);
    assert_eq!(list, json!({"keptIn": "database", "dataNeeds": [replaced]}));
    let removed = site.send(Method::DELETE, &path, &json!({})).await;
    assert_eq!((removed.status, removed.body.len()), (204, 0));
    site.get(&path).await.refused(404);
    site.send(Method::DELETE, &path, &json!({}))
        .await
        .refused(404);
    // The household was asked for what the permission says.
    site.get(&format!("/api/v1/permissions/{permission}"))
        .await
        .ok(200);
    let line = |what: &str| format!("aiida.data_need.{what} {} {id}", site.key_id);
    let mut audited = site.audited().await;
    audited.retain(|line| line.contains("data_need"));
    assert_eq!(audited, [line("added"), line("replaced"), line("removed")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_of_a_file_are_read_only() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let id = "6f1f4b4c-4f09-4e51-8a5c-6a3f3f6d7b11";
    let needs = json!([need(json!({"id": id}))]);
    std::fs::write(file.path(), needs.to_string()).unwrap();
    let arguments = [("--aiida-data-needs", file.path().display().to_string())];
    let site = Site::start_with(&arguments, Context::new()).await;
    let list = site.get("/api/v1/data-needs").await.ok(200);
    assert_eq!(list["keptIn"], "file");
    assert_eq!(list["dataNeeds"].as_array().map(Vec::len), Some(1));
    let path = format!("/api/v1/data-needs/{id}");
    assert_eq!(site.get(&path).await.ok(200)["id"], Value::from(id));
    for (method, path) in [
        (Method::POST, "/api/v1/data-needs"),
        (Method::PUT, path.as_str()),
        (Method::DELETE, path.as_str()),
    ] {
        let refused = site
            .send(method, path, &need(json!({"id": id})))
            .await
            .refused(409);
        assert!(refused.contains("METERGATE_AIIDA_DATA_NEEDS"), "{refused}");
    }
    site.sent(id, "customer-1").await;
    assert_eq!(site.count("aiida.data_need").await, 0);
}

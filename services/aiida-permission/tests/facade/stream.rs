//! The status message stream that `Location` names.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::site::{CONNECTION, DEADLINE, FULL, RAW, Site, handshake, read};

/// The messages of a stream as they come.
struct Messages {
    response: Response,
    rest: String,
}

impl Messages {
    async fn next(&mut self) -> Value {
        let next = async {
            loop {
                if let Some((event, rest)) = self.rest.split_once("\n\n") {
                    let (event, rest) = (event.to_owned(), rest.to_owned());
                    self.rest = rest;
                    if let Some(data) = event.strip_prefix("data: ") {
                        return serde_json::from_str(data).unwrap();
                    }
                    continue;
                }
                let chunk = self
                    .response
                    .chunk()
                    .await
                    .unwrap()
                    .expect("the stream has ended");
                self.rest += std::str::from_utf8(&chunk).unwrap();
            }
        };
        tokio::time::timeout(DEADLINE, next)
            .await
            .expect("a message")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_status_comes_once_and_the_stream_ends_with_the_service() {
    let site = Site::start().await;
    let body = json!({"connectionId": CONNECTION, "dataNeedIds": [FULL, RAW]});
    let asked = site
        .ask(
            Method::POST,
            "/region-connectors/aiida/permission-request",
            None,
            Some(&body),
        )
        .await;
    let location = asked.header("location").to_owned();
    let code: permission::code::Bundle = serde_json::from_str(&asked.body).unwrap();
    let ids = &code.permission_ids;
    assert_eq!(
        location,
        format!(
            "/api/connection-status-messages?permission-id={}&permission-id={}",
            ids[0], ids[1]
        )
    );
    let request = site
        .http
        .get(site.url(&location))
        .bearer_auth(&code.access_token);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    let mut messages = Messages {
        response,
        rest: String::new(),
    };
    for id in ids {
        let first = messages.next().await;
        assert_eq!(first["permissionId"], json!(id));
        assert_eq!(first["status"], "SENT_TO_PERMISSION_ADMINISTRATOR");
        assert_eq!(first["connectionId"], CONNECTION);
        assert_eq!(first["dataSourceInformation"]["regionConnectorId"], "aiida");
    }
    // Another's change is not told.
    site.accepted(FULL).await;
    site.patch(&handshake(&code, 0), &code.access_token, "ACCEPT")
        .await;
    let accepted = messages.next().await;
    assert_eq!(
        (&accepted["permissionId"], &accepted["status"]),
        (&json!(ids[0]), &json!("ACCEPTED"))
    );
    site.patch(&handshake(&code, 1), &code.access_token, "REJECT")
        .await;
    let rejected = messages.next().await;
    assert_eq!(
        (&rejected["permissionId"], &rejected["status"]),
        (&json!(ids[1]), &json!("REJECTED"))
    );
    site.context.shutdown.begin_soft();
    let ended = async { while let Ok(Some(_)) = messages.response.chunk().await {} };
    tokio::time::timeout(Duration::from_secs(10), ended)
        .await
        .expect("the stream ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_for_whoever_asked() {
    let site = Site::start().await;
    let code = site.request(&[FULL]).await;
    let other = site.request(&[FULL]).await;
    let path = |id: &str| format!("/api/connection-status-messages?permission-id={id}");
    let own = code.permission_ids[0].to_string();
    let both = format!("{own},{}", other.permission_ids[0]);
    for (status, path, token) in [
        (401, path(&own), None),
        (401, path(&own), Some("garbage")),
        (403, path(&own), Some(other.access_token.as_str())),
        (403, path(&both), Some(code.access_token.as_str())),
        (400, path("x"), Some(code.access_token.as_str())),
        (
            400,
            "/api/connection-status-messages".to_owned(),
            Some(code.access_token.as_str()),
        ),
    ] {
        let mut request = site.http.get(site.url(&path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = read(request.send().await.unwrap()).await;
        assert_eq!(
            (answer.status, answer.errors().len()),
            (status, 1),
            "{path}"
        );
    }
}

//! The token endpoint, and what tokens are good for.

use jiff::SignedDuration;
use serde_json::Value;

use crate::harness::{
    BULK, CALLBACK, CLIENT_ID, OTHER_ID, OTHER_SECRET, REGISTRATION, SECRET, Sandbox, back, json,
    text, tokens,
};

#[tokio::test]
async fn parameters_may_come_in_the_body_or_in_the_query() {
    let sandbox = Sandbox::start();
    let code = sandbox.click_through("fable", &[]).await["code"].clone();
    let query = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
    ];
    let request = sandbox
        .http
        .post(sandbox.token_url())
        .basic_auth(CLIENT_ID, Some(SECRET));
    let response = request.query(&query).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let body = json(response).await;
    assert_eq!(
        (&body["token_type"], &body["expires_in"]),
        (&Value::from("Bearer"), &Value::from(3_600))
    );
    let id = tokens(&body).id;
    assert_eq!(
        text(&body, "resourceURI"),
        sandbox.resource(&format!("Batch/Subscription/{id}"))
    );
    assert_eq!(
        text(&body, "authorizationURI"),
        sandbox.resource(&format!("Authorization/{id}"))
    );
    let url = sandbox.token_url().replace("/oauth/", "/test/oauth/");
    let request = sandbox.http.post(url).basic_auth(CLIENT_ID, Some(SECRET));
    let response = request
        .form(&[("grant_type", "client_credentials")])
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn answers_come_in_their_other_forms_by_option() {
    let sandbox = Sandbox::start_with(&[("--expires-in", "string"), ("--client-token", "xml")]);
    let code = sandbox.click_through("fable", &[]).await["code"].clone();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
    ];
    assert_eq!(
        json(sandbox.token_request(&form).await).await["expires_in"],
        "3600"
    );
    let xml = sandbox
        .token_request(&[("grant_type", "client_credentials")])
        .await
        .bytes()
        .await
        .unwrap();
    let token = espi::client_token::parse(&xml).unwrap();
    assert_eq!(token.expires_in, Some(3_600));
    assert_eq!(
        sandbox
            .status("ReadServiceStatus", &token.client_access_token)
            .await,
        200
    );
}

#[tokio::test]
async fn faults_have_the_codes_of_the_standard() {
    let sandbox = Sandbox::start();
    let code = sandbox.click_through("fable", &[]).await["code"].clone();
    for (form, error) in [
        (vec![], "invalid_request"),
        (vec![("grant_type", "password")], "unsupported_grant_type"),
        (
            vec![("grant_type", "authorization_code")],
            "invalid_request",
        ),
        (
            vec![
                ("grant_type", "authorization_code"),
                ("code", "guessed"),
                ("redirect_uri", CALLBACK),
            ],
            "invalid_grant",
        ),
        (
            vec![
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", "https://x.example.test/"),
            ],
            "invalid_grant",
        ),
        (
            vec![
                ("grant_type", "refresh_token"),
                ("refresh_token", "guessed"),
            ],
            "invalid_grant",
        ),
        (
            vec![
                ("grant_type", "client_credentials"),
                ("grant_type", "client_credentials"),
            ],
            "invalid_request",
        ),
    ] {
        let response = sandbox.token_request(&form).await;
        assert_eq!(response.status(), 400, "{form:?}");
        assert_eq!(json(response).await["error"], error, "{form:?}");
    }
    let form = [("grant_type", "client_credentials")];
    for request in [
        sandbox
            .http
            .post(sandbox.token_url())
            .basic_auth(CLIENT_ID, Some("wrong")),
        sandbox.http.post(sandbox.token_url()),
    ] {
        let response = request.form(&form).send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert!(response.headers().contains_key("www-authenticate"));
        assert_eq!(json(response).await["error"], "invalid_client");
    }
    // Another third party cannot use the code, and the attempt does not spoil it.
    let other = sandbox.certificates.http(Some(&sandbox.certificates.other));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
    ];
    let request = other
        .post(sandbox.token_url())
        .basic_auth(OTHER_ID, Some(OTHER_SECRET));
    assert_eq!(
        json(request.form(&form).send().await.unwrap()).await["error"],
        "invalid_grant"
    );
    sandbox.exchange(&code).await;
}

#[tokio::test]
async fn codes_and_tokens_expire() {
    let sandbox = Sandbox::start();
    let code = sandbox.click_through("fable", &[]).await["code"].clone();
    sandbox.clock.advance(SignedDuration::from_secs(600));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
    ];
    assert_eq!(
        json(sandbox.token_request(&form).await).await["error"],
        "invalid_grant"
    );
    let tokens_now = sandbox.authorize("fable").await;
    let path = format!("Subscription/{}/UsagePoint", tokens_now.id);
    sandbox.clock.advance(SignedDuration::from_secs(3_599));
    assert_eq!(sandbox.status(&path, &tokens_now.access).await, 200);
    sandbox.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(sandbox.status(&path, &tokens_now.access).await, 401);
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens_now.refresh.as_str()),
    ];
    let fresh = tokens(&json(sandbox.token_request(&form).await).await);
    assert_eq!(fresh.id, tokens_now.id);
    assert_eq!(sandbox.status(&path, &fresh.access).await, 200);
    assert_eq!(
        json(sandbox.token_request(&form).await).await["error"],
        "invalid_grant",
        "rotated"
    );
    sandbox.clock.advance(SignedDuration::from_hours(24 * 365));
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", fresh.refresh.as_str()),
    ];
    assert_eq!(
        json(sandbox.token_request(&form).await).await["error"],
        "invalid_grant",
        "a year old"
    );
}

#[tokio::test]
async fn a_replayed_code_revokes_what_it_gave() {
    let sandbox = Sandbox::start();
    let code = sandbox.click_through("fable", &[]).await["code"].clone();
    let issued = sandbox.exchange(&code).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
    ];
    assert_eq!(
        json(sandbox.token_request(&form).await).await["error"],
        "invalid_grant"
    );
    let path = format!("Subscription/{}/UsagePoint", issued.id);
    assert_eq!(sandbox.status(&path, &issued.access).await, 401);
}

#[tokio::test]
async fn each_class_opens_its_own_doors() {
    let sandbox = Sandbox::start();
    let (issued, client) = (
        sandbox.authorize("fable").await,
        sandbox.client_token().await,
    );
    let (id, point) = (issued.id, sandbox.point("fable", 0));
    let of_client = [
        "ReadServiceStatus".to_owned(),
        "DownloadSampleData".to_owned(),
        "Authorization".to_owned(),
        format!("Authorization/{id}"),
    ];
    let of_customer = [
        format!("Subscription/{id}/UsagePoint"),
        format!("Subscription/{id}/UsagePoint/{point}"),
        format!("Subscription/{id}/UsagePoint/{point}/MeterReading"),
        format!("Subscription/{id}/UsagePoint/{point}/UsageSummary"),
        format!(
            "Batch/Subscription/{id}/UsagePoint/{point}?published-min=2026-11-01T08:00:00Z&published-max=2026-11-02T08:00:00Z"
        ),
        format!("Batch/RetailCustomer/{id}"),
        "ReadingType".to_owned(),
        "LocalTimeParameters/1".to_owned(),
    ];
    for path in &of_client {
        assert_eq!(sandbox.status(path, &client).await, 200, "{path}");
        assert_eq!(sandbox.status(path, &issued.access).await, 403, "{path}");
    }
    for path in &of_customer {
        assert_eq!(sandbox.status(path, &issued.access).await, 200, "{path}");
        assert_eq!(sandbox.status(path, &client).await, 403, "{path}");
    }
    let deferred = [
        (format!("Batch/Bulk/{BULK}"), &client, &issued.access),
        (format!("Batch/Subscription/{id}"), &issued.access, &client),
    ];
    for (path, good, wrong) in deferred {
        assert_eq!(sandbox.status(&path, good).await, 202, "{path}");
        assert_eq!(sandbox.status(&path, wrong).await, 403, "{path}");
    }
    let registration = format!("ApplicationInformation/{BULK}");
    assert_eq!(sandbox.status(&registration, REGISTRATION).await, 200);
    assert_eq!(sandbox.status(&registration, &client).await, 403);
    for path in of_client.iter().chain(&of_customer) {
        for token in ["guessed", &issued.refresh] {
            assert_eq!(sandbox.status(path, token).await, 401, "{path}");
        }
    }
    let nobody = sandbox
        .http
        .get(sandbox.resource("ReadServiceStatus"))
        .send()
        .await
        .unwrap();
    assert_eq!(nobody.status(), 401);
    assert_eq!(nobody.text().await.unwrap(), "", "a bare status");
    let foreign = sandbox.authorize("awkward").await;
    assert_eq!(
        sandbox.status(&of_customer[0], &foreign.access).await,
        403,
        "another customer's"
    );
}

#[tokio::test]
async fn the_onboarding_test_passes() {
    let sandbox = Sandbox::start();
    let token = sandbox.client_token().await;
    let status = sandbox
        .get("ReadServiceStatus", &token)
        .await
        .bytes()
        .await
        .unwrap();
    let status = espi::service_status::parse(&status).unwrap();
    assert_eq!(status, espi::service_status::ServiceStatus::Up);
    let sample = sandbox
        .get("DownloadSampleData", &token)
        .await
        .bytes()
        .await
        .unwrap();
    assert_eq!(crate::harness::read(&sample).len(), 4);
    let url = format!(
        "{}/datacustodian/test/oauth/v2/authorize",
        sandbox.custodian.api_base
    );
    let query = [
        ("client_id", CLIENT_ID),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("state", "s"),
    ];
    let back = back(&sandbox.http.get(url).query(&query).send().await.unwrap());
    assert_eq!(back["state"], "s");
    sandbox.exchange(&back["code"]).await;
}

#[tokio::test]
async fn an_expired_token_may_be_403_by_option() {
    let sandbox = Sandbox::start_with(&[("--expired", "403")]);
    let client = sandbox.client_token().await;
    sandbox.clock.advance(SignedDuration::from_secs(3_600));
    assert_eq!(sandbox.status("ReadServiceStatus", &client).await, 403);
    assert_eq!(sandbox.status("ReadServiceStatus", "guessed").await, 401);
}

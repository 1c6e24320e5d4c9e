//! Which pages may ask, and what a request becomes.

use reqwest::Method;
use serde_json::json;

use crate::site::{CONNECTION, FULL, INBOUND, Options, RAW, Site, read};

const PATH: &str = "/region-connectors/aiida/permission-request";

async fn with_origins() -> Site {
    Site::start_with(Options {
        arguments: vec![(
            "--aiida-origins",
            "https://party.example,http://127.0.0.1:9000".to_owned(),
        )],
        ..Options::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_party_may_ask_and_others_may_not() {
    let site = with_origins().await;
    let preflight = async |origin: &str, method: &str, path: &str| {
        let request = site
            .http
            .request(Method::OPTIONS, site.url(path))
            .header("origin", origin)
            .header("access-control-request-method", method)
            .header("access-control-request-headers", "content-type");
        read(request.send().await.unwrap()).await
    };
    for origin in ["https://party.example", "http://127.0.0.1:9000"] {
        let answer = preflight(origin, "POST", PATH).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("access-control-allow-origin"), origin);
        assert_eq!(answer.header("access-control-allow-methods"), "POST");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
    let home = format!("{PATH}/3f1c6d5a-7c1e-4a7e-9d55-2b8a4f0e1aff");
    for (origin, method, path) in [
        ("https://evil.example", "POST", PATH),
        ("https://party.example.evil.example", "POST", PATH),
        ("http://party.example", "POST", PATH),
        ("null", "POST", PATH),
        ("https://party.example", "PATCH", PATH),
        ("https://party.example", "PATCH", home.as_str()),
        ("https://party.example", "GET", "/permissions/new"),
    ] {
        let answer = preflight(origin, method, path).await;
        assert!(
            answer.status >= 400,
            "{origin} {method} {path}: {}",
            answer.status
        );
        let allowed = answer.header("access-control-allow-methods");
        assert_eq!(allowed, "", "{origin} {method} {path}");
    }

    let body = json!({"connectionId": CONNECTION, "dataNeedIds": [FULL]});
    let post = async |origin: &str| {
        let request = site.http.post(site.url(PATH)).header("origin", origin);
        read(request.json(&body).send().await.unwrap()).await
    };
    let own = post("https://party.example").await;
    assert_eq!(own.status, 201);
    assert_eq!(
        own.header("access-control-allow-origin"),
        "https://party.example"
    );
    assert!(
        own.header("access-control-expose-headers")
            .contains("location")
    );
    let refused = site
        .http
        .post(site.url(PATH))
        .header("origin", "https://party.example");
    let refused = read(refused.json(&json!({})).send().await.unwrap()).await;
    assert_eq!((refused.status, refused.errors().len()), (400, 2));
    assert_eq!(
        refused.header("access-control-allow-origin"),
        "https://party.example"
    );
    let foreign = post("https://evil.example").await;
    assert_eq!(foreign.header("access-control-allow-origin"), "");
    let counted = "SELECT count(*) FROM aiida.permission";
    assert_eq!(
        site.texts(counted).await,
        ["1"],
        "what no page may read is not done, either"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_origins_no_browser_may_ask() {
    let site = Site::start().await;
    let request = site
        .http
        .post(site.url(PATH))
        .header("origin", "https://party.example");
    let body = json!({"connectionId": CONNECTION, "dataNeedIds": [FULL]});
    let answer = read(request.json(&body).send().await.unwrap()).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
    // A server is no browser.
    assert_eq!(
        site.ask(Method::POST, PATH, None, Some(&body)).await.status,
        201
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_becomes_one_permission_per_data_need() {
    let site = Site::start().await;
    let body = json!({"connectionId": CONNECTION, "dataNeedIds": [RAW, FULL, RAW, INBOUND], "meterId": "meter-1"});
    let answer = site.ask(Method::POST, PATH, None, Some(&body)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let code: permission::code::Bundle = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        code.permission_ids.len(),
        3,
        "asked for twice is asked for once"
    );
    let mut needs = Vec::new();
    for id in &code.permission_ids {
        let kept = format!("SELECT data_need_id FROM aiida.permission WHERE id = '{id}'");
        needs.extend(site.texts(&kept).await);
        assert_eq!(
            site.history(&id.to_string()).await,
            [
                "CREATED request",
                "VALIDATED request",
                "SENT_TO_PERMISSION_ADMINISTRATOR request"
            ]
        );
    }
    assert_eq!(needs, [RAW, FULL, INBOUND], "in the order asked for");
    let kept = site
        .texts(
            "SELECT concat_ws(' ', count(*), count(DISTINCT bundle_id), min(connection_id), min(meter_id), count(sent_at))
                    FROM aiida.permission",
        )
        .await;
    assert_eq!(kept, [format!("3 1 {CONNECTION} meter-1 3")]);
}

/// What the household agrees to is what it was asked for, whatever becomes of the data need.
#[tokio::test(flavor = "multi_thread")]
async fn data_needs_of_the_table_are_copied() {
    let site = Site::start_with(Options {
        arguments: vec![("--aiida-data-needs", String::new())],
        ..Options::default()
    })
    .await;
    let all: serde_json::Value = serde_json::from_str(include_str!("data-needs.json")).unwrap();
    let document = all[0].to_string().replace('\'', "''");
    let insert =
        format!("INSERT INTO aiida.data_need (id, document) VALUES ('{FULL}', '{document}')");
    site.sql(&insert).await;
    let code = site.request(&[FULL]).await;
    site.sql("UPDATE aiida.data_need SET document = jsonb_set(document, '{name}', '\"Another\"')")
        .await;
    let url = crate::site::handshake(&code, 0);
    let details = site
        .ask(Method::GET, &url, Some(&code.access_token), None)
        .await;
    assert_eq!(details.json()["data_need"]["name"], "Live consumption");
}

const CREATED: &str = "SELECT 'x' FROM aiida.permission";

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_turned_away_when_too_many_are_open() {
    let site = Site::start_with(Options {
        arguments: vec![("--aiida-open-permissions", "3".to_owned())],
        ..Options::default()
    })
    .await;
    let rejected = site.request(&[FULL]).await;
    let accepted = site.request(&[FULL]).await;
    site.request(&[FULL]).await;
    let body = json!({"connectionId": CONNECTION, "dataNeedIds": [FULL]});
    let full = site.ask(Method::POST, PATH, None, Some(&body)).await;
    assert_eq!(full.status, 429);
    assert_eq!(full.header("retry-after"), "600");
    let words = full.errors().concat();
    assert!(
        words.contains("try again later") && words.contains("METERGATE_AIIDA_OPEN_PERMISSIONS")
    );
    let page = format!("/permissions/new?dataNeedId={FULL}&connectionId={CONNECTION}");
    let shown = site.ask(Method::POST, &page, None, None).await;
    assert_eq!(shown.status, 429);
    assert!(shown.body.contains("try again later today"));
    assert_eq!(site.texts(CREATED).await.len(), 3);

    // Homes go on answering, and each answer makes room.
    for (code, operation) in [(&rejected, "REJECT"), (&accepted, "ACCEPT")] {
        let url = crate::site::handshake(code, 0);
        let answer = site.patch(&url, &code.access_token, operation).await;
        assert!(answer.status < 300, "{operation}: {}", answer.body);
    }
    site.request(&[FULL]).await;
    let shown = site.ask(Method::POST, &page, None, None).await;
    assert_eq!(shown.status, 303, "{}", shown.body);
    // A household that asks again is a stranger, too.
    let again = format!("{}/again", shown.header("location"));
    site.sql("UPDATE aiida.permission SET status = 'SENT_TO_PERMISSION_ADMINISTRATOR'")
        .await;
    site.sql("UPDATE aiida.permission SET status = 'REJECTED' WHERE ticket_hash IS NOT NULL")
        .await;
    let answer = site.ask(Method::POST, &again, None, None).await;
    assert_eq!(answer.status, 429, "{}", answer.body);
    assert_eq!(site.texts(CREATED).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_can_leave_asking_to_the_party() {
    let site = Site::start_with(Options {
        arguments: vec![("--aiida-public-requests", "false".to_owned())],
        ..Options::default()
    })
    .await;
    let body = json!({"connectionId": CONNECTION, "dataNeedIds": [FULL]});
    let answer = site.ask(Method::POST, PATH, None, Some(&body)).await;
    assert_eq!((answer.status, answer.errors().len()), (403, 1));
    let page = format!("/permissions/new?dataNeedId={FULL}&connectionId={CONNECTION}");
    for method in [Method::GET, Method::POST] {
        let answer = site.ask(method, &page, None, None).await;
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(answer.header("content-type").starts_with("text/html"));
    }
    assert!(site.texts(CREATED).await.is_empty());
}

//! Whoever should not get in, and what makes no sense.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::site::{CONNECTION, FULL, KEY, Site, assert_not_logged, handshake};

/// A token with our key, as somebody could make who has it.
fn signed(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let body = format!(
        "{}.{}",
        part(&json!({"typ": "JWT", "alg": "HS256"})),
        part(claims)
    );
    let key = STANDARD.decode(KEY).unwrap();
    let mac = Hmac::<Sha256>::new_from_slice(&key)
        .unwrap()
        .chain_update(&body);
    format!(
        "{body}.{}",
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_for_its_permissions_and_its_time() {
    let site = Site::start().await;
    let code = site.request(&[FULL]).await;
    let other = site.request(&[FULL]).await;
    let url = handshake(&code, 0);
    let id = code.permission_ids[0].to_string();
    let claims = |exp: i64, code: &str| json!({"iat": 1, "exp": exp, "permissions": {"aiida": [&id]}, "code": code});
    let none = {
        let parts: Vec<&str> = code.access_token.split('.').collect();
        let head = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"none"}"#);
        format!("{head}.{}.", parts[1])
    };
    let wrong: [(u16, Option<String>); 9] = [
        (401, None),
        (401, Some(String::new())),
        (401, Some("garbage".to_owned())),
        (401, Some(none)),
        (401, Some(format!("{}x", code.access_token))),
        (401, Some(signed(&claims(1, "bundle")))),
        (401, Some(signed(&claims(9_999_999_999, "another")))),
        (
            401,
            Some(signed(
                &json!({"iat": 1, "permissions": {"aiida": [&id]}, "code": "bundle"}),
            )),
        ),
        (403, Some(other.access_token.clone())),
    ];
    for (status, token) in &wrong {
        for method in [Method::GET, Method::PATCH] {
            let body = json!({"operation": "ACCEPT", "aiidaId": id});
            let body = (method == Method::PATCH).then_some(&body);
            let answer = site.ask(method, &url, token.as_deref(), body).await;
            assert_eq!(answer.status, *status, "{token:?}");
            assert_eq!(answer.errors().len(), 1);
            let challenge = answer.header("www-authenticate");
            assert_eq!(challenge, if *status == 401 { "Bearer" } else { "" });
        }
    }
    let known = signed(&claims(9_999_999_999, "bundle"));
    assert_eq!(
        site.ask(Method::GET, &url, Some(&known), None).await.status,
        200
    );
    assert_eq!(site.status(&id).await, "SENT_TO_PERMISSION_ADMINISTRATOR");
    assert!(
        site.texts("SELECT 'x' FROM aiida.credential")
            .await
            .is_empty()
    );
    // Erased by the operator.
    site.sql("DELETE FROM aiida.permission").await;
    let gone = site.ask(Method::GET, &url, Some(&known), None).await;
    assert_eq!((gone.status, gone.errors().len()), (404, 1));
    assert_not_logged(&[&code.access_token, &known]);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_make_no_sense_store_nothing() {
    let site = Site::start().await;
    let path = "/region-connectors/aiida/permission-request";
    let unknown = "3f1c6d5a-7c1e-4a7e-9d55-2b8a4f0e1aff";
    let (disabled, over) = (crate::site::DISABLED, crate::site::OVER);
    let cases = [
        json!({}),
        json!({"connectionId": " ", "dataNeedIds": [FULL]}),
        json!({"connectionId": CONNECTION, "dataNeedIds": []}),
        json!({"connectionId": CONNECTION}),
        json!({"connectionId": CONNECTION, "dataNeedIds": ["not-a-uuid"]}),
        json!({"connectionId": CONNECTION, "dataNeedIds": [unknown]}),
        json!({"connectionId": CONNECTION, "dataNeedIds": [FULL, unknown]}),
        json!({"connectionId": CONNECTION, "dataNeedIds": [disabled]}),
        json!({"connectionId": CONNECTION, "dataNeedIds": [over]}),
        json!({"connectionId": CONNECTION, "dataNeedIds": "x"}),
        json!({"connectionId": 17, "dataNeedIds": [FULL]}),
        json!({"connectionId": "c".repeat(257), "dataNeedIds": [FULL]}),
        json!({"connectionId": "a\u{0}b", "dataNeedIds": [FULL]}),
        json!([]),
        json!("text"),
    ];
    let mut shown = Vec::new();
    for body in &cases {
        let answer = site.ask(Method::POST, path, None, Some(body)).await;
        assert_eq!(answer.status, 400, "{body}");
        shown.push(answer.errors().join(" | "));
    }
    insta::assert_snapshot!("nonsense", shown.join("\n"));
    assert!(!shown.join("").contains(CONNECTION));

    let post = |kind: &'static str, body: Vec<u8>| {
        let request = site.http.post(site.url(path)).header("content-type", kind);
        async { crate::site::read(request.body(body).send().await.unwrap()).await }
    };
    let good = json!({"connectionId": CONNECTION, "dataNeedIds": [FULL]}).to_string();
    for (status, kind, body) in [
        (400, "application/json", b"{\"connectionId\":".to_vec()),
        (400, "application/json", Vec::new()),
        (400, "application/json", vec![0xff, 0xfe]),
        (413, "application/json", vec![b' '; 20_000]),
        (415, "text/plain", good.clone().into_bytes()),
        (415, "multipart/form-data; boundary=x", good.into_bytes()),
    ] {
        let answer = post(kind, body).await;
        assert_eq!(answer.status, status, "{kind}: {}", answer.body);
        assert_eq!(answer.errors().len(), 1);
    }
    let stored = "SELECT 'x' FROM aiida.permission UNION ALL SELECT kind FROM jobs.job WHERE kind LIKE 'webhook.%' OR kind ~ 'grant|revoke|command'";
    assert_eq!(site.texts(stored).await, Vec::<String>::new());
    assert_not_logged(&[CONNECTION]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_the_same_shape() {
    let site = Site::start().await;
    let code = site.request(&[FULL]).await;
    let (url, token) = (handshake(&code, 0), Some(code.access_token.as_str()));
    let base = "/region-connectors/aiida/permission-request";
    for (status, method, path) in [
        (404, Method::GET, "/region-connectors/aiida/nothing"),
        (404, Method::GET, "/region-connectors/aiida"),
        (
            404,
            Method::GET,
            "/region-connectors/aiida/permission-request/not-a-uuid",
        ),
        (
            404,
            Method::POST,
            "/region-connectors/aiida/permission-request/x/y",
        ),
        (405, Method::GET, base),
        (405, Method::PUT, base),
        (405, Method::DELETE, base),
        (405, Method::POST, url.as_str()),
        (405, Method::DELETE, url.as_str()),
    ] {
        let answer = site.ask(method.clone(), path, token, None).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert_eq!(answer.errors().len(), 1);
        assert_eq!(answer.header("allow").is_empty(), status != 405);
    }
    for body in [
        json!({}),
        json!({"operation": "CREATE"}),
        json!({"operation": 1}),
        json!({"operation": "accept", "aiidaId": url}),
        json!({"operation": "ACCEPT", "aiidaId": "not-a-uuid"}),
        json!([]),
    ] {
        let answer = site.ask(Method::PATCH, &url, token, Some(&body)).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
        assert_eq!(answer.errors().len(), 1);
    }
    let id = code.permission_ids[0].to_string();
    assert_eq!(site.status(&id).await, "SENT_TO_PERMISSION_ADMINISTRATOR");
}

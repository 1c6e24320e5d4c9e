//! The token endpoint, in every form it takes and gives.

use service_kit::secret::ExposeSecret;
use smd_client::{Error, Secret, TokenForm};

use crate::server::{Custodian, Reply, TOKEN};

const GRANTED: &str = r#"{"token_type":"Bearer","access_token":"at","refresh_token":"rt","expires_in":"3600",
    "scope":"FB=1_3_4_5;IntervalDuration=900_3600;",
    "resourceURI":"https://api.pge.com/GreenButtonConnect/espi/1_1/resource/Batch/Subscription/52111",
    "authorizationURI":"https://api.pge.com/GreenButtonConnect/espi/1_1/resource/Authorization/52111"}"#;

#[test]
fn the_browser_is_sent_to_the_authorization_page() {
    let custodian = Custodian::start(|_| Reply::status(500));
    let url = custodian.client().authorize_url("one time/state");
    assert!(
        url.as_str().starts_with(&custodian.config().authorize_url),
        "{url}"
    );
    let pairs: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    let expected = [
        ("client_id", "example-client"),
        ("login", "guest"),
        ("redirect_uri", "https://energy.example.com/OAuthCallback"),
        ("response_type", "code"),
        ("state", "one time/state"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(pairs, expected.into_iter().collect());

    let client = custodian.client_with(|it| {
        it.authorization_scope = Some("PreferredAuthEndDate=1893456000".into());
        it.authorize_url.push_str("?vendor=7");
    });
    let url = client.authorize_url("s");
    assert!(url.query().unwrap().starts_with("vendor=7&"), "{url}");
    assert!(
        url.query_pairs()
            .any(|(name, value)| name == "scope" && value == "PreferredAuthEndDate=1893456000")
    );
}

#[tokio::test]
async fn a_code_is_exchanged_in_the_form_with_our_certificate() {
    let custodian = Custodian::start(|_| Reply::json(200, GRANTED));
    let tokens = custodian
        .client()
        .exchange_code(&"the+code".into())
        .await
        .unwrap();
    assert_eq!(tokens.access_token.expose_secret(), "at");
    assert_eq!(tokens.refresh_token.expose_secret(), "rt");
    assert_eq!(tokens.expires_in.as_secs(), 3600);
    assert_eq!(
        tokens.scope.as_deref(),
        Some("FB=1_3_4_5;IntervalDuration=900_3600;")
    );
    assert_eq!(tokens.subscription().unwrap().as_str(), "52111");
    assert_eq!(tokens.authorization().unwrap().as_str(), "52111");
    let printed = format!("{tokens:?}");
    assert!(
        !printed.contains("\"at\"") && !printed.contains("52111"),
        "{printed}"
    );

    let seen = &custodian.seen()[0];
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("POST", TOKEN)
    );
    assert!(seen.certificate.is_some());
    assert_eq!(
        seen.header("content-type"),
        "application/x-www-form-urlencoded"
    );
    // "example-client:s3cret/with+signs", unescaped.
    assert_eq!(
        seen.header("authorization"),
        "Basic ZXhhbXBsZS1jbGllbnQ6czNjcmV0L3dpdGgrc2lnbnM="
    );
    let form = seen.form();
    assert_eq!(form["grant_type"], "authorization_code");
    assert_eq!(form["code"], "the+code");
    assert_eq!(
        form["redirect_uri"],
        "https://energy.example.com/OAuthCallback"
    );
    assert_eq!(form.len(), 3);
}

#[tokio::test]
async fn each_code_has_a_connection_of_its_own() {
    let custodian = Custodian::start(|_| Reply::json(200, GRANTED));
    let client = custodian.client();
    for code in ["one", "two", "three"] {
        client.exchange_code(&code.into()).await.unwrap();
    }
    let connections: Vec<usize> = custodian.seen().iter().map(|it| it.connection).collect();
    assert_eq!(connections, [0, 1, 2]);
}

#[tokio::test]
async fn parameters_travel_in_the_query_when_configured() {
    let custodian = Custodian::start(|_| Reply::json(200, GRANTED));
    let client = custodian.client_with(|it| it.token_form = TokenForm::Query);
    client.refresh(&"r&t".into()).await.unwrap();
    let seen = &custodian.seen()[0];
    assert_eq!(
        seen.target,
        format!("{TOKEN}?grant_type=refresh_token&refresh_token=r%26t")
    );
    assert_eq!(
        (seen.body.as_str(), seen.header("content-length")),
        ("", "0")
    );
    assert!(seen.header("authorization").starts_with("Basic "));
}

#[tokio::test]
async fn a_refresh_brings_a_new_pair_or_keeps_the_old_refresh_token() {
    let custodian = Custodian::start(|seen| {
        let form = seen.form();
        assert_eq!(form["grant_type"], "refresh_token");
        match form["refresh_token"].as_str() {
            "first" => Reply::json(200, GRANTED),
            _ => Reply::json(200, r#"{"access_token":"next","expires_in":1800}"#),
        }
    });
    let client = custodian.client();
    let pair = client.refresh(&"first".into()).await.unwrap();
    assert_eq!(pair.refresh_token.expose_secret(), "rt");
    let single = client.refresh(&"second".into()).await.unwrap();
    assert_eq!(single.access_token.expose_secret(), "next");
    assert_eq!(single.refresh_token.expose_secret(), "second");
    assert_eq!(single.expires_in.as_secs(), 1800);
}

#[tokio::test]
async fn the_client_token_comes_as_json_or_xml_whatever_the_content_type_says() {
    for (content_type, body) in [
        (
            "application/json",
            r#"{"client_access_token":"cat","expires_in":"3600","scope":"FB=1"}"#,
        ),
        ("text/plain", r#"{"access_token":"cat"}"#),
        (
            "application/json",
            "<OAuthToken><client_access_token>cat</client_access_token><expires_in>3600</expires_in><token_type>Bearer</token_type></OAuthToken>",
        ),
        (
            "application/xml",
            "<?xml version=\"1.0\"?><t><client_access_token>cat</client_access_token></t>",
        ),
    ] {
        let custodian = Custodian::start(move |seen| {
            assert_eq!(seen.form()["grant_type"], "client_credentials");
            Reply::status(200)
                .header("content-type", content_type)
                .body(body)
        });
        let token = custodian.client().client_token().await.unwrap();
        assert_eq!(token.expose_secret(), "cat", "{content_type} {body}");
    }
}

#[tokio::test]
async fn the_client_token_is_kept_until_shortly_before_its_end() {
    let custodian = Custodian::with_tokens(|_| Reply::status(500));
    let client = custodian.client();
    let (first, second) = tokio::join!(client.client_token(), client.client_token());
    assert_eq!(
        first.unwrap().expose_secret(),
        second.unwrap().expose_secret()
    );
    custodian.clock.advance(jiff::SignedDuration::from_mins(58));
    assert_eq!(
        client.clone().client_token().await.unwrap().expose_secret(),
        "client-1"
    );
    custodian.clock.advance(jiff::SignedDuration::from_mins(2));
    assert_eq!(
        client.client_token().await.unwrap().expose_secret(),
        "client-2"
    );
    assert_eq!(custodian.seen().len(), 2);
}

async fn refused(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Error {
    let custodian = Custodian::start(move |_| reply());
    custodian
        .client()
        .exchange_code(&Secret::from("code"))
        .await
        .unwrap_err()
}

#[tokio::test]
async fn oauth_errors_keep_their_code() {
    let error = refused(|| {
        Reply::json(
            400,
            r#"{"error":"invalid_grant","error_description":"code is used up"}"#,
        )
    })
    .await;
    assert!(error.is_invalid_grant() && !error.is_transient(), "{error}");
    assert_eq!(
        error.to_string(),
        "token_exchange: the custodian answered invalid_grant: code is used up"
    );
    assert!(error.customer_words().contains("start again"));

    let error = refused(|| Reply::json(401, r#"{"error":"invalid_client"}"#)).await;
    assert!(
        matches!(&error, Error::OAuth { code, .. } if code == "invalid_client"),
        "{error}"
    );

    // Some gateways answer 200 with the error inside.
    let error = refused(|| Reply::json(200, r#"{"error":"invalid_grant"}"#)).await;
    assert!(error.is_invalid_grant(), "{error}");
}

#[tokio::test]
async fn the_gateway_and_other_troubles_are_told_apart() {
    let error = refused(|| Reply::json(400, "\"Invalid Certificate\"")).await;
    assert!(matches!(error, Error::InvalidCertificate { .. }), "{error}");
    assert!(
        error.to_string().contains("METERGATE_SMD_CERTIFICATE"),
        "{error}"
    );
    let error = refused(|| Reply::status(404).body("No listener for endpoint: /x")).await;
    assert!(matches!(error, Error::NoListener { .. }), "{error}");
    let error = refused(|| Reply::status(401)).await;
    assert!(error.is_unauthorized(), "{error}");
    let error = refused(|| Reply::status(200).body("<!DOCTYPE html><title>Maintenance")).await;
    assert!(
        matches!(error, Error::Html { .. }) && error.is_transient(),
        "{error}"
    );
    let error = refused(|| Reply::status(502)).await;
    assert!(
        matches!(error, Error::Server { status: 502, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn answers_without_what_is_needed_are_errors_that_quote_nothing() {
    for body in [
        "",
        "{}",
        "[]",
        "not json secret",
        r#"{"access_token":"","refresh_token":"secret"}"#,
        r#"{"access_token":"secret","expires_in":"secret"}"#,
        r#"{"access_token":"secret","refresh_token":"secret"}"#,
        r#"{"access_token":"secret","resourceURI":"https://h/Subscription/1","authorizationURI":"https://h/1"}"#,
        r#"{"access_token":"secret","refresh_token":"secret","resourceURI":"https://h/Subscription/1"}"#,
        r#"{"access_token":"secret","refresh_token":"secret","resourceURI":"https://h/..","authorizationURI":"https://h/1"}"#,
    ] {
        let error = refused(move || Reply::json(200, body)).await;
        assert!(matches!(error, Error::Malformed { .. }), "{body}: {error}");
        let printed = format!("{error} {error:?}");
        assert!(!printed.contains("secret"), "{printed}");
    }
}

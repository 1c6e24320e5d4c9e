//! Refusals: refreshed once, throttled, gone, cut off, late, and deletions that prove nothing.

use std::time::Duration;

use smd_client::{Bearer, Deletion, Error, Tokens, Wait};

use crate::server::{Custodian, CustomerTokens, RESOURCES, Reply};

const STATUS_UP: &str = r#"<n:ServiceStatus xmlns:n="http://naesb.org/espi"><n:currentStatus>1</n:currentStatus></n:ServiceStatus>"#;

/// What a customer's resource answered with `reply` comes to.
async fn outcome(reply: impl Fn() -> Reply + Send + Sync + 'static) -> (Error, Custodian) {
    let custodian = Custodian::start(move |_| reply());
    let error = custodian
        .client()
        .usage_points(&"52111".parse().unwrap(), &CustomerTokens::default())
        .await
        .unwrap_err();
    (error, custodian)
}

#[tokio::test]
async fn a_customers_token_is_refreshed_once_on_401_and_403() {
    for status in [401, 403] {
        let custodian = Custodian::start(move |seen| match seen.header("authorization") {
            "Bearer access-1" => Reply::xml(crate::readings::USAGE_POINTS),
            _ => Reply::status(status),
        });
        let tokens = CustomerTokens::default();
        let client = custodian.client();
        client
            .usage_points(&"52111".parse().unwrap(), &tokens)
            .await
            .unwrap();
        assert_eq!((tokens.refreshes(), custodian.seen().len()), (1, 2));
        assert_eq!(
            custodian.budget.admitted.lock().unwrap().len(),
            2,
            "each try takes a turn"
        );
    }
}

#[tokio::test]
async fn a_token_refused_twice_is_an_error_after_one_refresh() {
    for status in [401, 403] {
        let custodian = Custodian::start(move |_| Reply::status(status));
        let tokens = CustomerTokens::default();
        let client = custodian.client();
        let error = client
            .usage_points(&"5".parse().unwrap(), &tokens)
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::Unauthorized { status: it, .. } if it == status),
            "{error}"
        );
        assert!(!error.is_transient());
        assert_eq!((tokens.refreshes(), custodian.seen().len()), (1, 2));
    }
}

#[tokio::test]
async fn our_client_token_is_obtained_anew_once() {
    let custodian = Custodian::with_tokens(|seen| match seen.header("authorization") {
        "Bearer client-2" => Reply::xml(STATUS_UP),
        _ => Reply::status(403),
    });
    let client = custodian.client();
    client.service_status().await.unwrap();
    client.service_status().await.unwrap();
    let tokens = custodian
        .targets()
        .iter()
        .filter(|it| it.starts_with("POST"))
        .count();
    assert_eq!(
        (tokens, custodian.seen().len()),
        (2, 5),
        "{:?}",
        custodian.targets()
    );

    let hopeless = Custodian::with_tokens(|_| Reply::status(401));
    let error = hopeless.client().service_status().await.unwrap_err();
    assert!(error.is_unauthorized(), "{error}");
    assert_eq!(hopeless.seen().len(), 4);
}

#[tokio::test]
async fn for_a_refused_bulk_link_a_young_client_token_is_not_obtained_anew() {
    let custodian = Custodian::with_tokens(|_| Reply::status(403));
    let client = custodian.client();
    let link = client
        .own_link(&custodian.resource("Batch/Bulk/1?correlationID=1"))
        .unwrap();
    for requests in [2, 3] {
        let error = client.follow(&link, Bearer::Client).await.unwrap_err();
        assert!(error.is_unauthorized(), "{error}");
        assert_eq!(custodian.seen().len(), requests);
    }
    custodian.clock.advance(jiff::SignedDuration::from_mins(11));
    client.follow(&link, Bearer::Client).await.unwrap_err();
    assert_eq!(custodian.seen().len(), 6, "an older one may have expired");
}

#[tokio::test]
async fn throttling_tells_the_budget_when_to_go_on() {
    for (status, retry, expected) in [
        (429, Some("17"), Some(Duration::from_secs(17))),
        (
            503,
            Some("Sun, 08 Mar 2026 12:02:00 GMT"),
            Some(Duration::from_mins(2)),
        ),
        (429, None, None),
        (503, None, None),
    ] {
        let (error, custodian) = outcome(move || match retry {
            Some(retry) => Reply::status(status).header("retry-after", retry),
            None => Reply::status(status),
        })
        .await;
        assert!(
            matches!(error, Error::Throttled { .. }) && error.is_transient(),
            "{error}"
        );
        assert_eq!(error.retry_after(), expected);
        assert_eq!(*custodian.budget.throttled.lock().unwrap(), [expected]);
        assert_eq!(custodian.seen().len(), 1);
    }
}

#[tokio::test]
async fn nothing_is_sent_without_a_turn() {
    let custodian = Custodian::start(|_| Reply::status(500));
    let later = Duration::from_secs(40);
    *custodian.budget.refuse.lock().unwrap() = Some(later);
    let client = custodian.client();
    let error = client.exchange_code(&"code".into()).await.unwrap_err();
    assert!(error.is_transient());
    assert_eq!(error.retry_after(), Some(later), "{error}");
    assert!(custodian.seen().is_empty());

    *custodian.budget.refuse.lock().unwrap() = None;
    let patient = client.waiting(Wait::at_most(later));
    patient.exchange_code(&"code".into()).await.unwrap_err();
    client.exchange_code(&"code".into()).await.unwrap_err();
    let waits = [Wait::at_most(later), Wait::at_most(Duration::from_secs(5))];
    assert_eq!(*custodian.budget.admitted.lock().unwrap(), waits);
}

#[tokio::test]
async fn every_refusal_of_a_resource_has_its_error() {
    let error = outcome(|| Reply::json(400, "\"Invalid Certificate\""))
        .await
        .0;
    assert!(matches!(error, Error::InvalidCertificate { .. }), "{error}");
    let error = outcome(|| Reply::status(404).body("No listener for endpoint: /x"))
        .await
        .0;
    assert!(matches!(error, Error::NoListener { .. }), "{error}");
    let error = outcome(|| Reply::status(410)).await.0;
    assert!(
        matches!(error, Error::NotFound { status: 410, .. }),
        "{error}"
    );
    let error = outcome(|| Reply::status(400)).await.0;
    assert!(
        matches!(
            error,
            Error::Refused {
                status: 400,
                detail: None,
                ..
            }
        ),
        "{error}"
    );
    let error = outcome(|| Reply::status(500).body("<html>")).await.0;
    assert!(
        matches!(error, Error::Server { status: 500, .. }),
        "{error}"
    );
    let error = outcome(|| Reply::xml("<html><body>Back soon")).await.0;
    assert!(matches!(error, Error::Html { .. }), "{error}");
    let error = outcome(|| Reply::xml("  ")).await.0;
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
    let error = outcome(|| Reply::status(204)).await.0;
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
    let error = outcome(|| Reply::xml("<feed xmlns='http://www.w3.org/2005/Atom'><entry>"))
        .await
        .0;
    assert!(
        error.is_transient(),
        "a document that ends too early is worth another try: {error}"
    );
    let error = outcome(|| Reply::xml("{\"not\": \"xml\"}")).await.0;
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (error, custodian) =
        outcome(|| Reply::status(302).header("location", "https://evil.example/")).await;
    assert!(
        matches!(error, Error::Refused { status: 302, .. }),
        "{error}"
    );
    assert_eq!(custodian.seen().len(), 1);
}

#[tokio::test]
async fn a_small_document_that_is_cut_off_is_a_network_error() {
    let feed = "<feed xmlns='http://www.w3.org/2005/Atom'></feed>";
    for chunked in [false, true] {
        let error = outcome(move || {
            let reply = Reply::xml(feed).cut_at(20);
            if chunked { reply.chunked() } else { reply }
        })
        .await
        .0;
        assert!(
            matches!(error, Error::Network { .. }) && error.is_transient(),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_times_out() {
    let custodian = Custodian::start(|_| Reply::silence());
    let client = custodian.client_with(|it| it.request_timeout_seconds = 1);
    let error = client.exchange_code(&"code".into()).await.unwrap_err();
    assert!(
        matches!(error, Error::TimedOut { .. }) && error.is_transient(),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_listening_is_a_network_error() {
    let custodian = Custodian::start(|_| Reply::status(500));
    let closed = std::net::TcpListener::bind("localhost:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let client =
        custodian.client_with(|it| it.api_base_url = format!("https://localhost:{closed}"));
    let error = client.exchange_code(&"code".into()).await.unwrap_err();
    assert!(
        matches!(error, Error::Network { .. }) && error.is_transient(),
        "{error}"
    );
    assert!(
        !error.to_string().contains("/datacustodian"),
        "no address in errors: {error}"
    );
}

async fn deletion(reply: fn() -> Reply, seen_before: bool) -> Result<Deletion, Error> {
    let custodian = Custodian::with_tokens(move |_| reply());
    let uri = custodian.resource("Authorization/52111");
    let deleted = custodian
        .client()
        .delete_authorization(&uri, seen_before)
        .await;
    let expected = format!("DELETE {RESOURCES}/Authorization/52111");
    assert_eq!(custodian.targets().last(), Some(&expected));
    deleted
}

#[tokio::test]
async fn only_a_proven_end_counts_as_deleted() {
    for status in [
        || Reply::status(200),
        || Reply::status(204),
        || Reply::status(202),
    ] {
        assert_eq!(deletion(status, false).await.unwrap(), Deletion::Deleted);
    }
    for gone in [|| Reply::status(404), || Reply::status(410).body("gone")] {
        assert_eq!(deletion(gone, true).await.unwrap(), Deletion::AlreadyGone);
        let error = deletion(gone, false).await.unwrap_err();
        assert!(matches!(error, Error::DeletionUnproven { .. }), "{error}");
        assert!(error.to_string().contains("PGE_API_BASE_URL"), "{error}");
    }
    let gateway = || Reply::status(404).body("No listener for endpoint: /GreenButtonConnect");
    for seen_before in [true, false] {
        let error = deletion(gateway, seen_before).await.unwrap_err();
        assert!(matches!(error, Error::NoListener { .. }), "{error}");
    }
    let error = deletion(|| Reply::status(500), true).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn a_page_with_status_404_is_no_deletion() {
    for page in [
        || Reply::status(404).body("<!DOCTYPE html><h1>We will be back soon"),
        || Reply::status(410).header("content-type", "text/html; charset=utf-8"),
    ] {
        for seen_before in [true, false] {
            let error = deletion(page, seen_before).await.unwrap_err();
            assert!(
                matches!(error, Error::Html { .. }) && error.is_transient(),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn an_authorization_named_on_another_host_is_looked_up_on_ours() {
    let custodian = Custodian::with_tokens(|_| Reply::status(200));
    let client = custodian.client();
    client
        .delete_authorization("https://evil.example/espi/Authorization/52111", false)
        .await
        .unwrap();
    let other_prefix = format!(
        "https://localhost:{}/DataCustodian/Authorization/7",
        custodian.port
    );
    client
        .delete_authorization(&other_prefix, false)
        .await
        .unwrap();
    let deletions: Vec<_> = custodian
        .targets()
        .into_iter()
        .filter(|it| it.starts_with("DELETE"))
        .collect();
    assert_eq!(
        deletions,
        [
            format!("DELETE {RESOURCES}/Authorization/52111"),
            "DELETE /DataCustodian/Authorization/7".to_owned()
        ]
    );
    assert!(
        client
            .delete_authorization("https://evil.example/..", true)
            .await
            .is_err()
    );
}

/// A keeper of tokens whose database is away.
struct Broken;

#[async_trait::async_trait]
impl Tokens for Broken {
    async fn access(&self) -> Result<smd_client::Secret, Error> {
        Err(Error::tokens("the database is away"))
    }

    async fn refreshed(&self, _: &smd_client::Secret) -> Result<smd_client::Secret, Error> {
        self.access().await
    }
}

#[tokio::test]
async fn a_keeper_of_tokens_that_fails_is_heard() {
    let custodian = Custodian::start(|_| Reply::status(500));
    let client = custodian.client();
    let link = client
        .own_link(&custodian.resource("Batch/Bulk/1"))
        .unwrap();
    let error = client
        .follow(&link, Bearer::Customer(&Broken))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "no token: the database is away");
    assert!(custodian.seen().is_empty());
}

//! Documents that are somebody else's or something else, and answers that never end.

use std::time::{Duration, Instant};

use smd_client::Error;

use crate::server::{Custodian, CustomerTokens, Reply};

fn feed(namespace: &str, link: &str, content: &str) -> String {
    format!(
        r#"<a:feed xmlns:a="http://www.w3.org/2005/Atom" xmlns:e="{namespace}"><a:entry><a:link rel="self" href="{link}"/><a:content>{content}</a:content></a:entry></a:feed>"#
    )
}

const ESPI: &str = "http://naesb.org/espi";

#[tokio::test]
async fn another_authorization_than_was_asked_for_is_not_believed() {
    for (link, uri, believed) in [
        ("https://h/Authorization/7", None, true),
        ("https://h/Authorization/8", None, false),
        ("https://h/other/1", Some("https://h/Authorization/7"), true),
        (
            "https://h/other/1",
            Some("https://h/Authorization/8"),
            false,
        ),
    ] {
        let uri = uri.map(|uri| format!("<e:authorizationURI>{uri}</e:authorizationURI>"));
        let content = format!(
            "<e:Authorization><e:status>0</e:status>{}</e:Authorization>",
            uri.unwrap_or_default()
        );
        let body = feed(ESPI, link, &content);
        let custodian = Custodian::with_tokens(move |_| Reply::xml(&body));
        let uri = custodian.resource("Authorization/7");
        let found = custodian.client().authorization(&uri).await;
        assert_eq!(found.is_ok(), believed, "{link}: {found:?}");
    }
}

#[tokio::test]
async fn the_name_of_another_customer_is_not_taken() {
    for (link, taken) in [
        ("https://h/RetailCustomer/7/Customer/x", true),
        ("https://h/RetailCustomer/8/Customer/x", false),
        // Not a number: nothing to compare with.
        ("https://h/RetailCustomer/x/Customer/x", true),
        ("https://h/Customer/8", true),
    ] {
        let content = r#"<Customer xmlns="http://naesb.org/espi/customer"><name>Fictional Name</name></Customer>"#;
        let body = feed(ESPI, link, content);
        let custodian = Custodian::start(move |_| Reply::xml(&body));
        let subscription = "7".parse().unwrap();
        let tokens = CustomerTokens::default();
        let name = custodian
            .client()
            .retail_customer(&subscription, &tokens)
            .await;
        assert_eq!(name.is_ok(), taken, "{link}: {name:?}");
    }
}

#[tokio::test]
async fn a_list_of_something_else_is_no_list_of_nothing() {
    let tokens = CustomerTokens::default();
    let other = feed("http://example.test/", "https://h/x", "<e:UsagePoint/>");
    let custodian = Custodian::start(move |_| Reply::xml(&other));
    let subscription = "7".parse().unwrap();
    let found = custodian
        .client()
        .usage_points(&subscription, &tokens)
        .await;
    assert!(matches!(found, Err(Error::Malformed { .. })), "{found:?}");
    let none = r#"<feed xmlns="http://www.w3.org/2005/Atom"/>"#;
    let custodian = Custodian::start(move |_| Reply::xml(none));
    let found = custodian
        .client()
        .usage_points(&subscription, &tokens)
        .await;
    assert_eq!(found.unwrap(), []);
}

#[tokio::test]
async fn small_answers_that_never_end_are_broken_off() {
    // Each piece comes in time, and there are too many of them.
    let pause = Duration::from_millis(300);
    let slow = move || Reply::json(200, &" ".repeat(100)).dripping(pause);
    let custodian = Custodian::start(move |_| slow());
    let client = custodian.client_with(|it| {
        it.request_timeout_seconds = 1;
        it.transfer_timeout_seconds = 20;
    });
    let started = Instant::now();
    let refreshed = client.refresh(&"fictional".into()).await;
    assert!(
        matches!(refreshed, Err(Error::TimedOut { .. })),
        "{refreshed:?}"
    );
    let (subscription, tokens) = ("7".parse().unwrap(), CustomerTokens::default());
    let points = client.usage_points(&subscription, &tokens).await;
    assert!(matches!(points, Err(Error::TimedOut { .. })), "{points:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

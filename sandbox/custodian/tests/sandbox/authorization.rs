//! The customer's pages.

use crate::harness::{CALLBACK, CLIENT_ID, OTHER_ID, Sandbox, back, fields, session};

#[tokio::test]
async fn a_customer_clicks_through() {
    let sandbox = Sandbox::start();
    let back = sandbox.click_through("fable", &[]).await;
    assert_eq!(back["state"], "a state/with=signs&more");
    assert!(
        back["scope"].starts_with("FB=1_3_4_5_8_10_"),
        "{}",
        back["scope"]
    );
    assert!(back["scope"].contains("HistoryLength=63072000;") && back["scope"].ends_with(';'));
    let report = &sandbox.authorizations().await[0];
    assert_eq!(
        (
            report.customer.as_str(),
            report.status,
            report.usage_points.len()
        ),
        ("fable", 1, 3)
    );
    assert_eq!(report.live_tokens, 0);
    let tokens = sandbox.exchange(&back["code"]).await;
    assert_eq!(tokens.id, report.id);
    assert_eq!(sandbox.authorizations().await[0].live_tokens, 2);
}

#[tokio::test]
async fn the_customer_chooses_agreements_data_and_an_end() {
    let sandbox = Sandbox::start();
    let point = sandbox.point("fable", 1);
    let choice = [
        ("usage_point", point.as_str()),
        ("data", "usage"),
        ("history", "12"),
        ("until", "week"),
    ];
    let back = sandbox.click_through("fable", &choice).await;
    let tokens = sandbox.exchange(&back["code"]).await;
    let list = sandbox
        .get(
            &format!("Subscription/{}/UsagePoint", tokens.id),
            &tokens.access,
        )
        .await;
    let list = list.text().await.unwrap();
    assert!(list.contains(&point) && !list.contains(&sandbox.point("fable", 0)));
    let other = format!(
        "Batch/Subscription/{}/UsagePoint/{}",
        tokens.id,
        sandbox.point("fable", 0)
    );
    assert_eq!(sandbox.status(&other, &tokens.access).await, 404);
    let account = format!("Batch/RetailCustomer/{}", tokens.id);
    assert_eq!(sandbox.status(&account, &tokens.access).await, 403);
    let bills = format!("Subscription/{}/UsagePoint/{point}/UsageSummary", tokens.id);
    assert_eq!(sandbox.status(&bills, &tokens.access).await, 403);
    sandbox
        .clock
        .advance(jiff::SignedDuration::from_hours(7 * 24));
    assert_eq!(
        sandbox.authorizations().await[0].status,
        0,
        "the week is over"
    );
}

#[tokio::test]
async fn what_cannot_be_trusted_stays_here() {
    let sandbox = Sandbox::start();
    let page = sandbox.page("/myAuthorization");
    for query in [
        format!("client_id=unknown&redirect_uri={CALLBACK}&response_type=code"),
        format!("client_id={CLIENT_ID}&redirect_uri={CALLBACK}/more&response_type=code"),
        format!("client_id={CLIENT_ID}&response_type=code"),
        format!(
            "client_id={CLIENT_ID}&client_id={OTHER_ID}&redirect_uri={CALLBACK}&response_type=code"
        ),
    ] {
        let response = sandbox
            .http
            .get(format!("{page}?{query}"))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 400, "{query}");
        assert!(!response.headers().contains_key("location"));
        assert!(response.text().await.unwrap().contains("<h1>"));
    }
}

#[tokio::test]
async fn other_faults_go_back_with_the_state() {
    let sandbox = Sandbox::start();
    let page = sandbox.page("/myAuthorization");
    for (rest, error) in [
        ("", "invalid_request"),
        ("&response_type=token", "unsupported_response_type"),
        ("&response_type=code&response_type=code", "invalid_request"),
        (
            "&response_type=code&scope=MinAuthEndDate%3Dsoon",
            "invalid_scope",
        ),
    ] {
        let url =
            format!("{page}?client_id={CLIENT_ID}&redirect_uri={CALLBACK}&state=s%20%26{rest}");
        let back = back(&sandbox.http.get(url).send().await.unwrap());
        assert_eq!(
            (back["error"].as_str(), back["state"].as_str()),
            (error, "s &"),
            "{rest}"
        );
        assert!(!back.contains_key("code"));
    }
}

#[tokio::test]
async fn cancelling_is_possible_before_and_after_the_login() {
    let sandbox = Sandbox::start();
    let cancel = |html: &str| {
        [
            ("session".to_owned(), session(html)),
            ("decision".to_owned(), "cancel".to_owned()),
        ]
    };
    let form = cancel(&sandbox.login_page().await);
    let first = back(&sandbox.post("/myAuthorization/decide", &form).await);
    assert_eq!(first["error"], "access_denied");
    assert_eq!(first["state"], "a state/with=signs&more");
    let form = cancel(&sandbox.choose_page("fable").await);
    assert_eq!(
        back(&sandbox.post("/myAuthorization/decide", &form).await)["error"],
        "access_denied"
    );
    assert!(sandbox.authorizations().await.is_empty());
    // The page is used up: going back in the browser and pressing again does nothing.
    assert_eq!(
        sandbox
            .post("/myAuthorization/decide", &form)
            .await
            .status(),
        400
    );
}

#[tokio::test]
async fn mistakes_are_shown_on_the_page_and_can_be_mended() {
    let sandbox = Sandbox::start();
    let login = sandbox.login_page().await;
    let form = [
        ("session".to_owned(), session(&login)),
        ("name".to_owned(), "Fenella Fable".to_owned()),
        ("account".to_owned(), "0000000000".to_owned()),
    ];
    let again = sandbox.post("/myAuthorization/login", &form).await;
    assert_eq!(again.status(), 400);
    let again = again.text().await.unwrap();
    assert!(again.contains("role=\"alert\""));
    let choose = sandbox
        .log_in("/myAuthorization/login", "fable", &again)
        .await
        .text()
        .await
        .unwrap();
    let mut form = fields(&choose);
    form.retain(|(name, _)| name != "usage_point");
    form.push(("decision".to_owned(), "authorize".to_owned()));
    let none_chosen = sandbox.post("/myAuthorization/decide", &form).await;
    assert_eq!(none_chosen.status(), 400);
    let mut form = fields(&none_chosen.text().await.unwrap());
    form.push(("decision".to_owned(), "authorize".to_owned()));
    assert!(back(&sandbox.post("/myAuthorization/decide", &form).await).contains_key("code"));
}

#[tokio::test]
async fn a_choice_without_login_is_refused() {
    let sandbox = Sandbox::start();
    let login = sandbox.login_page().await;
    let form = [
        ("session".to_owned(), session(&login)),
        ("decision".to_owned(), "authorize".to_owned()),
    ];
    assert_eq!(
        sandbox
            .post("/myAuthorization/decide", &form)
            .await
            .status(),
        400
    );
    assert!(sandbox.authorizations().await.is_empty());
}

#[tokio::test]
async fn awkward_names_do_not_break_a_page() {
    let sandbox = Sandbox::start();
    let login = sandbox.login_page().await;
    assert!(!login.contains("<Solar>"));
    assert!(!sandbox.click_through("awkward", &[]).await["code"].is_empty());
}

#[tokio::test]
async fn the_code_may_have_another_name_and_customers_may_start_here() {
    let sandbox = Sandbox::start_with(&[("--code-parameter", "authorization_code")]);
    let back = sandbox.click_through("fable", &[]).await;
    assert!(!back.contains_key("code"));
    sandbox.exchange(&back["authorization_code"]).await;
    let home = sandbox.html(sandbox.page("/")).await;
    assert!(
        home.contains("https://other.example.test/portal?scope=FB"),
        "{home}"
    );
    assert!(home.contains(&format!("ThirdPartyID={OTHER_ID}")));
}

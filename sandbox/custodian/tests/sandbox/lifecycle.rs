//! How authorizations end.

use custodian::AuthorizationState;
use espi::{AuthorizationStatus, Content};

use crate::harness::{Inbox, OTHER_ID, OTHER_SECRET, Sandbox, entries, json, session, text};

async fn status(sandbox: &Sandbox, id: u64, client: &str) -> AuthorizationStatus {
    let response = sandbox.get(&format!("Authorization/{id}"), client).await;
    assert_eq!(response.status(), 200);
    match entries(&response.bytes().await.unwrap()).remove(0).content {
        Content::Authorization(authorization) => authorization.status.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn deletion_is_for_good_and_told_apart_from_a_wrong_address() {
    let mut inbox = Inbox::open(0);
    let sandbox = Sandbox::start_with(&[("--notification-uri", &inbox.url)]);
    let tokens = sandbox.authorize("fable").await;
    let client = sandbox.client_token().await;
    let path = format!("Authorization/{}", tokens.id);
    assert_eq!(sandbox.delete(&path, &tokens.access).await.status(), 403);
    assert_eq!(
        status(&sandbox, tokens.id, &client).await,
        AuthorizationStatus::Active
    );
    assert_eq!(sandbox.delete(&path, &client).await.status(), 200);
    for response in [
        sandbox.get(&path, &client).await,
        sandbox.delete(&path, &client).await,
    ] {
        assert_eq!(response.status(), 404);
        assert_eq!(
            response.text().await.unwrap(),
            format!("{path} does not exist")
        );
    }
    assert_eq!(sandbox.list_status(&tokens).await, 401);
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh.as_str()),
    ];
    assert_eq!(
        json(sandbox.token_request(&form).await).await["error"],
        "invalid_grant"
    );
    let report = &sandbox.authorizations().await[0];
    assert_eq!(
        (report.state, report.status, report.live_tokens),
        (AuthorizationState::Deleted, 0, 0)
    );
    assert!(inbox.is_empty(), "who deletes knows");
    let listed = entries(
        &sandbox
            .get("Authorization", &client)
            .await
            .bytes()
            .await
            .unwrap(),
    );
    assert!(listed.is_empty());
}

#[tokio::test]
async fn nobody_sees_or_deletes_anothers_authorization() {
    let sandbox = Sandbox::start();
    let tokens = sandbox.authorize("fable").await;
    let other = sandbox.certificates.http(Some(&sandbox.certificates.other));
    let request = other
        .post(sandbox.token_url())
        .basic_auth(OTHER_ID, Some(OTHER_SECRET));
    let response = request
        .form(&[("grant_type", "client_credentials")])
        .send()
        .await
        .unwrap();
    let token = text(&json(response).await, "client_access_token");
    let url = sandbox.resource(&format!("Authorization/{}", tokens.id));
    assert_eq!(
        other
            .get(&url)
            .bearer_auth(&token)
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
    assert_eq!(
        other
            .delete(&url)
            .bearer_auth(&token)
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
    assert_eq!(
        sandbox.authorizations().await[0].state,
        AuthorizationState::Active
    );
}

#[tokio::test]
async fn authorizing_again_cancels_the_older_one() {
    let mut inbox = Inbox::open(0);
    let sandbox = Sandbox::start_with(&[("--notification-uri", &inbox.url)]);
    let (old, client) = (
        sandbox.authorize("fable").await,
        sandbox.client_token().await,
    );
    let new = sandbox.authorize("fable").await;
    assert_ne!(old.id, new.id);
    assert_eq!(
        inbox.next().await,
        [sandbox.resource(&format!("Authorization/{}", old.id))]
    );
    assert_eq!(
        status(&sandbox, old.id, &client).await,
        AuthorizationStatus::Revoked
    );
    assert_eq!(
        status(&sandbox, new.id, &client).await,
        AuthorizationStatus::Active
    );
    assert_eq!(sandbox.list_status(&old).await, 401);
    assert_eq!(sandbox.list_status(&new).await, 200);
}

#[tokio::test]
async fn a_customer_revokes_on_the_page() {
    let mut inbox = Inbox::open(0);
    let sandbox = Sandbox::start_with(&[("--notification-uri", &inbox.url)]);
    let (tokens, client) = (
        sandbox.authorize("fable").await,
        sandbox.client_token().await,
    );
    let list = sandbox.manage_page("fable").await;
    let form = [
        ("session".to_owned(), session(&list)),
        ("authorization".to_owned(), tokens.id.to_string()),
    ];
    let done = sandbox.post("/myAuthorization/manage/revoke", &form).await;
    assert_eq!(done.status(), 200);
    assert!(done.text().await.unwrap().contains("ended by you"));
    assert_eq!(
        inbox.next().await,
        [sandbox.resource(&format!("Authorization/{}", tokens.id))]
    );
    assert_eq!(
        status(&sandbox, tokens.id, &client).await,
        AuthorizationStatus::Revoked
    );
    assert_eq!(sandbox.list_status(&tokens).await, 401);
    assert_eq!(
        sandbox
            .delete(&format!("Authorization/{}", tokens.id), &client)
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn a_test_revokes_for_the_customer() {
    let sandbox = Sandbox::start();
    let tokens = sandbox.authorize("fable").await;
    let response = sandbox
        .http
        .post(sandbox.page("/sandbox/revoke?customer=fable"))
        .send()
        .await
        .unwrap();
    assert_eq!(json(response).await, serde_json::json!([tokens.id]));
    assert_eq!(
        sandbox.authorizations().await[0].state,
        AuthorizationState::Revoked
    );
}

#[tokio::test]
async fn a_customer_sees_and_ends_only_what_is_the_customers() {
    let sandbox = Sandbox::start();
    let tokens = sandbox.authorize("fable").await;
    let list = sandbox.manage_page("awkward").await;
    assert!(list.contains("You have not shared anything"));
    // The list of a customer without authorizations has no form, so this one makes a session.
    let mine = sandbox.authorize("awkward").await;
    let list = sandbox.manage_page("awkward").await;
    assert!(list.contains(&mine.id.to_string()) && !list.contains(&tokens.id.to_string()));
    let form = [
        ("session".to_owned(), session(&list)),
        ("authorization".to_owned(), tokens.id.to_string()),
    ];
    sandbox.post("/myAuthorization/manage/revoke", &form).await;
    assert!(
        sandbox
            .authorizations()
            .await
            .iter()
            .all(|a| a.state == AuthorizationState::Active)
    );
}

//! The REST API, in EMQX's words.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use test_support::wait;

use crate::harness::{API, Client, DEADLINE, Fixture, Rest, Version, publish, publish_retained};

const RULES: &[&str] = &["ALLOW PUBLISH {}/a", "ALLOW SUBSCRIBE {}/b"];

fn parse(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_asked_for() {
    let fixture = Fixture::new().await;
    let rest = fixture.rest();
    let refusal = json!({"code": "BAD_API_KEY_OR_SECRET", "message": "Check api_key/api_secret"});
    for user in [(API.0, "wrong"), ("wrong", API.1), ("", "")] {
        for (method, path) in [
            (Method::GET, "/api/v5/clients"),
            (Method::DELETE, "/api/v5/clients/x"),
            (Method::DELETE, "/api/v5/mqtt/retainer/message/x"),
        ] {
            let (status, body) = rest.as_user(user, method, path).await;
            assert_eq!(
                (status, parse(&body)),
                (StatusCode::UNAUTHORIZED, refusal.clone())
            );
        }
    }
    for path in ["/status", "/api/v5/status"] {
        let (status, body) = rest.as_user(("", ""), Method::GET, path).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("emqx is running"), "{body}");
    }
    let status = rest.get("/api/v5/status?format=json").await;
    assert_eq!(status["app_status"], "running");
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_listed_by_username_with_their_sessions() {
    let fixture = Fixture::new().await;
    let rest = fixture.rest();
    let (home, other) = (fixture.home(RULES).await, fixture.home(RULES).await);
    let filter = format!("{home}/b");
    let client = fixture.client(Version::V5, home);
    let _ear = client.listen(&filter).await;
    drop(client.with_id("offline").persistent().listen(&filter).await);
    let _other = fixture
        .client(Version::V311, other)
        .listen(&format!("{other}/b"))
        .await;
    let path = format!("/api/v5/clients?username={home}&limit=1000");
    let listed = wait::until(DEADLINE, "the second connection to end", async || {
        let listed = rest.get(&path).await;
        let connected = listed["data"].as_array().unwrap().iter();
        (connected.filter(|one| one["connected"] == true).count() == 1).then_some(listed)
    })
    .await;
    assert_eq!(
        listed["meta"],
        json!({"count": 2, "hasnext": false, "limit": 1000, "page": 1})
    );
    let by_id = |id: &str| {
        let all = listed["data"].as_array().unwrap().iter();
        all.into_iter()
            .find(|one| one["clientid"] == id)
            .unwrap()
            .clone()
    };
    let (online, offline) = (by_id(&home.to_string()), by_id("offline"));
    assert_eq!(online["username"], home.to_string());
    assert_eq!(
        (&online["connected"], &online["proto_ver"]),
        (&json!(true), &json!(5))
    );
    assert_eq!(offline["username"], home.to_string());
    assert_eq!(
        (&offline["connected"], &offline["expiry_interval"]),
        (&json!(false), &json!(3600))
    );

    let first = rest.get("/api/v5/clients?limit=2&page=1").await;
    let second = rest.get("/api/v5/clients?limit=2&page=2").await;
    assert_eq!(
        (&first["meta"]["hasnext"], &second["meta"]["hasnext"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(second["data"].as_array().unwrap().len(), 1);
    let (status, body) = rest
        .as_user(API, Method::GET, "/api/v5/clients?limit=0")
        .await;
    assert_eq!(
        (status, &parse(&body)["code"]),
        (StatusCode::BAD_REQUEST, &json!("BAD_REQUEST"))
    );
    fixture.stop().await;
}

/// Ids that need escaping, each in a path.
#[tokio::test(flavor = "multi_thread")]
async fn a_kick_ends_the_connection_and_its_session_whatever_the_id() {
    let fixture = Fixture::new().await;
    let rest = fixture.rest();
    let home = fixture.home(RULES).await;
    let topic = format!("{home}/b");
    for (id, path) in [
        ("plain", "plain"),
        ("with space", "with%20space"),
        ("per%20cent", "per%2520cent"),
        ("quest?ion#+&", "quest%3Fion%23%2B%26"),
        ("ümläut", "%C3%BCml%C3%A4ut"),
    ] {
        let client = fixture.client(Version::V5, home).with_id(id).persistent();
        let ear = client.listen(&topic).await;
        rest.kick(path).await;
        wait::until(DEADLINE, "the goodbye", async || {
            ear.output()
                .contains("Received DISCONNECT (139)")
                .then_some(())
        })
        .await;
        drop(ear);
        // It may have come back before it was stopped: what is left of that goes too.
        wait::until(DEADLINE, "nothing to be left", async || {
            let _: (StatusCode, String) = rest.delete(&format!("/api/v5/clients/{path}")).await;
            rest.clients_of(&home.to_string())
                .await
                .is_empty()
                .then_some(())
        })
        .await;
        gone(&rest, &format!("/api/v5/clients/{path}")).await;
        gone(
            &rest,
            &format!("/api/v5/clients/{path}/authorization/cache"),
        )
        .await;
    }
    let ear = fixture.client(Version::V311, home).listen(&topic).await;
    let cache = format!("/api/v5/clients/{home}/authorization/cache");
    assert_eq!(
        rest.delete(&cache).await,
        (StatusCode::NO_CONTENT, String::new())
    );
    drop(ear);
    fixture.stop().await;
}

async fn gone(rest: &Rest, path: &str) {
    let (status, body) = rest.delete(path).await;
    let expected = json!({"code": "CLIENTID_NOT_FOUND", "message": "Client ID not found"});
    assert_eq!(
        (status, parse(&body)),
        (StatusCode::NOT_FOUND, expected),
        "{path}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn retained_messages_are_listed_and_deleted() {
    let fixture = Fixture::new().await;
    let rest = fixture.rest();
    let home = fixture
        .home(&["ALLOW PUBLISH {}/a/+", "ALLOW SUBSCRIBE {}/a/one"])
        .await;
    let client = fixture.client(Version::V5, home);
    for name in ["one", "two"] {
        let ended = publish_retained(&client, &format!("{home}/a/{name}"), name).await;
        assert!(ended.output.contains("RC:0"), "{}", ended.output);
    }
    // Denied, so not retained either.
    publish_retained(&client, &format!("{home}/b"), "denied").await;

    let listed = rest
        .get(&format!(
            "/api/v5/mqtt/retainer/messages?topic={home}%2F%23"
        ))
        .await;
    let topics: Vec<&str> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["topic"].as_str().unwrap())
        .collect();
    assert_eq!(topics, [format!("{home}/a/one"), format!("{home}/a/two")]);
    assert_eq!(listed["data"][0]["qos"], 1);

    // A subscription brings what it may see, and no more.
    let ear = client.listen(&format!("{home}/a/one")).await;
    wait::until(DEADLINE, "the retained message", async || {
        ear.output()
            .contains(&format!("got {home}/a/one one"))
            .then_some(())
    })
    .await;
    assert!(!ear.output().contains("two"), "{}", ear.output());

    let path = format!("/api/v5/mqtt/retainer/message/{home}%2Fa%2Fone");
    assert_eq!(rest.get(&path).await["payload"], "b25l");
    assert_eq!(
        rest.delete(&path).await,
        (StatusCode::NO_CONTENT, String::new())
    );
    let (status, body) = rest.delete(&path).await;
    let expected = json!({"code": "NOT_FOUND", "message": "Viewed message doesn't exist"});
    assert_eq!((status, parse(&body)), (StatusCode::NOT_FOUND, expected));
    let left = rest.get("/api/v5/mqtt/retainer/messages").await;
    assert_eq!(left["meta"]["count"], 1);
    let listener = Client::party(fixture.plain(), "late")
        .listen(&format!("{home}/#"))
        .await;
    wait::until(DEADLINE, "the other one", async || {
        listener.output().contains("two").then_some(())
    })
    .await;
    assert!(
        !listener.output().contains("a/one"),
        "{}",
        listener.output()
    );
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kicked_home_may_come_back_as_long_as_it_has_a_login() {
    let fixture = Fixture::new().await;
    let home = fixture.home(RULES).await;
    let client = fixture.client(Version::V5, home);
    let ear = client.listen(&format!("{home}/b")).await;
    fixture.rest().kick(&home.to_string()).await;
    drop(ear);
    let ended = publish(&client, &format!("{home}/a"), "back").await;
    assert!(ended.output.contains("RC:0"), "{}", ended.output);
    fixture.stop().await;
}

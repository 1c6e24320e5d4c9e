//! The driver against the contract, and against everything that is none.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use mqtt_iam::broker::{Broker, BrokerError, Client};
use permission::PermissionId;

use crate::player::Player;
use crate::world::broker_config;

const ID: &str = "9c2b4f0e-6a55-4b0e-8f7e-0d5b8a3c1e11";

fn permission() -> PermissionId {
    ID.parse().unwrap()
}

#[tokio::test]
async fn the_clients_of_a_user_are_its_own_and_no_others() {
    let player = Player::of(include_str!("contract/clients_of.txt"));
    let clients = player.broker.clients_of(ID).all().await.unwrap();
    let expected = [ID, "Ada's phone #1 50%", "gone"].map(|name| Client {
        id: format!("{ID}/{name}"),
        username: Some(ID.to_owned()),
    });
    assert_eq!(clients, expected);
    player.assert_played();
}

#[tokio::test]
async fn a_list_is_read_to_its_last_page() {
    let player = Player::of(include_str!("contract/pages.txt"));
    let clients = player.broker.clients().all().await.unwrap();
    let ids: Vec<_> = clients.iter().map(|client| client.id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    assert_eq!(clients[1].username, None);
    player.assert_played();
}

#[tokio::test]
async fn a_client_is_ended_by_its_encoded_id_and_may_be_gone_already() {
    let player = Player::of(include_str!("contract/disconnect.txt"));
    let id = format!("{ID}/Ada's phone #1 50%");
    assert!(player.broker.clear_authorization(&id).await.unwrap());
    assert!(player.broker.disconnect(&id).await.unwrap());
    let dots = format!("{ID}/..");
    assert!(!player.broker.clear_authorization(&dots).await.unwrap());
    assert!(!player.broker.disconnect(&dots).await.unwrap());
    player.assert_played();
    // These would be another address.
    for other in ["", ".", ".."] {
        assert_eq!(
            player.broker.disconnect(other).await,
            Err(BrokerError::Name)
        );
    }
}

#[tokio::test]
async fn retained_messages_are_those_of_the_permission() {
    let player = Player::of(include_str!("contract/retained.txt"));
    let retained = player.broker.retained(permission()).all().await.unwrap();
    let topics: Vec<_> = retained.into_iter().map(|message| message.topic).collect();
    let expected = ["status", "command/TERMINATE"].map(|end| format!("aiida/v1/{ID}/{end}"));
    assert_eq!(topics, expected);
    assert!(player.broker.delete_retained(&expected[1]).await.unwrap());
    assert!(!player.broker.delete_retained(&expected[0]).await.unwrap());
    player.assert_played();
}

#[tokio::test]
async fn ready_is_who_answers_and_takes_the_key() {
    let player = Player::of(include_str!("contract/ready.txt"));
    player.broker.ready().await.unwrap();
    let refused = player.broker.ready().await.unwrap_err();
    assert_eq!(
        refused,
        BrokerError::Unauthorized {
            what: "ready",
            status: 401
        }
    );
    let words = refused.to_string();
    assert!(words.contains("METERGATE_BROKER_API_KEY") && !words.contains("tell-nobody"));
    player.assert_played();
}

#[tokio::test]
async fn a_name_too_long_for_an_address_goes_in_a_body() {
    let player = Player::of(include_str!("contract/long.txt"));
    let long = "x".repeat(65_000);
    let id = format!("{ID}/{long}");
    assert!(!player.broker.clear_authorization(&id).await.unwrap());
    assert!(player.broker.disconnect(&id).await.unwrap());
    let topic = format!("aiida/v1/{ID}/data/outbound/{long}");
    assert!(player.broker.delete_retained(&topic).await.unwrap());
    player.assert_played();
}

/// A page that is larger than what is read of an answer: half of it is asked for, from where it began.
#[tokio::test]
async fn a_page_that_is_too_large_is_asked_for_by_halves() {
    let row = |name: &str| format!(r#"{{"clientid":"{name}","username":"x"}}"#);
    let large = format!(r#"{{"data":[{}]}}"#, row(&"y".repeat(33 << 20)));
    let mut exchanges = vec![
        (
            1,
            128,
            format!(r#"{{"data":[{}],"meta":{{"hasnext":true}}}}"#, row("a")),
        ),
        (2, 128, large),
        (
            3,
            64,
            format!(r#"{{"data":[{}],"meta":{{"hasnext":true}}}}"#, row("b")),
        ),
        (
            4,
            64,
            format!(r#"{{"data":[{}],"meta":{{"hasnext":false}}}}"#, row("c")),
        ),
    ]
    .into_iter()
    .map(|(page, limit, body)| {
        format!("> GET /api/v5/clients?username=x&page={page}&limit={limit}\n< 200\n{body}")
    });
    let player = Player::of(&exchanges.by_ref().collect::<Vec<_>>().join("\n---\n"));
    let clients = player.broker.clients_of("x").all().await.unwrap();
    let ids: Vec<_> = clients.iter().map(|client| client.id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    player.assert_played();
}

/// What stands at a wrong address must not look like a client that is gone, nor like an empty list.
#[tokio::test]
async fn answers_that_are_not_the_brokers_are_errors() {
    let path = "> DELETE /api/v5/clients/x\n";
    for answer in [
        "< 404\n<html>not found</html>",
        "< 404\n{\"code\":\"NOT_FOUND\",\"message\":\"Request Path Not Found\"}",
        "< 400\n{\"code\":\"BAD_REQUEST\",\"message\":\"x\"}",
        "< 500\n{\"code\":\"NODE_DOWN\",\"message\":\"emqx@127.0.0.1\"}",
        "< 503\n",
        "< 302\n< location: http://127.0.0.1:1/",
    ] {
        let player = Player::of(&format!("{path}{answer}"));
        let refused = player.broker.disconnect("x").await.unwrap_err();
        assert!(
            matches!(refused, BrokerError::Refused { .. }),
            "{answer}: {refused:?}"
        );
        player.assert_played();
    }
    let path = "> GET /api/v5/clients?username=x&page=1&limit=128\n";
    for answer in [
        "< 200\n",
        "< 200\n<html>welcome</html>",
        "< 200\n[]",
        "< 200\n{\"meta\":{}}",
        "< 200\n{\"data\":[{\"username\":\"x\"}]}",
        "< 200\n{\"data\":[{\"clientid\":\"Ada\",\"username\":17}]}",
    ] {
        let player = Player::of(&format!("{path}{answer}"));
        let refused = player.broker.clients_of("x").all().await.unwrap_err();
        assert!(
            matches!(refused, BrokerError::Malformed { .. }),
            "{answer}: {refused:?}"
        );
        assert!(!refused.to_string().contains("Ada"), "{refused}");
    }
}

/// What another process of the machine may do with a connection.
fn stands_at(answer: impl FnOnce(std::net::TcpStream) + Send + 'static) -> Broker {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || answer(listener.accept().unwrap().0));
    let mut config = broker_config(&url);
    config.broker_api_timeout_seconds = 1;
    Broker::new(&config).unwrap()
}

#[tokio::test]
async fn silence_and_noise_end_in_time() {
    let silent = stands_at(|stream| {
        std::thread::sleep(Duration::from_secs(20));
        drop(stream);
    });
    assert_eq!(
        silent.disconnect("x").await,
        Err(BrokerError::TimedOut { what: "disconnect" })
    );
    let noisy = stands_at(|mut stream| stream.write_all(b"220 mail.example ESMTP\r\n").unwrap());
    let broken = stands_at(|mut stream| {
        let _read = stream.read(&mut [0; 4096]);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"data\":[")
            .unwrap();
    });
    let nobody = Broker::new(&broker_config("http://127.0.0.1:1")).unwrap();
    for broker in [noisy, broken, nobody] {
        let error = broker.clients().all().await.unwrap_err();
        assert!(
            matches!(error, BrokerError::Unreachable { .. }),
            "{error:?}"
        );
        assert!(!error.to_string().contains("127.0.0.1"), "{error}");
    }
}

//! Starting, listening, logging in, and what happens when the database does not answer.

use std::net::SocketAddr;

use sandbox_broker::BrokerError;
use service_kit::program::Context;
use test_support::certs::Authority;
use test_support::wait;

use crate::harness::{
    API, Client, DEADLINE, Fixture, PARTY, Talker, Version, publish, subscribe, uuid,
};

#[tokio::test(flavor = "multi_thread")]
async fn both_listeners_serve_the_same_clients() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path()).unwrap();
    let server = authority.server("broker").unwrap();
    let fixture = Fixture::with(|config| {
        config.tls = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        config.tls_certificate = Some(server.certificate);
        config.tls_key = Some(server.key);
    })
    .await;
    let party = fixture.party().await;
    let home = fixture.home(&["ALLOW PUBLISH {}/a"]).await;
    let topic = format!("{home}/a");
    for version in Version::BOTH {
        let mut client = Client::home(fixture.broker.addresses().tls.unwrap(), version, home);
        client = client.with(&["--cafile", authority.certificate().to_str().unwrap()]);
        let payload = format!("over TLS as {version:?}");
        let ended = publish(&client, &topic, &payload).await;
        assert!(ended.ok, "{}", ended.output);
        party.hear(&topic, &payload).await;
    }
    let plain_at_tls = Client::home(fixture.broker.addresses().tls.unwrap(), Version::V5, home);
    assert!(!publish(&plain_at_tls, &topic, "plain").await.ok);
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_are_refused_in_the_words_of_emqx() {
    let fixture = Fixture::new().await;
    let home = fixture.home(&[]).await;
    let cases = [
        (Version::V311, home.to_string(), "wrong", "CONNACK (4)"),
        (Version::V311, uuid().to_string(), "wrong", "CONNACK (5)"),
        (Version::V311, PARTY.0.to_owned(), "wrong", "CONNACK (4)"),
        (Version::V5, home.to_string(), "wrong", "CONNACK (134)"),
        (Version::V5, home.to_string(), "", "CONNACK (134)"),
        (Version::V5, uuid().to_string(), "wrong", "CONNACK (135)"),
        (Version::V5, PARTY.0.to_owned(), "wrong", "CONNACK (134)"),
    ];
    for (version, username, password, expected) in cases {
        let mut client = fixture.client(version, home).with_id("any");
        (client.username, client.password) = (username, password.to_owned());
        let ended = publish(&client, "x", "x").await;
        assert!(
            !ended.ok && ended.output.contains(expected),
            "{expected}: {}",
            ended.output
        );
    }
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_of_bcrypt_is_known() {
    let fixture = Fixture::new().await;
    let home = fixture.home(&["ALLOW PUBLISH {}/a"]).await;
    for spelling in ["2a", "2b", "2y"] {
        let change = format!(
            "UPDATE aiida.aiida_mqtt_user
             SET password_hash = '${spelling}$' || substr(password_hash, 5)"
        );
        fixture.tables.sql(&change).await;
        let ended = publish(
            &fixture.client(Version::V5, home),
            &format!("{home}/a"),
            "x",
        )
        .await;
        assert!(
            ended.output.contains("RC:0"),
            "{spelling}: {}",
            ended.output
        );
    }
    fixture
        .tables
        .sql("UPDATE aiida.aiida_mqtt_user SET password_hash = 'no hash'")
        .await;
    let ended = publish(
        &fixture.client(Version::V5, home),
        &format!("{home}/a"),
        "x",
    )
    .await;
    assert!(ended.output.contains("CONNACK (135)"), "{}", ended.output);
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_tables_the_broker_says_no_and_recovers() {
    let fixture = Fixture::new().await;
    let party = fixture.party().await;
    let home = fixture
        .home(&["ALLOW PUBLISH {}/a", "ALLOW SUBSCRIBE {}/b"])
        .await;
    let topic = format!("{home}/a");
    let client = fixture.client(Version::V5, home);
    let mut talker = Talker::new(&client, &topic);
    talker.say("before");
    party.hear(&topic, "before").await;

    fixture
        .tables
        .sql("ALTER TABLE aiida.aiida_mqtt_acl RENAME TO away")
        .await;
    talker.say("meanwhile");
    talker.wait_for("DISCONNECT (139)").await;
    assert!(!party.has_heard("meanwhile").await);
    fixture
        .tables
        .sql("ALTER TABLE aiida.aiida_mqtt_user RENAME TO users_away")
        .await;
    let ended = publish(&client.with_id("other"), &topic, "meanwhile").await;
    assert!(ended.output.contains("CONNACK (135)"), "{}", ended.output);

    fixture
        .tables
        .sql(
            "ALTER TABLE aiida.away RENAME TO aiida_mqtt_acl;
              ALTER TABLE aiida.users_away RENAME TO aiida_mqtt_user",
        )
        .await;
    let ended = publish(&client, &topic, "after").await;
    assert!(ended.ok, "{}", ended.output);
    party.hear(&topic, "after").await;
    // Connections that the database cuts are replaced.
    fixture.tables.database.terminate_backends().await.unwrap();
    wait::until(DEADLINE, "a login on a new connection", async || {
        let ended = publish(&client, &topic, "again").await;
        ended.output.contains("RC:0").then_some(())
    })
    .await;
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_party_can_work_while_the_database_is_down() {
    let fixture = Fixture::with(|config| {
        config.database_url = "postgres://nobody:x@127.0.0.1:1/nothing".into();
    })
    .await;
    let party = fixture.party().await;
    party.publish("x", "from the party").await;
    party.hear("x", "from the party").await;
    let ended = publish(&fixture.client(Version::V311, uuid()), "x", "x").await;
    assert!(ended.output.contains("CONNACK (5)"), "{}", ended.output);
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_are_kept() {
    let fixture = Fixture::with(|config| {
        config.packet_bytes = 2_000;
        config.connections = 3;
    })
    .await;
    let party = fixture.party().await;
    let home = fixture
        .home(&["ALLOW PUBLISH {}/a", "ALLOW SUBSCRIBE {}/b"])
        .await;
    let client = fixture.client(Version::V5, home);
    let topic = format!("{home}/a");
    let large = "x".repeat(3_000);
    publish(&client, &topic, &large).await;
    assert!(!party.has_heard(&large).await);

    let _second = client.listen(&format!("{home}/b")).await;
    let _third = client.with_id("third").listen(&format!("{home}/b")).await;
    let fourth = publish(&client.with_id("fourth"), &topic, "one too many").await;
    assert!(!fourth.ok, "{}", fourth.output);
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fast_home_is_slowed_down_and_loses_nothing() {
    let fixture = Fixture::with(|config| config.home_rate = 10).await;
    let party = fixture.party().await;
    let home = fixture.home(&["ALLOW PUBLISH {}/a"]).await;
    let topic = format!("{home}/a");
    let begun = std::time::Instant::now();
    let mut talker = Talker::new(&fixture.client(Version::V311, home), &topic);
    for number in 0..120 {
        talker.say(&format!("number {number}"));
    }
    party.hear(&topic, "number 119").await;
    assert!(begun.elapsed().as_millis() > 1_500, "{:?}", begun.elapsed());
    for number in 0..120 {
        party.hear(&topic, &format!("number {number}")).await;
    }
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sys_topics_are_empty_even_for_the_party() {
    let fixture = Fixture::new().await;
    let client = Client::party(fixture.plain(), "curious");
    let ended = subscribe(&client.with(&["-W", "1"]), "$SYS/#").await;
    assert!(
        !ended.output.contains("received PUBLISH"),
        "{}",
        ended.output
    );
    fixture.stop().await;
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_refused() {
    let mut config = sandbox_broker::Config::on_loopback("postgres://x", PARTY, API);
    config.plain = None;
    let refused = sandbox_broker::start(config.clone(), &Context::new()).await;
    assert!(matches!(refused, Err(BrokerError::Config(_))));
    config.tls = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    assert!(matches!(
        sandbox_broker::check(&config),
        Err(BrokerError::Config(_))
    ));
    config.tls_certificate = Some("/no/such.crt".into());
    config.tls_key = Some("/no/such.key".into());
    let refused = sandbox_broker::start(config, &Context::new())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("/no/such.crt"), "{refused}");
}

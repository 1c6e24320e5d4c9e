//! Client ids: nobody takes another's connection or session by its name.

use test_support::wait;

use crate::harness::{Client, DEADLINE, Fixture, Talker, Version, publish, subscribe, uuid};

const RULES: &[&str] = &["ALLOW PUBLISH {}/a", "ALLOW SUBSCRIBE {}/b"];

/// What a client is told whose id is not its own.
const fn refusal(version: Version) -> &'static str {
    match version {
        Version::V311 => "CONNACK (2)",
        Version::V5 => "CONNACK (133)",
    }
}

async fn is_refused(client: &Client, case: &str) {
    for clean in [true, false] {
        let client = if clean {
            client.clone()
        } else {
            client.persistent()
        };
        let ended = publish(&client, "anything", "x").await;
        let expected = refusal(client.version);
        assert!(
            !ended.ok && ended.output.contains(expected),
            "{case}: {}",
            ended.output
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_users_client_id_is_refused() {
    for version in Version::BOTH {
        let fixture = Fixture::new().await;
        let party = fixture.party().await;
        let (victim, thief) = (fixture.home(RULES).await, fixture.home(RULES).await);
        let thief = fixture.client(version, thief);

        let own_name = fixture.client(version, victim);
        is_refused(&thief.with_id(&own_name.id), "a name, before it is used").await;

        let ears = [
            own_name.persistent().listen(&format!("{victim}/b")).await,
            own_name
                .with_id("second")
                .persistent()
                .listen(&format!("{victim}/b"))
                .await,
        ];
        is_refused(&thief.with_id(&own_name.id), "a name in use").await;
        is_refused(&thief.with_id("second"), "an id in use").await;
        party.publish(&format!("{victim}/b"), "to both").await;
        for ear in &ears {
            wait::until(DEADLINE, "the message", async || {
                ear.output().contains("to both").then_some(())
            })
            .await;
        }

        drop(ears);
        wait::until(DEADLINE, "both connections to end", async || {
            let clients = fixture
                .rest()
                .get("/api/v5/clients?conn_state=disconnected")
                .await;
            (clients["meta"]["count"] == 2).then_some(())
        })
        .await;
        party.publish(&format!("{victim}/b"), "kept").await;
        is_refused(&thief.with_id("second"), "an id with a session").await;
        let ear = own_name
            .with_id("second")
            .persistent()
            .listen(&format!("{victim}/b"))
            .await;
        wait::until(DEADLINE, "what the session kept", async || {
            ear.output().contains("kept").then_some(())
        })
        .await;

        is_refused(&thief.with_id(&party.client.username), "the party's name").await;
        is_refused(&thief.with_id("party-ear"), "an id of the party").await;
        assert!(
            publish(&thief.with_id("free"), "x", "x")
                .await
                .output
                .contains("CONNACK (0)")
        );
        fixture.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_has_two_connections_and_replaces_its_own() {
    let fixture = Fixture::new().await;
    let party = fixture.party().await;
    let home = fixture.home(RULES).await;
    let name = home.to_string();
    let topic = format!("{home}/a");
    let mut streamer = Talker::new(&fixture.client(Version::V5, home), &topic);
    let adapter = fixture.client(Version::V5, home).with_id("a-random-one");
    let adapter = adapter.listen(&format!("{home}/b")).await;
    wait::until(DEADLINE, "both", async || {
        (fixture.rest().clients_of(&name).await == [name.clone(), "a-random-one".to_owned()]
            || fixture.rest().clients_of(&name).await == ["a-random-one".to_owned(), name.clone()])
        .then_some(())
    })
    .await;
    streamer.say("from the streamer");
    party.hear(&topic, "from the streamer").await;
    party.publish(&format!("{home}/b"), "to the adapter").await;
    wait::until(DEADLINE, "the message", async || {
        adapter.output().contains("to the adapter").then_some(())
    })
    .await;

    let again = publish(
        &fixture.client(Version::V5, home),
        &topic,
        "from its successor",
    )
    .await;
    assert!(again.ok, "{}", again.output);
    party.hear(&topic, "from its successor").await;
    drop(streamer);
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_sit_on_anothers_name_before_it_comes() {
    for version in Version::BOTH {
        let fixture = Fixture::new().await;
        let squatter = fixture.home(RULES).await;
        let squatter = fixture.client(version, squatter);
        let (late, slot) = (uuid(), "metergate-0");

        let seats = [
            squatter.with_id(slot).persistent(),
            squatter.with_id(&late.to_string()).persistent(),
        ];
        for seat in &seats {
            let filter = format!("{}/b", squatter.username);
            let ear = seat.listen(&filter).await;
            if seat.id == slot {
                drop(ear);
            }
        }
        let party = Client::party(fixture.plain(), slot);
        let ear = party.listen("#").await;
        fixture.tables.add_home(late).await;
        fixture
            .tables
            .add_rule(late, &format!("ALLOW PUBLISH {late}/a"))
            .await;
        let newcomer = fixture.client(version, late);
        let ended = publish(&newcomer, &format!("{late}/a"), "mine").await;
        assert!(ended.ok, "{}", ended.output);
        wait::until(DEADLINE, "the newcomer's message", async || {
            ear.output().contains("mine").then_some(())
        })
        .await;
        is_refused(&seats[0], "a slot that the party has").await;
        is_refused(&seats[1], "a name that has come to life").await;
        fixture.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_party_shares() {
    let fixture = Fixture::new().await;
    let home = fixture.home(&["ALLOW ALL #"]).await;
    let client = fixture.client(Version::V5, home);
    let shared = subscribe(&client, "$share/g/x").await;
    assert!(shared.output.contains("135"), "{}", shared.output);
    let plain = subscribe(&client, "x").await;
    assert!(
        plain.output.contains("Subscribed (mid: 1): 1"),
        "{}",
        plain.output
    );
    let party = Client::party(fixture.plain(), "slot");
    let shared = subscribe(&party, "$share/g/x").await;
    assert!(
        shared.output.contains("Subscribed (mid: 1): 1"),
        "{}",
        shared.output
    );
    fixture.stop().await;
}

//! Connections that were open, and sessions that were there, when something was taken away.

use test_support::wait;
use uuid::Uuid;

use super::grant;
use super::table::Kind;
use crate::harness::{DEADLINE, Fixture, Party, Talker, Version, publish, uuid};

struct Scene {
    fixture: Fixture,
    party: Party,
    home: Uuid,
}

impl Scene {
    async fn new(kind: Kind) -> Self {
        let fixture = Fixture::new().await;
        let home = uuid();
        grant(&fixture, kind, home).await;
        let party = fixture.party().await;
        Self {
            fixture,
            party,
            home,
        }
    }

    fn topic(&self, rest: &str) -> String {
        format!("aiida/v1/{}/{rest}", self.home)
    }

    async fn connections(&self) -> usize {
        let rest = self.fixture.rest();
        rest.clients_of(&self.home.to_string()).await.len()
    }

    async fn until_gone(&self) {
        wait::until(DEADLINE, "the end of the connection", async || {
            (self.connections().await == 0).then_some(())
        })
        .await;
    }

    /// What ends a permission: the rows first, then whoever is connected.
    async fn revoke(&self) {
        self.fixture.tables.remove_home(self.home).await;
        let rest = self.fixture.rest();
        for client_id in rest.clients_of(&self.home.to_string()).await {
            rest.kick(&client_id).await;
        }
        assert_eq!(self.connections().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_publisher_is_stopped_by_its_next_message() {
    for version in Version::BOTH {
        let scene = Scene::new(Kind::Outbound).await;
        let data = scene.topic("data/outbound/smart-meter-p1-raw");
        let mut talker = Talker::new(&scene.fixture.client(version, scene.home), &data);
        talker.say("before");
        scene.party.hear(&data, "before").await;

        scene.fixture.tables.remove_rules(scene.home).await;
        talker.say("after");
        scene.until_gone().await;
        assert!(!scene.party.has_heard("after").await, "{version:?}");
        scene.fixture.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_open_connection_gets_through_after_the_kick() {
    for version in Version::BOTH {
        let scene = Scene::new(Kind::Outbound).await;
        let data = scene.topic("data/outbound/smart-meter-p1-raw");
        let client = scene.fixture.client(version, scene.home);
        let mut talker = Talker::new(&client, &data);
        talker.say("before");
        scene.party.hear(&data, "before").await;

        scene.revoke().await;
        talker.say("after");
        let again = publish(&client, &data, "again").await;
        assert!(!again.ok, "{version:?}: {}", again.output);
        assert!(!scene.party.has_heard("after").await, "{version:?}");
        assert!(!scene.party.has_heard("again").await, "{version:?}");
        assert_eq!(scene.connections().await, 0, "{version:?}");
        scene.fixture.stop().await;
    }
}

/// As at EMQX: rules are asked for when one subscribes, so an open subscription needs the kick.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_subscription_delivers_until_the_kick() {
    for version in Version::BOTH {
        let scene = Scene::new(Kind::Inbound).await;
        let inbound = scene.topic("data/inbound/opaque");
        let client = scene.fixture.client(version, scene.home);
        let ear = client.listen(&scene.topic("data/inbound/+")).await;
        // The second connection that homes with inbound permissions have.
        let second = client.with_id("another");
        let second = second.listen(&scene.topic("command/+")).await;

        scene.fixture.tables.remove_rules(scene.home).await;
        scene.party.publish(&inbound, "without rules").await;
        wait::until(DEADLINE, "the message", async || {
            ear.output().contains("without rules").then_some(())
        })
        .await;
        assert_eq!(scene.connections().await, 2);

        scene.revoke().await;
        scene.party.publish(&inbound, "after the kick").await;
        scene
            .party
            .publish(&scene.topic("command/TERMINATE"), "after the kick")
            .await;
        assert!(scene.party.has_heard("after the kick").await);
        for ear in [&ear, &second] {
            assert!(!ear.output().contains("after the kick"), "{version:?}");
        }
        scene.fixture.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_session_brings_nothing_back_after_the_kick() {
    for version in Version::BOTH {
        let scene = Scene::new(Kind::Inbound).await;
        let client = scene.fixture.client(version, scene.home).persistent();
        let ear = client.listen(&scene.topic("command/+")).await;
        drop(ear);
        let command = scene.topic("command/TERMINATE");
        scene.party.publish(&command, "for the old session").await;
        assert_eq!(
            scene.connections().await,
            1,
            "a session without a connection is listed"
        );

        scene.revoke().await;
        grant(&scene.fixture, Kind::Inbound, scene.home).await;
        let talker = Talker::new(&client, &scene.topic("status"));
        talker.wait_for("received CONNACK").await;
        scene.party.publish(&command, "for the new session").await;
        assert!(scene.party.has_heard("for the new session").await);
        assert!(
            !talker.output().contains("received PUBLISH"),
            "{version:?}: {}",
            talker.output()
        );
        drop(talker);
        scene.fixture.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_session_loses_the_subscriptions_that_its_user_may_no_longer_have() {
    for version in Version::BOTH {
        let scene = Scene::new(Kind::Inbound).await;
        let client = scene.fixture.client(version, scene.home).persistent();
        drop(client.listen(&scene.topic("command/+")).await);
        drop(client.listen(&scene.topic("termination")).await);
        scene.fixture.tables.remove_rules(scene.home).await;
        let rule = format!("ALLOW SUBSCRIBE {}", scene.topic("termination"));
        scene.fixture.tables.add_rule(scene.home, &rule).await;

        let talker = Talker::new(&client, &scene.topic("status"));
        talker.wait_for("received CONNACK").await;
        scene
            .party
            .publish(&scene.topic("command/TERMINATE"), "no longer")
            .await;
        scene
            .party
            .publish(&scene.topic("termination"), "still")
            .await;
        talker.wait_for("received PUBLISH").await;
        assert_eq!(
            talker.output().matches("received PUBLISH").count(),
            1,
            "{version:?}: {}",
            talker.output()
        );
        drop(talker);
        scene.fixture.stop().await;
    }
}

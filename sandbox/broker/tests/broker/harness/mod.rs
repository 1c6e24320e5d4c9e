//! A broker in this process on a database of its own, and clients to knock at it.

mod client;
mod party;
mod rest;

use std::net::SocketAddr;
use std::time::Duration;

use sandbox_broker::{Broker, Config};
use service_kit::program::Context;
use service_kit::random::{Random as _, SystemRandom};
use test_support::TestDatabase;
use uuid::Uuid;

pub(crate) use client::{Client, Talker, Version, publish, publish_retained, subscribe};
pub(crate) use party::Party;
pub(crate) use rest::Rest;

/// How long anything in these tests may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) const PARTY: (&str, &str) = ("the-party", "party password");
pub(crate) const API: (&str, &str) = ("a-key", "a-secret");

/// The password of every home here, and its bcrypt hash at the lowest cost.
pub(crate) const PASSWORD: &str = "home password";

/// A login role of the operator's making that may what `emqx` may.
const ROLE: (&str, &str) = ("login_of_emqx", "pw");

/// A database with the role that the broker reads it as.
pub(crate) struct Tables {
    pub(crate) database: TestDatabase,
    hash: String,
}

impl Tables {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let create = format!(
            "DO $$ BEGIN CREATE ROLE {} LOGIN PASSWORD '{}' IN ROLE emqx;
             EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
            ROLE.0, ROLE.1
        );
        database.sql(&create).await.unwrap();
        let hash = bcrypt::hash(PASSWORD, 4).unwrap();
        Self { database, hash }
    }

    pub(crate) fn url(&self) -> String {
        self.database.url_as(ROLE.0, ROLE.1)
    }

    /// A home with a login and no rules.
    pub(crate) async fn add_home(&self, id: Uuid) {
        let hash = &self.hash;
        self.sql(&format!(
            "INSERT INTO aiida.permission
                 (id, bundle_id, connection_id, data_need_id, data_need, status)
                 VALUES ('{id}', '{id}', 'a', '{id}', '{{}}', 'ACCEPTED')
                 ON CONFLICT DO NOTHING;
             INSERT INTO aiida.aiida_mqtt_user (username, password_hash, permission_id)
                 VALUES ('{id}', '{hash}', '{id}')"
        ))
        .await;
    }

    /// A rule, after those that are there: `ALLOW PUBLISH topic`.
    pub(crate) async fn add_rule(&self, home: Uuid, rule: &str) {
        let mut words = rule.splitn(3, ' ');
        let mut word = || words.next().unwrap();
        let (acl_type, action, topic) = (word(), word(), word());
        self.sql(&format!(
            "INSERT INTO aiida.aiida_mqtt_acl (username, action, acl_type, topic, permission_id)
                 VALUES ('{home}', '{action}', '{acl_type}', '{topic}', '{home}')"
        ))
        .await;
    }

    pub(crate) async fn remove_rules(&self, home: Uuid) {
        let delete = format!("DELETE FROM aiida.aiida_mqtt_acl WHERE username = '{home}'");
        self.sql(&delete).await;
    }

    /// Removes the login, and with it the rules.
    pub(crate) async fn remove_home(&self, home: Uuid) {
        let delete = format!("DELETE FROM aiida.aiida_mqtt_user WHERE username = '{home}'");
        self.sql(&delete).await;
    }

    pub(crate) async fn sql(&self, statement: &str) {
        self.database.sql(statement).await.unwrap();
    }
}

/// A running broker.
pub(crate) struct Fixture {
    pub(crate) tables: Tables,
    pub(crate) context: Context,
    pub(crate) broker: Broker,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let tables = Tables::new().await;
        let mut config = Config::on_loopback(&tables.url(), PARTY, API);
        change(&mut config);
        let context = Context::new();
        let broker = sandbox_broker::start(config, &context).await.unwrap();
        Self {
            tables,
            context,
            broker,
        }
    }

    pub(crate) fn plain(&self) -> SocketAddr {
        self.broker.addresses().plain.unwrap()
    }

    /// A home that may do what `rules` say, with `{}` for its id.
    pub(crate) async fn home(&self, rules: &[&str]) -> Uuid {
        let home = uuid();
        self.tables.add_home(home).await;
        for rule in rules {
            let rule = rule.replace("{}", &home.to_string());
            self.tables.add_rule(home, &rule).await;
        }
        home
    }

    pub(crate) fn client(&self, version: Version, home: Uuid) -> Client {
        Client::home(self.plain(), version, home)
    }

    pub(crate) async fn party(&self) -> Party {
        Party::new(self.plain()).await
    }

    pub(crate) fn rest(&self) -> Rest {
        Rest::new(self.broker.addresses().api)
    }

    pub(crate) async fn stop(self) {
        self.context.shutdown.begin_soft();
        self.broker.finished().await.unwrap();
    }
}

pub(crate) fn uuid() -> Uuid {
    SystemRandom.uuid()
}

//! Trying a whole table out, and saying which rows are wrong.

use std::sync::atomic::{AtomicU32, Ordering};

use test_support::process::Process;
use test_support::wait;
use uuid::Uuid;

use super::table::{Attempt, Row};
use crate::harness::{
    Client, DEADLINE, Fixture, Party, Rest, Talker, Version, publish, publish_retained, uuid,
};

pub(super) struct Trial {
    client: Client,
    party: Party,
    rest: Rest,
    home: Uuid,
    other: Uuid,
    /// Makes every message one of its own.
    number: AtomicU32,
}

/// A row under way.
struct Tried {
    row: Row,
    payload: String,
    ear: Option<Process>,
}

impl Trial {
    pub(super) async fn new(fixture: &Fixture, version: Version, home: Uuid, other: Uuid) -> Self {
        Self {
            client: fixture.client(version, home),
            party: fixture.party().await,
            rest: fixture.rest(),
            home,
            other,
            number: AtomicU32::new(0),
        }
    }

    /// Tries every row and compares what arrived with what the rows say.
    pub(super) async fn check(&self, phase: &str, rows: &[Row]) {
        let mut tried = Vec::new();
        for row in rows {
            tried.push(self.attempt(*row).await);
        }
        // What was sent to the listening homes before this was received has been delivered too.
        for one in &tried {
            if let Attempt::Subscribe(probe) = one.row.0 {
                self.party.publish(&self.topic(probe), &one.payload).await;
            }
        }
        let mut wrong = Vec::new();
        for one in &tried {
            let arrived = self.has_arrived(one).await;
            if arrived != one.row.2 {
                wrong.push(format!("{:?}: arrived: {arrived}", one.row));
            }
        }
        assert!(wrong.is_empty(), "{phase}:\n{}", wrong.join("\n"));
    }

    async fn attempt(&self, row: Row) -> Tried {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let payload = format!("message-{number}.");
        // Beside the connection under its own name, a home may have others.
        let client = match number % 2 {
            0 => self.client.clone(),
            _ => self.client.with_id(&format!("{}", uuid().simple())),
        };
        let topic = self.topic(row.1);
        let mut ear = None;
        match row.0 {
            Attempt::Publish => {
                publish(&client, &topic, &payload).await;
            }
            Attempt::Retain => {
                publish_retained(&client, &topic, &payload).await;
            }
            Attempt::Will => self.die(&client, &topic, &payload).await,
            // Of those that listen at the same time, each needs an id of its own.
            Attempt::Subscribe(_) => {
                let client = client.with_id(&format!("{}", uuid().simple()));
                ear = Some(client.listen(&topic).await);
            }
        }
        Tried { row, payload, ear }
    }

    /// Connects with a will and dies without a goodbye.
    async fn die(&self, client: &Client, topic: &str, payload: &str) {
        let will = [
            "--will-topic",
            topic,
            "--will-payload",
            payload,
            "--will-qos",
            "1",
        ];
        let mut talker = Talker::new(&client.with(&will), "nothing-is-published");
        wait::until(DEADLINE, "the connection or its refusal", async || {
            (talker.has_ended() || self.is_connected(&client.id).await).then_some(())
        })
        .await;
        drop(talker);
        wait::until(DEADLINE, "the end of the connection", async || {
            (!self.is_connected(&client.id).await).then_some(())
        })
        .await;
    }

    async fn is_connected(&self, client_id: &str) -> bool {
        let clients = self.rest.clients_of(&self.home.to_string()).await;
        clients.iter().any(|id| id == client_id)
    }

    async fn has_arrived(&self, tried: &Tried) -> bool {
        let Some(ear) = &tried.ear else {
            return self.party.has_heard(&tried.payload).await;
        };
        let has = || ear.output().contains(&tried.payload);
        if tried.row.2 {
            return tokio::task::block_in_place(|| wait::blocking(DEADLINE, has));
        }
        // Long enough for what was delivered to be printed.
        self.party.has_heard("nothing").await;
        has()
    }

    fn topic(&self, pattern: &str) -> String {
        pattern
            .replace("{me}", &format!("aiida/v1/{}", self.home))
            .replace("{other}", &format!("aiida/v1/{}", self.other))
    }
}

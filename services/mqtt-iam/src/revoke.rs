//! `mqtt.revoke`: shuts a home out. Never given up.
//!
//! The rows first, so that nobody comes in again; then what is in already. An open connection keeps what it has
//! subscribed to, whatever the tables say, and a retained message waits for the next reader of its topic.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use diesel_async::AsyncConnection;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use job_queue::{Handler, Job, Outcome};
use permission::PermissionId;
use serde_json::json;
use storage::kinds::MqttRevoke;
use storage::{
    audit,
    iam::{self, Revoked},
};

use crate::Iam;
use crate::broker::{Broker, BrokerError};
use crate::error::StepError;

/// How often the broker may show what was ended before, and nothing else, until the job waits for its next attempt.
const ROUNDS: u32 = 5;
/// Requests to the broker at the same time, of one revocation.
const AT_ONCE: usize = 8;
/// Between two looks. A home whose password was checked just before the rows went is connected by then.
const PAUSE: Duration = Duration::from_millis(200);

impl Handler<MqttRevoke> for Iam {
    async fn run(&self, job: Job<MqttRevoke>) -> Outcome {
        match self.revoke(&job).await {
            Ok(outcome) => outcome,
            Err(error) => error.outcome(),
        }
    }
}

impl Iam {
    async fn revoke(&self, job: &Job<MqttRevoke>) -> Result<Outcome, StepError> {
        let permission = job.payload.permission;
        let revoked = self.remove_rows(job).await?;
        if let Revoked::Needed(status) = revoked {
            tracing::error!(%permission, %status, "asked to shut out the home of a live permission: not done");
            return Ok(Outcome::Cancel(format!("the permission is {status}")));
        }
        // Also when no row was there: the run that removed them may have ended before the broker knew.
        clear(&self.broker, permission).await?;
        if revoked == Revoked::Unknown {
            metrics::counter!("mqtt_revocations_total").increment(1);
            tracing::info!(%permission, "the broker holds nothing of the erased permission any more");
            return Ok(Outcome::DoneWith(json!({ "erased": true })));
        }
        let mut conn = self.database.get().await?;
        let first = conn
            .transaction(async |conn| {
                job.lease.hold(conn).await?;
                let first = iam::mark_removed(conn, permission).await?;
                if first {
                    audit::record(conn, "mqtt.removed", Some(permission.uuid()), &json!({}))
                        .await?;
                }
                Ok::<_, StepError>(first)
            })
            .await?;
        if first {
            metrics::counter!("mqtt_revocations_total").increment(1);
            tracing::info!(%permission, "the broker holds nothing of the permission any more");
        }
        Ok(Outcome::Done)
    }

    async fn remove_rows(&self, job: &Job<MqttRevoke>) -> Result<Revoked, StepError> {
        let id = job.payload.permission;
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            let revoked = iam::revoke(conn, id).await?;
            if let Revoked::Removed(rows @ 1..) = revoked {
                let detail = json!({ "rows": rows });
                audit::record(conn, "mqtt.revoked", Some(id.uuid()), &detail).await?;
            }
            Ok::<_, StepError>(revoked)
        })
        .await
    }
}

/// Ends everything that the broker holds of a permission, and looks that it stays so.
async fn clear(broker: &Broker, permission: PermissionId) -> Result<(), StepError> {
    let username = permission.to_string();
    disconnect_all(broker, &username).await?;
    clear_retained(broker, permission).await?;
    tokio::time::sleep(PAUSE).await;
    disconnect_all(broker, &username).await
}

/// Ends the clients of a user, those of one page before the next is read: however many sessions a home has made and
/// however long their names are, each look leaves fewer.
async fn disconnect_all(broker: &Broker, username: &str) -> Result<(), StepError> {
    let mut ended = Seen::default();
    let mut rounds = 0;
    loop {
        let mut look = Look::default();
        let mut pages = broker.clients_of(username);
        while let Some(clients) = pages.next().await? {
            let mut some_new = false;
            for client in &clients {
                some_new |= look.count(ended.is_new(&client.id));
            }
            stream::iter(clients)
                .map(Ok)
                .try_for_each_concurrent(AT_ONCE, async |client| {
                    disconnect(broker, &client.id, "revoked").await
                })
                .await?;
            if some_new {
                pages.again();
            }
        }
        if look.is_done("connections", &mut rounds)? {
            return Ok(());
        }
        // It came back, or takes its time to go.
        tokio::time::sleep(PAUSE).await;
    }
}

/// What was ended before, each remembered by a few bytes.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    seen: HashSet<u64>,
}

impl Seen {
    fn is_new(&mut self, name: &str) -> bool {
        self.seen.insert(self.hasher.hash_one(name))
    }
}

/// What one look at a list has shown.
#[derive(Default)]
struct Look {
    /// Not seen in any look before.
    new: usize,
    /// Ended before, and still there.
    old: usize,
}

impl Look {
    const fn count(&mut self, is_new: bool) -> bool {
        if is_new {
            self.new += 1;
        } else {
            self.old += 1;
        }
        is_new
    }

    /// Whether nothing was there; an error after too many looks that showed nothing but what was ended before.
    const fn is_done(&self, what: &'static str, rounds: &mut u32) -> Result<bool, StepError> {
        if self.new == 0 && self.old == 0 {
            return Ok(true);
        }
        if self.new == 0 {
            *rounds += 1;
        }
        if *rounds < ROUNDS {
            return Ok(false);
        }
        Err(StepError::StillThere {
            what,
            left: self.old,
            rounds: ROUNDS,
        })
    }
}

/// Ends a connection or a session. One that is gone already is no error.
pub(crate) async fn disconnect(
    broker: &Broker,
    client_id: &str,
    reason: &'static str,
) -> Result<(), BrokerError> {
    // What the broker remembers as allowed would outlive the connection's rows.
    broker.clear_authorization(client_id).await?;
    if broker.disconnect(client_id).await? {
        metrics::counter!("mqtt_disconnections_total", "reason" => reason).increment(1);
    }
    Ok(())
}

async fn clear_retained(broker: &Broker, permission: PermissionId) -> Result<(), StepError> {
    let mut deleted = Seen::default();
    let mut rounds = 0;
    loop {
        let mut look = Look::default();
        let mut pages = broker.retained(permission);
        while let Some(messages) = pages.next().await? {
            let mut some_new = false;
            for message in &messages {
                some_new |= look.count(deleted.is_new(&message.topic));
            }
            stream::iter(messages)
                .map(Ok)
                .try_for_each_concurrent(AT_ONCE, async |message| {
                    broker.delete_retained(&message.topic).await.map(drop)
                })
                .await?;
            if some_new {
                pages.again();
            }
        }
        if look.is_done("retained messages", &mut rounds)? {
            return Ok(());
        }
    }
}

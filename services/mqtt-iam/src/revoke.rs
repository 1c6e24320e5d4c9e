//! `mqtt.revoke`: shuts a home out. Never given up.
//!
//! The rows first, so that nobody comes in again; then what is in already. An open connection keeps what it has
//! subscribed to, whatever the tables say, and a retained message waits for the next reader of its topic.

use std::collections::BTreeSet;
use std::time::Duration;

use diesel_async::AsyncConnection;
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

/// How often the broker is looked at before the job waits for its next attempt.
const ROUNDS: u32 = 5;
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
        if let Revoked::Needed(status) = self.remove_rows(job).await? {
            tracing::error!(%permission, %status, "asked to shut out the home of a live permission: not done");
            return Ok(Outcome::Cancel(format!("the permission is {status}")));
        }
        // Also when no row was there: the run that removed them may have ended before the broker knew.
        clear(&self.broker, permission).await?;
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

async fn disconnect_all(broker: &Broker, username: &str) -> Result<(), StepError> {
    let mut left = 0;
    for round in 0..ROUNDS {
        if round > 1 {
            // It came back, or takes its time to go.
            tokio::time::sleep(PAUSE).await;
        }
        let clients = broker.clients_of(username).await?;
        left = clients.len();
        if left == 0 {
            return Ok(());
        }
        for client in clients {
            disconnect(broker, &client.id, "revoked").await?;
        }
    }
    Err(StepError::StillThere {
        what: "connections",
        left,
        rounds: ROUNDS,
    })
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
    let mut left = BTreeSet::new();
    for _round in 0..ROUNDS {
        left = broker.retained(permission).await?;
        if left.is_empty() {
            return Ok(());
        }
        for topic in &left {
            broker.delete_retained(topic).await?;
        }
    }
    Err(StepError::StillThere {
        what: "retained messages",
        left: left.len(),
        rounds: ROUNDS,
    })
}

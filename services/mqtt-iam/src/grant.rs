//! `mqtt.grant`: lets a home in. The home waits for it, so it is one short transaction and asks nobody else.

use diesel_async::AsyncConnection;
use job_queue::{Handler, Job, Outcome};
use serde_json::json;
use storage::kinds::MqttGrant;
use storage::{
    audit,
    iam::{self, Granted},
};

use crate::Iam;
use crate::error::StepError;

impl Handler<MqttGrant> for Iam {
    async fn run(&self, job: Job<MqttGrant>) -> Outcome {
        match self.grant(&job).await {
            Ok(granted) => told(&job, granted),
            Err(error) => error.outcome(),
        }
    }
}

impl Iam {
    async fn grant(&self, job: &Job<MqttGrant>) -> Result<Granted, StepError> {
        let id = job.payload.permission;
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            let granted = iam::grant(conn, id).await?;
            if granted == Granted::Written {
                audit::record(conn, "mqtt.granted", Some(id.uuid()), &json!({})).await?;
            }
            Ok::<_, StepError>(granted)
        })
        .await
    }
}

/// Counts and logs what has come of it.
fn told(job: &Job<MqttGrant>, granted: Granted) -> Outcome {
    let permission = job.payload.permission;
    let outcome = match granted {
        Granted::Written => "written",
        Granted::Unchanged => "unchanged",
        Granted::NotNeeded(_) | Granted::NoCredential | Granted::Unknown => "nothing",
    };
    metrics::counter!("mqtt_grants_total", "outcome" => outcome).increment(1);
    match granted {
        Granted::Written => tracing::info!(%permission, "the home may connect to the broker"),
        Granted::Unchanged => {}
        Granted::NotNeeded(status) => {
            tracing::info!(%permission, %status, "nothing to grant: the permission is not live");
        }
        Granted::NoCredential => {
            tracing::error!(%permission, "a live permission has no credential: its home cannot connect; ask the household anew");
        }
        Granted::Unknown => {
            return Outcome::Cancel("there is no such permission".to_owned());
        }
    }
    Outcome::Done
}

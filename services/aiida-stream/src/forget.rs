//! The job `aiida.forget`: a permission was erased, and messages of its home were on their way. Repeated until the broker
//! is clear of the home and nothing comes any more.

use std::sync::Arc;

use diesel_async::AsyncConnection as _;
use job_queue::{Handler, Job, Outcome, QueueError};
use storage::DatabaseError;
use storage::erasure::{self, Late, STILL_STORED};
use storage::kinds::AiidaForget;

use crate::Service;

pub(crate) struct Forget(pub(crate) Arc<Service>);

#[derive(Debug, thiserror::Error)]
enum ForgetError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Lost(#[from] job_queue::LeaseLost),
}

impl Handler<AiidaForget> for Forget {
    async fn run(&self, job: Job<AiidaForget>) -> Outcome {
        match self.delete(&job).await {
            Ok(Late::NotErased) => Outcome::Cancel("the permission is there".to_owned()),
            Ok(Late::Deleted(erased)) if erased.is_empty() => Outcome::Done,
            Ok(Late::Deleted(_) | Late::BrokerNotClear) => Outcome::Snooze(STILL_STORED),
            Err(error) => Outcome::retry(&error),
        }
    }
}

impl Forget {
    async fn delete(&self, job: &Job<AiidaForget>) -> Result<Late, ForgetError> {
        let mut conn = self.0.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            Ok(erasure::late(conn, job.payload.permission).await?)
        })
        .await
    }
}

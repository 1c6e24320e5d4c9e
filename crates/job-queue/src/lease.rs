//! A worker's hold on a running job.

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::functions;

/// Names a claim: every write of the worker that made it is bound to this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub(crate) id: i64,
    pub(crate) token: Uuid,
}

/// The lease was lost (it expired, or the job was discarded), or the database could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum LeaseLost {
    /// Somebody else may be running the job by now: change nothing.
    #[error("the lease of job {0} was lost")]
    Lost(i64),
    /// The database could not tell.
    #[error("the job table: {0}")]
    Database(#[from] diesel::result::Error),
}

impl Lease {
    /// Makes sure that the transaction `conn` is in commits only under this lease: first statement
    /// of every transaction in which a handler writes. Fails when the lease was lost.
    pub async fn hold(&self, conn: &mut AsyncPgConnection) -> Result<(), LeaseLost> {
        let held = diesel::select(functions::hold(self.id, self.token))
            .get_result(conn)
            .await?;
        self.or_lost(held)
    }

    /// The work went on: attempts before now no longer count. In the transaction of the progress.
    pub async fn progressed(&self, conn: &mut AsyncPgConnection) -> Result<(), LeaseLost> {
        let held = diesel::select(functions::progressed(self.id, self.token))
            .get_result(conn)
            .await?;
        self.or_lost(held)
    }

    const fn or_lost(&self, held: bool) -> Result<(), LeaseLost> {
        if held {
            Ok(())
        } else {
            Err(LeaseLost::Lost(self.id))
        }
    }
}

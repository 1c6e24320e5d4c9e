//! Holds a slot: renews its lease, and says at once when it is lost.

use std::time::Duration;

use storage::Database;
use storage::aiida::stream::slot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A leased slot. Dropping it stops the renewal; [`Lease::release`] gives it back at once.
pub(crate) struct Lease {
    pub(crate) number: i32,
    /// Cancelled when somebody else may have the slot.
    pub(crate) lost: CancellationToken,
    database: Database,
    holder: Uuid,
    keeper: JoinHandle<()>,
}

impl Lease {
    /// Keeps a slot that was taken at `taken` or later.
    pub(crate) fn keep(
        database: Database,
        number: i32,
        holder: Uuid,
        time: Duration,
        taken: Instant,
    ) -> Self {
        let lost = CancellationToken::new();
        let (kept, told) = (database.clone(), lost.clone());
        let keeper = tokio::spawn(async move {
            renew(&kept, number, holder, time, taken).await;
            told.cancel();
        });
        Self {
            number,
            lost,
            database,
            holder,
            keeper,
        }
    }

    /// Ends the lease, for whoever comes next.
    pub(crate) async fn release(self) {
        self.keeper.abort();
        let released = timeout(Duration::from_secs(5), async {
            let mut conn = self.database.get().await?;
            slot::release(&mut conn, self.number, self.holder).await?;
            Ok::<_, storage::DatabaseError>(())
        });
        if !matches!(released.await, Ok(Ok(()))) {
            tracing::warn!(
                slot = self.number,
                "the slot could not be given back; its lease ends by itself"
            );
        }
    }

    /// Forgets the slot: its session is no more.
    pub(crate) async fn forget(self) -> Result<(), storage::DatabaseError> {
        self.keeper.abort();
        let mut conn = self.database.get().await?;
        slot::forget(&mut conn, self.number, self.holder).await?;
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Returns when the lease is over: somebody else has the slot, or the database has not renewed it in time.
async fn renew(database: &Database, number: i32, holder: Uuid, time: Duration, taken: Instant) {
    let mut renewed = taken;
    loop {
        // Three times a lease, and at its end at the latest.
        let left = time.saturating_sub(renewed.elapsed());
        if left.is_zero() {
            tracing::warn!(
                slot = number,
                "the lease of the slot ran out: the database did not answer"
            );
            return;
        }
        sleep((time / 3).min(left)).await;
        let asked = Instant::now();
        let left = time.saturating_sub(renewed.elapsed());
        let answer = timeout(left, async {
            let mut conn = database.get().await?;
            Ok::<_, storage::DatabaseError>(slot::renew(&mut conn, number, holder, time).await?)
        });
        match answer.await {
            Ok(Ok(true)) => renewed = asked,
            Ok(Ok(false)) => {
                tracing::warn!(slot = number, "another replica has taken the slot");
                return;
            }
            Ok(Err(error)) => tracing::debug!(slot = number, %error, "the lease was not renewed"),
            Err(_) => {}
        }
    }
}

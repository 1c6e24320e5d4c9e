//! One connection per process that listens for the job table's notifications, outside the pool.

use std::time::Duration;

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::StreamExt;
use service_kit::shutdown::Shutdown;
use tokio::sync::broadcast;

/// What the listener passes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A job of this kind became available.
    Ready(String),
    /// This announced job ended.
    Done(i64),
    /// The listener has (re)connected: anything may have been missed, so look.
    Connected,
}

/// Spreads the notifications within the process.
#[derive(Debug, Clone)]
pub struct Listener {
    notices: broadcast::Sender<Notice>,
}

impl Listener {
    /// Starts listening in the background until the hard shutdown; reconnects by itself.
    #[must_use]
    pub fn start(database_url: String, shutdown: &Shutdown) -> Self {
        let (notices, _) = broadcast::channel(1024);
        let listener = Self {
            notices: notices.clone(),
        };
        let stop = shutdown.hard().clone();
        tokio::spawn(async move {
            let _ended = stop
                .run_until_cancelled(listen_forever(&database_url, &notices))
                .await;
        });
        listener
    }

    /// From now on; a receiver that lags treats that as [`Notice::Connected`].
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }
}

async fn listen_forever(database_url: &str, notices: &broadcast::Sender<Notice>) {
    const FIRST_WAIT: Duration = Duration::from_millis(50);
    const LONGEST_WAIT: Duration = Duration::from_secs(3);
    let mut wait = FIRST_WAIT;
    loop {
        let mut listened = false;
        if let Err(error) = listen(database_url, notices, &mut listened).await {
            tracing::warn!(%error, "the job table's notifications are interrupted; polling goes on");
        }
        wait = if listened {
            FIRST_WAIT
        } else {
            (wait * 2).min(LONGEST_WAIT)
        };
        tokio::time::sleep(wait).await;
    }
}

/// Until the connection ends; notes when it was listening.
async fn listen(
    database_url: &str,
    notices: &broadcast::Sender<Notice>,
    listened: &mut bool,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut conn = AsyncPgConnection::establish(database_url).await?;
    conn.batch_execute("LISTEN jobs_ready; LISTEN jobs_done")
        .await?;
    *listened = true;
    // Only now: whoever looks at the table from here on is told of all that comes after.
    send(notices, Notice::Connected);
    let mut stream = std::pin::pin!(conn.notifications_stream());
    while let Some(notification) = stream.next().await {
        let notification = notification?;
        match (notification.channel.as_str(), notification.payload.parse()) {
            ("jobs_ready", _) => send(notices, Notice::Ready(notification.payload)),
            ("jobs_done", Ok(id)) => send(notices, Notice::Done(id)),
            _ => {}
        }
    }
    Ok(())
}

/// Nobody listening is no error.
fn send(notices: &broadcast::Sender<Notice>, notice: Notice) {
    let _receivers = notices.send(notice);
}

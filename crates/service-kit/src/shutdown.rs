//! Soft and hard shutdown.
//!
//! The first signal (SIGTERM, SIGINT) begins the *soft* shutdown: take no new work, finish or hand
//! back what is under way. A second signal, or a deadline after the first, begins the *hard* one:
//! stop where you stand. Hard implies soft. Tasks that must be waited for are tracked.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The state of the shutdown, shared by cloning.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// A shutdown that only [`begin_soft`](Self::begin_soft) and
    /// [`begin_hard`](Self::begin_hard) begin: for tests and for parts of a larger program.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A shutdown that SIGTERM and SIGINT begin, and that turns hard `hard_after` the soft one
    /// began, however it began. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the signal handlers cannot be installed.
    pub fn on_signals(hard_after: Duration) -> io::Result<Self> {
        let mut signals = Signals::install()?;
        let shutdown = Self::new();
        let watched = shutdown.clone();
        tokio::spawn(async move {
            tokio::select! {
                name = signals.next() => {
                    tracing::info!(signal = name, "stopping: finishing what is under way");
                    watched.begin_soft();
                }
                () = watched.soft.cancelled() => {}
            }
            tokio::select! {
                name = signals.next() => {
                    tracing::warn!(signal = name, "stopping at once");
                }
                () = tokio::time::sleep(hard_after) => {
                    tracing::warn!(seconds = hard_after.as_secs(), "the time to finish is over: stopping at once");
                }
                () = watched.hard.cancelled() => {}
            }
            watched.begin_hard();
        });
        Ok(shutdown)
    }

    /// Cancelled once no new work is to be taken.
    #[must_use]
    pub const fn soft(&self) -> &CancellationToken {
        &self.soft
    }

    /// Cancelled once everything is to stop where it stands.
    #[must_use]
    pub const fn hard(&self) -> &CancellationToken {
        &self.hard
    }

    /// Begins the soft shutdown.
    pub fn begin_soft(&self) {
        self.soft.cancel();
    }

    /// Begins the hard shutdown, and with it the soft one.
    pub fn begin_hard(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    /// The tracker of tasks that [`finish`](Self::finish) waits for: `tasks().spawn(…)`.
    #[must_use]
    pub const fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Begins the soft shutdown if nobody has, then waits until every tracked task has ended or
    /// the hard shutdown has begun. True when all ended.
    pub async fn finish(&self) -> bool {
        self.begin_soft();
        self.tasks.close();
        tokio::select! {
            biased;
            () = self.tasks.wait() => true,
            () = self.hard.cancelled() => false,
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hard_implies_soft_and_clones_agree() {
        let shutdown = Shutdown::new();
        let clone = shutdown.clone();
        assert!(!clone.soft().is_cancelled());
        clone.begin_hard();
        assert!(shutdown.soft().is_cancelled());
        assert!(shutdown.hard().is_cancelled());
    }

    #[tokio::test]
    async fn finish_waits_for_tracked_tasks() {
        let shutdown = Shutdown::new();
        let soft = shutdown.soft().clone();
        let task = shutdown
            .tasks()
            .spawn(async move { soft.cancelled().await });
        assert!(shutdown.finish().await);
        assert!(task.is_finished());
    }

    #[tokio::test]
    async fn finish_gives_up_when_the_shutdown_turns_hard() {
        let shutdown = Shutdown::new();
        shutdown.tasks().spawn(std::future::pending::<()>());
        let other = shutdown.clone();
        let waiting = tokio::spawn(async move { other.finish().await });
        shutdown.soft().cancelled().await;
        shutdown.begin_hard();
        assert!(!waiting.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_turns_a_soft_shutdown_hard() {
        let shutdown = Shutdown::on_signals(Duration::from_secs(30)).unwrap();
        let begun = tokio::time::Instant::now();
        shutdown.begin_soft();
        shutdown.hard().cancelled().await;
        assert_eq!(begun.elapsed().as_secs(), 30);
    }
}

//! The services under test, started, stopped and killed.

use clap::{Args as _, Command, FromArgMatches as _};
use jiff::Timestamp;
use service_kit::clock::ManualClock;
use service_kit::program::Context;
use tokio::task::JoinHandle;

use super::World;

/// A service that runs in this process.
pub(crate) struct Running {
    context: Context,
    task: JoinHandle<()>,
}

impl Running {
    /// Ends it as a crash would: nothing that it was doing is finished or handed back.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _aborted = self.task.await;
        // What is left of it holds no job: the listener for notifications.
        self.context.shutdown.begin_hard();
    }

    /// Ends it in order.
    pub(crate) async fn stop(self) {
        self.context.shutdown.begin_soft();
        self.task.await.unwrap();
    }
}

pub(super) fn fetcher_config(line: &[String]) -> smd_fetcher::Config {
    let command = smd_fetcher::Config::augment_args(Command::new("smd-fetcher"));
    let matches = command.try_get_matches_from(line).unwrap();
    smd_fetcher::Config::from_arg_matches(&matches).unwrap()
}

impl World {
    /// Starts a fetcher.
    pub(crate) fn fetcher(&self) -> Running {
        self.fetcher_in(Context::new())
    }

    /// Starts a fetcher on a machine whose clock shows another time.
    pub(crate) fn fetcher_at(&self, time: Timestamp) -> Running {
        self.fetcher_in(Context {
            clock: ManualClock::new(time).shared(),
            ..Context::new()
        })
    }

    fn fetcher_in(&self, context: Context) -> Running {
        let config = fetcher_config(&self.arguments);
        let own = context.clone();
        let task = tokio::spawn(async move { smd_fetcher::run(config, own).await.unwrap() });
        Running { context, task }
    }

    /// Starts an exporter.
    pub(crate) fn exporter(&self) -> Running {
        let command = csv_exporter::Config::augment_args(Command::new("csv-exporter"));
        let output = self.output.path().to_str().unwrap();
        let url = self.database.url();
        let line = [
            "csv-exporter",
            "--database-url",
            &url,
            "--output-dir",
            output,
        ];
        let matches = command.try_get_matches_from(line).unwrap();
        let config = csv_exporter::Config::from_arg_matches(&matches).unwrap();
        let context = Context::new();
        let own = context.clone();
        let task = tokio::spawn(async move { csv_exporter::run(config, own).await.unwrap() });
        Running { context, task }
    }
}

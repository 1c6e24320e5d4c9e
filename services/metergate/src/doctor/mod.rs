//! `metergate doctor`: checks everything that can be checked, and says the remedy.
//!
//! A file per concern: [`database`] (reach, schema, clock, settings), [`roles`], [`output`], [`custodian`] (our
//! certificate, PG&E's connection test), [`public`] (what visitors and homes meet), [`broker`]. [`certificate`] judges
//! what [`tls`] has seen of a server, [`report`] prints the lines.

mod broker;
mod certificate;
mod custodian;
mod database;
mod output;
mod public;
mod report;
mod roles;
mod tls;

use std::io::Write;

use crate::command::{CommandError, block_on};
use crate::config::Config;
use report::Report;

/// Checks configuration and database, and for each side that is configured: keys, certificates, output folder,
/// custodian, and the public addresses; permission facade, stream, broker and the homes' listener. A line each: `ok`,
/// `FAILED` or `note`, with the remedy. Fails when one of the checks did.
#[derive(Debug, clap::Args)]
pub struct Doctor {
    #[command(flatten)]
    config: Config,
    /// Send nothing to the custodian, the broker and the public addresses.
    #[arg(long)]
    offline: bool,
}

/// Something is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// The command itself.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The output.
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
    /// Checks that failed.
    #[error("{0} of the checks failed")]
    Failed(usize),
}

impl Doctor {
    /// Runs all checks; fails when one of them did.
    pub fn run(self, out: &mut impl Write) -> Result<(), DoctorError> {
        service_kit::http::install_tls_provider();
        block_on(self.check(out))
    }

    async fn check(&self, out: &mut dyn Write) -> Result<(), DoctorError> {
        let config = &self.config;
        let near_real_time = config.has_near_real_time();
        let history = config.has_history() || !near_real_time;
        let mut report = Report::new(out, public::is_trial(config));
        let database = database::check(&mut report, config).await;
        if let Some(database) = &database {
            roles::check(&mut report, database, history, near_real_time).await;
        }
        if history {
            custodian::keys(&mut report, config);
            output::check(&mut report, &config.output);
            custodian::check(&mut report, config, database.clone(), self.offline).await;
        }
        if near_real_time {
            broker::check(&mut report, config, database.as_ref(), self.offline).await;
        }
        if !self.offline {
            public::check(&mut report, config).await;
        }
        match report.end()? {
            0 => Ok(()),
            failed => Err(DoctorError::Failed(failed)),
        }
    }
}

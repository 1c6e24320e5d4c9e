//! `metergate jobs`: what an operator does with jobs by hand.

use std::future::Future;
use std::io::{self, Write};

use job_queue::QueueError;
use job_queue::operate::{self, JobRow};
use serde_json::json;
use storage::aiida::ApiKeyId;
use storage::{Database, DatabaseConfig, DatabaseError, MigrateError, audit};

/// Lists, shows, retries or discards jobs.
#[derive(Debug, clap::Args)]
pub struct Jobs {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// The newest jobs that are not completed.
    List {
        /// Only this state: available, running, completed, discarded or cancelled.
        #[arg(long)]
        state: Option<String>,
        /// Only this kind, as smd.fetch.
        #[arg(long)]
        kind: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 50)]
        limit: i64,
    },
    /// One job with the errors of its attempts, as JSON.
    Show {
        /// Its id.
        id: i64,
    },
    /// Runs a discarded or waiting job now.
    Retry {
        /// Its id.
        id: i64,
    },
    /// Gives a waiting or running job up, with what its kind declares for that case.
    Discard {
        /// Its id.
        id: i64,
        /// Why; kept with the job.
        #[arg(long, default_value = "discarded by the operator")]
        reason: String,
    },
}

/// A command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No runtime.
    #[error("cannot start the runtime: {0}")]
    Runtime(#[source] io::Error),
    /// The output.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The schema.
    #[error(transparent)]
    Schema(#[from] MigrateError),
    /// A query.
    #[error("the database: {0}")]
    Query(#[from] diesel::result::Error),
    /// The job table.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// No such job.
    #[error("there is no job {0}: completed ones are kept for a day (`metergate jobs list`)")]
    NoJob(i64),
    /// The job is in another state.
    #[error("job {id} cannot be {verb}: it has ended or is running (`metergate jobs show {id}`)")]
    WrongState {
        /// Its id.
        id: i64,
        /// What was wanted.
        verb: &'static str,
    },
    /// No such customer.
    #[error(
        "nobody is known by {0:?}: give the subscription id or our id of the authorization, for AIIDA the connection id or the id of a permission"
    )]
    NoCustomer(String),
    /// No such key.
    #[error("no valid key has the id {0} (`metergate api-keys list`)")]
    NoKey(ApiKeyId),
}

/// Runs a command's future to its end.
pub fn block_on<T>(future: impl Future<Output = T>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CommandError::Runtime)?;
    Ok(runtime.block_on(future))
}

impl Jobs {
    /// Carries the action out.
    pub fn run(self, out: &mut impl Write) -> Result<(), CommandError> {
        block_on(self.act(out))?
    }

    async fn act(self, out: &mut impl Write) -> Result<(), CommandError> {
        let database = Database::new(&self.database)?;
        let mut conn = database.get().await?;
        storage::check_version(&mut conn).await?;
        match self.action {
            Action::List { state, kind, limit } => {
                for job in
                    operate::list(&mut conn, state.as_deref(), kind.as_deref(), limit).await?
                {
                    let last = job.errors.last().map_or("", String::as_str);
                    writeln!(
                        out,
                        "{:>8}  {:<14} {:<10} {:>3}  {}  {last}",
                        job.id,
                        job.kind,
                        job.state,
                        job.attempt,
                        job.run_at.to_jiff()
                    )?;
                }
            }
            Action::Show { id } => {
                let job = operate::show(&mut conn, id)
                    .await?
                    .ok_or(CommandError::NoJob(id))?;
                writeln!(out, "{:#}", describe(&job))?;
            }
            Action::Retry { id } => {
                let changed = operate::retry(&mut conn, id).await?;
                changed.then_some(()).ok_or(CommandError::WrongState {
                    id,
                    verb: "retried",
                })?;
                audit::record(&mut conn, "job.retried", None, &json!({ "job": id })).await?;
                writeln!(out, "job {id} runs again")?;
            }
            Action::Discard { id, reason } => {
                let changed = operate::discard(&mut conn, id, &reason).await?;
                changed.then_some(()).ok_or(CommandError::WrongState {
                    id,
                    verb: "discarded",
                })?;
                audit::record(&mut conn, "job.discarded", None, &json!({ "job": id })).await?;
                writeln!(out, "job {id} is discarded")?;
            }
        }
        Ok(())
    }
}

fn describe(job: &JobRow) -> serde_json::Value {
    json!({
        "id": job.id,
        "kind": job.kind,
        "payload": job.payload,
        "state": job.state,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "run_at": job.run_at.to_jiff(),
        "created_at": job.created_at.to_jiff(),
        "finished_at": job.finished_at.map(jiff_diesel::Timestamp::to_jiff),
        "errors": job.errors,
    })
}

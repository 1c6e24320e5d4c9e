//! `metergate jobs`: what an operator does with jobs by hand.

use std::io::Write;

use diesel_async::AsyncPgConnection;
use job_queue::operate::{self, JobRow};
use serde_json::{Value, json};
use storage::{DatabaseConfig, operator};

use crate::command::{CommandError, on_database};
use crate::table::{Format, Table, at, maybe_at, record};

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
        #[command(flatten)]
        format: Format,
    },
    /// One job with the errors of its attempts.
    Show {
        /// Its id.
        id: i64,
        #[command(flatten)]
        format: Format,
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

impl Jobs {
    /// Carries the action out.
    pub fn run(self, out: &mut impl Write) -> Result<(), CommandError> {
        on_database(&self.database, async |_, mut conn| {
            self.action.carry_out(&mut conn, out).await
        })
    }
}

impl Action {
    async fn carry_out(
        self,
        conn: &mut AsyncPgConnection,
        out: &mut impl Write,
    ) -> Result<(), CommandError> {
        match self {
            Self::List {
                state,
                kind,
                limit,
                format,
            } => {
                let jobs = operate::list(conn, state.as_deref(), kind.as_deref(), limit).await?;
                list(&jobs).print(out, format)?;
            }
            Self::Show { id, format } => {
                let job = operate::show(conn, id)
                    .await?
                    .ok_or(CommandError::NoJob(id))?;
                record(out, format, &describe(&job))?;
            }
            Self::Retry { id } => {
                let changed = operator::retry_job(conn, id, None).await?;
                changed.then_some(()).ok_or(CommandError::WrongState {
                    id,
                    verb: "retried",
                })?;
                writeln!(out, "job {id} runs again")?;
            }
            Self::Discard { id, reason } => {
                let changed = operator::discard_job(conn, id, &reason, None).await?;
                changed.then_some(()).ok_or(CommandError::WrongState {
                    id,
                    verb: "discarded",
                })?;
                writeln!(out, "job {id} is discarded")?;
            }
        }
        Ok(())
    }
}

fn list(jobs: &[JobRow]) -> Table {
    let mut table = Table::new(&["id", "kind", "state", "attempt", "run_at", "last_error"]);
    for job in jobs {
        table.row(vec![
            json!(job.id),
            json!(job.kind),
            json!(job.state),
            json!(job.attempt),
            at(job.run_at.to_jiff()),
            json!(job.errors.last()),
        ]);
    }
    table
}

fn describe(job: &JobRow) -> Vec<(&'static str, Value)> {
    vec![
        ("id", json!(job.id)),
        ("kind", json!(job.kind)),
        ("payload", json!(job.payload)),
        ("state", json!(job.state)),
        ("attempt", json!(job.attempt)),
        ("max_attempts", json!(job.max_attempts)),
        ("run_at", at(job.run_at.to_jiff())),
        ("created_at", at(job.created_at.to_jiff())),
        (
            "finished_at",
            maybe_at(job.finished_at.map(jiff_diesel::Timestamp::to_jiff)),
        ),
        ("errors", json!(job.errors)),
    ]
}

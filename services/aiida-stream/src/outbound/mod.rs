//! Commands and inbound data to homes: the job `aiida.command`, published over paho.
//!
//! What was asked for lies in `aiida.outgoing`. Whoever publishes to a home holds its lock, from reading what
//! waits to the commit that says it is published, so that messages reach the broker in their order whatever the
//! number of replicas and retries; a crash before the commit publishes the last one again. What the permission
//! does not cover, or no longer, is dropped with a reason.

mod link;
mod rule;

use std::sync::Arc;
use std::time::Duration;

use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use jiff::civil::Date;
use job_queue::{Handler, Job, LeaseLost, Outcome};
use storage::aiida::outgoing::{self, Outgoing};
use storage::aiida::permission;
use storage::aiida::stream::binding;
use storage::kinds::AiidaCommand;
use storage::{Connection, Database, DatabaseError, clock};

use crate::Service;
use crate::partitions::day_of;
use link::{Link, LinkError};
use rule::Reason;

/// Messages that this process publishes at a time, at most; each holds a database connection while it waits for
/// the broker.
pub(crate) const CONCURRENCY: usize = 4;

/// Until the home's lock is tried again: whoever has it is waiting for the broker.
const OCCUPIED: Duration = Duration::from_millis(200);

/// Sending to homes.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Commands and inbound data")]
pub struct OutboundConfig {
    /// Whether the broker keeps the last inbound data of each schema for a home that is not there. Without, a
    /// home that is offline never gets it.
    #[arg(
        long = "aiida-stream-retain-inbound",
        env = "METERGATE_AIIDA_STREAM_RETAIN_INBOUND",
        default_value_t = true,
        action = clap::ArgAction::Set
    )]
    pub stream_retain_inbound: bool,
}

/// Publishes what waits for homes.
#[derive(Clone)]
pub(crate) struct Outbound {
    database: Database,
    link: Arc<Link>,
    retain_inbound: bool,
}

/// A step that failed.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Lease(#[from] LeaseLost),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("the database: {0}")]
    Query(#[from] diesel::result::Error),
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// What a transaction has done.
enum Step {
    /// A message is published or dropped; there may be more.
    Settled,
    /// Nothing waits up to the job's message.
    Nothing,
    /// Somebody else publishes to this home.
    Occupied,
}

impl Handler<AiidaCommand> for Outbound {
    async fn run(&self, job: Job<AiidaCommand>) -> Outcome {
        match self.send(&job).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::retry(&error),
        }
    }
}

impl Outbound {
    /// With a connection of its own to the broker, made when it is first needed.
    pub(crate) fn new(
        Service {
            database,
            config,
            context,
        }: &Service,
    ) -> Self {
        metrics::describe_counter!(
            "aiida_outgoing_total",
            "Commands and inbound data for homes, by kind and by what became of them"
        );
        Self {
            database: database.clone(),
            link: Arc::new(Link::new(&config.broker, &*context.random)),
            retain_inbound: config.outbound.stream_retain_inbound,
        }
    }

    /// Takes leave of the broker; to be called when no job runs any more.
    pub(crate) async fn close(&self) {
        self.link.close().await;
    }

    /// Publishes or drops everything that waits up to the job's message, one transaction each.
    async fn send(&self, job: &Job<AiidaCommand>) -> Result<Outcome, StepError> {
        let message = {
            let mut conn = self.database.get().await?;
            outgoing::get(&mut conn, job.payload.message).await?
        };
        let Some(message) = message else {
            return Ok(Outcome::Cancel("there is no such message".to_owned()));
        };
        while !job.stopping.is_cancelled() {
            self.link.connect().await?;
            let mut conn = self.database.get().await?;
            match self.step(&mut conn, job, &message).await? {
                Step::Settled => {}
                Step::Nothing => return Ok(Outcome::Done),
                Step::Occupied => return Ok(Outcome::Snooze(OCCUPIED)),
            }
        }
        Ok(Outcome::HandBack)
    }

    async fn step(
        &self,
        conn: &mut Connection,
        job: &Job<AiidaCommand>,
        last: &Outgoing,
    ) -> Result<Step, StepError> {
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            if !outgoing::try_lock(conn, last.permission).await? {
                return Ok(Step::Occupied);
            }
            let Some(message) = outgoing::next(conn, last).await? else {
                return Ok(Step::Nothing);
            };
            let refused = self.publish(conn, &message).await?;
            if let Some(reason) = &refused {
                outgoing::drop(conn, message.id, &reason.to_string()).await?;
            } else {
                outgoing::mark_published(conn, message.id).await?;
            }
            note(&message, refused.as_ref());
            Ok(Step::Settled)
        })
        .await
    }

    /// Publishes a message if it may be; answers why it is to be dropped otherwise.
    async fn publish(
        &self,
        conn: &mut AsyncPgConnection,
        message: &Outgoing,
    ) -> Result<Option<Reason>, StepError> {
        // Whoever erases the household waits for the commit, and has the broker cleared after it.
        binding::hold(conn, &[message.permission]).await?;
        // Otherwise the message has gone with its permission.
        let Some(known) = permission::get(conn, message.permission).await? else {
            return Ok(None);
        };
        let newer = outgoing::newer(conn, message).await?;
        let today = today(conn).await?;
        let packets = rule::packets(message, newer, &known, today, self.retain_inbound);
        let reason = match packets {
            Err(reason) => reason,
            Ok(packets) => {
                match self.link.publish(&packets).await {
                    Err(error) if error.is_for_good() => {
                        return Ok(Some(Reason::Broker(error.to_string())));
                    }
                    other => other?,
                }
                // It may have ended while the broker took its time, and the broker's retained messages may have
                // been cleared just before ours arrived. Whoever ends it from now on clears ours too.
                let Some(after) = permission::get(conn, message.permission).await? else {
                    return Ok(None);
                };
                match rule::standing(message, &after, today) {
                    Ok(()) => return Ok(None),
                    Err(reason) => reason,
                }
            }
        };
        if reason.must_leave_nothing() {
            self.link
                .publish(&rule::forgetting(message, &known))
                .await?;
        }
        Ok(Some(reason))
    }
}

async fn today(conn: &mut AsyncPgConnection) -> diesel::QueryResult<Date> {
    Ok(day_of(clock::now(conn).await?))
}

fn note(message: &Outgoing, refused: Option<&Reason>) {
    let outcome = refused.map_or("published", Reason::label);
    metrics::counter!("aiida_outgoing_total", "kind" => message.kind.name(), "outcome" => outcome)
        .increment(1);
    let (permission, kind) = (message.permission, message.kind.name());
    match refused {
        None => tracing::info!(%permission, kind, name = message.name, "told a home"),
        Some(reason) => {
            tracing::info!(%permission, kind, name = message.name, %reason, "a home is not told");
        }
    }
}

#[cfg(test)]
mod tests;

//! The job that tells the webhook, event by event.

use std::time::Duration;

use diesel_async::AsyncConnection as _;
use jiff::SignedDuration;
use job_queue::{Handler, Job, LeaseLost, Outcome};
use permission::{DataNeedId, PermissionId, Status};
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::json;
use storage::aiida::event::{self, Event};
use storage::aiida::webhook;
use storage::kinds::WebhookDeliver;
use storage::{DatabaseError, audit};
use tokio::time::Instant;

use super::{PASS_OVER_AFTER, Receiver, Webhook, sign};

/// Events that are read at a time.
const BATCH: i64 = 50;

/// How long one run goes on before the next takes over: well below the deadline of the kind.
const LONGEST_RUN: Duration = Duration::from_mins(5);

/// What the receiver is told of an event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    event_id: i64,
    permission_id: PermissionId,
    connection_id: &'a str,
    data_need_id: DataNeedId,
    status: Status,
    at: jiff::Timestamp,
}

/// Why the receiver does not have an event.
#[derive(Debug, thiserror::Error)]
enum NotTold {
    /// It answered that there is something wrong with the event itself.
    #[error("the webhook's receiver refuses event {event}: it answers {status}")]
    Refused {
        /// The event.
        event: i64,
        /// Its answer.
        status: StatusCode,
    },
    /// Another answer than a success.
    #[error("the webhook's receiver answers {0}: check METERGATE_WEBHOOK_URL and the receiver")]
    Answer(StatusCode),
    /// No answer.
    #[error(
        "the webhook's receiver does not answer: check METERGATE_WEBHOOK_URL and that it is up"
    )]
    Silent(#[source] reqwest::Error),
}

/// Why a run ends early.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    #[error(transparent)]
    Lease(#[from] LeaseLost),
    #[error("an event as JSON")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    NotTold(#[from] NotTold),
}

impl Handler<WebhookDeliver> for Webhook {
    async fn run(&self, job: Job<WebhookDeliver>) -> Outcome {
        let Some(receiver) = &self.receiver else {
            return Outcome::Cancel("no webhook is configured (any more)".to_owned());
        };
        match self.tell_all(receiver, &job).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::retry(&error),
        }
    }
}

impl Webhook {
    async fn tell_all(
        &self,
        receiver: &Receiver,
        job: &Job<WebhookDeliver>,
    ) -> Result<Outcome, Failed> {
        let started = Instant::now();
        loop {
            let (mut told, events) = {
                let mut conn = self.database.get().await?;
                let told = webhook::standing(&mut conn).await?.told;
                (told, event::after(&mut conn, told, BATCH).await?)
            };
            if events.is_empty() {
                return Ok(Outcome::Done);
            }
            // Those that are not told are passed together with the next one that is.
            let passed = events
                .last()
                .filter(|last| !is_told(last.status))
                .map(|last| last.id);
            for event in events.into_iter().filter(|event| is_told(event.status)) {
                if job.stopping.is_cancelled() {
                    return Ok(Outcome::HandBack);
                }
                if started.elapsed() > LONGEST_RUN {
                    return Ok(Outcome::Snooze(Duration::ZERO));
                }
                self.tell(receiver, job, told, &event).await?;
                told = event.id;
            }
            if let Some(last) = passed {
                self.pass(job, told, last).await?;
            }
        }
    }

    /// Tells one event and moves on; an error when the receiver does not have it.
    async fn tell(
        &self,
        receiver: &Receiver,
        job: &Job<WebhookDeliver>,
        told: i64,
        event: &Event,
    ) -> Result<(), Failed> {
        match receiver.post(event, self.clock.now().as_second()).await? {
            Ok(()) => {
                count("delivered");
                self.move_on(job, told, event, None).await
            }
            Err(refused @ NotTold::Refused { status, .. }) => {
                count("refused");
                if self.note_refusal(job, told).await? < PASS_OVER_AFTER {
                    return Err(refused.into());
                }
                self.move_on(job, told, event, Some(status)).await?;
                count("passed_over");
                tracing::error!(
                    event = event.id,
                    permission = %event.permission,
                    %status,
                    "the webhook's receiver has refused this event for three days: it is passed over; \
                     GET /api/v1/events still has it"
                );
                Ok(())
            }
            Err(not_told) => {
                count("failed");
                Err(not_told.into())
            }
        }
    }

    /// The receiver has the event, or it is passed over.
    async fn move_on(
        &self,
        job: &Job<WebhookDeliver>,
        told: i64,
        event: &Event,
        passed_over: Option<StatusCode>,
    ) -> Result<(), Failed> {
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            // What failed before counts no more.
            job.progressed(conn).await?;
            if !webhook::advance(conn, told, event.id).await? {
                return Err(Failed::Lease(LeaseLost::Lost(job.id)));
            }
            if let Some(status) = passed_over {
                let detail = json!({ "event": event.id, "status": status.as_u16() });
                let subject = Some(event.permission.uuid());
                audit::record(conn, "aiida.webhook.passed_over", subject, &detail).await?;
            }
            Ok::<_, Failed>(())
        })
        .await
    }

    /// Moves on over events that are not told.
    async fn pass(&self, job: &Job<WebhookDeliver>, told: i64, last: i64) -> Result<(), Failed> {
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            if !webhook::advance(conn, told, last).await? {
                return Err(Failed::Lease(LeaseLost::Lost(job.id)));
            }
            Ok(())
        })
        .await
    }

    /// Remembers since when the event is refused; answers how long that is, by the database's clock.
    async fn note_refusal(
        &self,
        job: &Job<WebhookDeliver>,
        told: i64,
    ) -> Result<SignedDuration, Failed> {
        let mut conn = self.database.get().await?;
        conn.transaction(async |conn| {
            job.lease.hold(conn).await?;
            let refused = webhook::refused(conn, told).await?;
            refused.ok_or(Failed::Lease(LeaseLost::Lost(job.id)))
        })
        .await
    }
}

impl Receiver {
    /// Posts it; the inner result is the receiver's.
    async fn post(
        &self,
        event: &Event,
        timestamp: i64,
    ) -> Result<Result<(), NotTold>, serde_json::Error> {
        let body = serde_json::to_vec(&Told {
            event_id: event.id,
            permission_id: event.permission,
            connection_id: &event.connection_id,
            data_need_id: event.data_need,
            status: event.status,
            at: event.at,
        })?;
        let signature = sign::signature(&self.secret, timestamp, &body);
        let answer = self
            .http
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("Metergate-Timestamp", timestamp.to_string())
            .header("Metergate-Signature", signature)
            .header("Metergate-Event-Id", event.id.to_string())
            .body(body)
            .send()
            .await;
        Ok(match answer {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) if is_about_the_event(answer.status()) => Err(NotTold::Refused {
                event: event.id,
                status: answer.status(),
            }),
            Ok(answer) => Err(NotTold::Answer(answer.status())),
            // Without the address: its path may be a secret of the receiver's.
            Err(error) => Err(NotTold::Silent(error.without_url())),
        })
    }
}

/// Whether an event of this status is posted.
const fn is_told(status: Status) -> bool {
    !matches!(status, Status::Created | Status::Validated)
}

/// Whether an answer is about the event, and not about the way to the receiver.
const fn is_about_the_event(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 409 | 413 | 415 | 422)
}

fn count(outcome: &'static str) {
    metrics::counter!("aiida_webhook_events_total", "outcome" => outcome).increment(1);
}

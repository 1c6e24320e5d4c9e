//! The eligible party's webhook: each change of a permission's status is posted to it, one event per request,
//! in the order of the events' ids. `CREATED` and `VALIDATED` are passed over: every request goes through both within
//! one transaction, so they tell nothing, and a flood of requests would hold up what matters.
//!
//! How far it has been told is one row (`aiida.webhook`), which moves event by event under the lease of the
//! one job `webhook.deliver`: a worker that is killed repeats at most the event it was at. It begins at the
//! first event that there is, also when it is configured later: nothing is left out, and a receiver that knows
//! an event by its id leaves it aside.
//!
//! An event is waited for as long as the receiver cannot take it (no connection, 5xx, 401, 404, a redirect, …):
//! the job backs off up to one hour and raises the alarm. Only an event that the receiver refuses *for its
//! content* (400, 409, 413, 415, 422) for three days is passed over, so that one event does not silence all that
//! come after it: counted, in the audit log and in the log, and still to be had from `GET /api/v1/events`.
//!
//! [`sign`] is what a receiver repeats to know that a request is ours.

mod deliver;
pub mod sign;

use std::time::Duration;

use jiff::SignedDuration;
use job_queue::QueueError;
use reqwest::redirect;
use service_kit::clock::SharedClock;
use service_kit::secret::{self, ExposeSecret as _, Secret, SecretError};
use storage::aiida::{event, webhook};
use storage::kinds::WebhookDeliver;
use storage::{Database, DatabaseError};
use url::Url;

use crate::config::WebhookConfig;

/// How long the receiver may take, connection and answer together.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long an event is refused for its content before it is passed over.
const PASS_OVER_AFTER: SignedDuration = SignedDuration::from_hours(72);

/// Fewest characters of the key.
const LEAST: usize = 32;

/// Why the webhook cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Not an address to post to.
    #[error(
        "METERGATE_WEBHOOK_URL must be https://HOST/… (or http://HOST/…), without user and password: the \
         signature says who is calling"
    )]
    Url,
    /// No key to sign with.
    #[error("METERGATE_WEBHOOK_URL is set and cannot be signed for: {0}")]
    Secret(#[from] SecretError),
    /// A key that can be guessed.
    #[error("METERGATE_WEBHOOK_SECRET must have at least {LEAST} characters")]
    Short,
    /// No HTTP client.
    #[error("the webhook's HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
}

/// Tells the receiver, if there is one.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    database: Database,
    clock: SharedClock,
    receiver: Option<Receiver>,
}

/// Who is told.
#[derive(Debug, Clone)]
struct Receiver {
    http: reqwest::Client,
    url: Url,
    secret: Secret,
}

impl Webhook {
    /// The webhook as configured. Without a receiver it tells nobody, and takes jobs away that an earlier
    /// configuration has left.
    pub(crate) fn new(
        config: &WebhookConfig,
        database: Database,
        clock: SharedClock,
    ) -> Result<Self, WebhookError> {
        metrics::describe_counter!(
            "aiida_webhook_events_total",
            "Events posted to the eligible party's webhook, by what became of them"
        );
        Ok(Self {
            database,
            clock,
            receiver: Receiver::new(config)?,
        })
    }

    /// Enqueues the job when there are events that the receiver has not been told: for the start, so that a
    /// webhook that is configured later learns of them at once. What is lost while the service runs is found by the
    /// periodic look (`jobs::sweep`).
    pub(crate) async fn catch_up(&self) -> Result<(), CatchUpError> {
        if self.receiver.is_none() {
            return Ok(());
        }
        let mut conn = self.database.get().await?;
        let told = webhook::standing(&mut conn).await?.told;
        if !event::after(&mut conn, told, 1).await?.is_empty() {
            job_queue::enqueue_one(&mut conn, &WebhookDeliver {}).await?;
        }
        Ok(())
    }
}

/// It is not known whether the webhook has been told everything.
#[derive(Debug, thiserror::Error)]
pub enum CatchUpError {
    /// The database cannot be reached.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The database cannot be asked.
    #[error("how far the webhook has been told")]
    Query(#[from] diesel::result::Error),
    /// The job table.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Looks at the webhook's settings; no effects.
pub(crate) fn check(config: &WebhookConfig) -> Result<Option<(Url, Secret)>, WebhookError> {
    let Some(url) = config.webhook_url.clone() else {
        return Ok(None);
    };
    let is_web = matches!(url.scheme(), "https" | "http") && url.has_host();
    if !is_web || !url.username().is_empty() || url.password().is_some() {
        return Err(WebhookError::Url);
    }
    let secret = secret::read(
        "METERGATE_WEBHOOK_SECRET",
        config.webhook_secret.as_ref(),
        config.webhook_secret_file.as_deref(),
    )?;
    if secret.expose_secret().chars().count() < LEAST {
        return Err(WebhookError::Short);
    }
    Ok(Some((url, secret)))
}

impl Receiver {
    fn new(config: &WebhookConfig) -> Result<Option<Self>, WebhookError> {
        let Some((url, secret)) = check(config)? else {
            return Ok(None);
        };
        let http = reqwest::Client::builder()
            .user_agent(concat!("metergate/", env!("CARGO_PKG_VERSION")))
            // Only the configured address is ever called.
            .redirect(redirect::Policy::none())
            .referer(false)
            .timeout(TIMEOUT)
            .build()
            .map_err(WebhookError::Client)?;
        Ok(Some(Self { http, url, secret }))
    }
}

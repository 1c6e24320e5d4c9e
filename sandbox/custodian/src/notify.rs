//! Notifications to the third parties: a `BatchList` of URLs, posted after a while, tried again
//! when it does not arrive.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Certificate;
use serde::{Deserialize, Serialize};
use service_kit::shutdown::Shutdown;
use thiserror::Error;
use tokio::runtime::Handle;
use url::Url;

use crate::config::NotificationConfig;
use crate::faults::{Asked, Fault, News, Step};
use crate::world::World;

/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why notifications cannot be sent at all.
#[derive(Debug, Error)]
pub enum NotifyError {
    /// The file of authorities cannot be read.
    #[error("the certificate authorities for notifications cannot be read from {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The file holds no certificate, or the TLS client cannot be made.
    #[error("notifications cannot be sent over TLS: {0}")]
    Client(#[source] reqwest::Error),
}

/// What became of a notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationRecord {
    /// The third party.
    pub client_id: String,
    /// The URLs in it.
    pub resources: Vec<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// True once the third party answered 2xx.
    pub delivered: bool,
    /// Why the last attempt failed; absent when none did.
    pub error: Option<String>,
}

/// Sends notifications in the background until the shutdown begins.
#[derive(Debug, Clone)]
pub(crate) struct Notifier {
    http: reqwest::Client,
    runtime: Handle,
    shutdown: Shutdown,
}

impl Notifier {
    /// Must be called inside the runtime that is to send.
    pub(crate) fn new(
        config: &NotificationConfig,
        shutdown: &Shutdown,
    ) -> Result<Self, NotifyError> {
        let mut builder = reqwest::Client::builder()
            .timeout(TIMEOUT)
            // Whoever answers with a redirect did not take the notification.
            .redirect(reqwest::redirect::Policy::none());
        if let Some(path) = &config.notify_ca {
            let pem = std::fs::read(path).map_err(|source| NotifyError::Read {
                path: path.clone(),
                source,
            })?;
            let authorities = Certificate::from_pem_bundle(&pem).map_err(NotifyError::Client)?;
            builder = builder.tls_certs_only(authorities);
        }
        let http = builder.build().map_err(NotifyError::Client)?;
        Ok(Self {
            http,
            runtime: Handle::current(),
            shutdown: shutdown.clone(),
        })
    }
}

impl World {
    /// Announces `resources`, which are about an authorization, to a third party after the configured
    /// delay. Without a registered notification URI nobody is told.
    pub(crate) fn notify(
        self: &Arc<Self>,
        client_id: &str,
        about: Option<u64>,
        resources: Vec<String>,
    ) {
        let target = self
            .clients
            .by_id(client_id)
            .and_then(|client| client.notification_uri.clone());
        let Some(target) = target else { return };
        let fault;
        let index = {
            let mut state = self.state();
            let asked = Asked::about(&state, Step::Notification, about);
            fault = state.faults.strike(&asked);
            state.notifications.push(NotificationRecord {
                client_id: client_id.to_owned(),
                resources: resources.clone(),
                attempts: 0,
                delivered: false,
                error: None,
            });
            state.notifications.len() - 1
        };
        let (world, soft) = (Arc::clone(self), self.notifier.shutdown.soft().clone());
        let work = async move {
            tokio::select! {
                () = world.send(index, target, &resources, fault) => {}
                () = soft.cancelled() => {}
            }
        };
        self.notifier
            .shutdown
            .tasks()
            .spawn_on(work, &self.notifier.runtime);
    }

    /// What is sent, under a fault or not.
    async fn send(&self, index: usize, target: Url, resources: &[String], fault: Option<Fault>) {
        let (news, instead) = match fault {
            Some(Fault::Notification { news, instead }) => (news, instead),
            _ => (News::Right, true),
        };
        let delay = match news {
            News::After(ms) => ms,
            _ => self.config.notifications.notify_delay_ms,
        };
        tokio::time::sleep(Duration::from_millis(delay)).await;
        let right = espi::writer::batch_list(resources);
        for body in wrong(news, resources) {
            if let Err(error) = self.post(target.clone(), body).await {
                tracing::info!(%error, "a wrong notification was refused");
            }
        }
        match (news, instead) {
            (News::Right, false) => {
                self.deliver(index, target.clone(), right.clone()).await;
                self.deliver(index, target, right).await;
            }
            (News::Nothing, _) | (News::Foreign | News::Garbage, true) => {}
            _ => self.deliver(index, target, right).await,
        }
    }

    async fn deliver(&self, index: usize, target: Url, body: String) {
        let config = &self.config.notifications;
        let mut pause = Duration::from_millis(config.notify_retry_ms);
        for attempt in 1..=config.notify_attempts {
            let outcome = self.post(target.clone(), body.clone()).await;
            if let Some(record) = self.state().notifications.get_mut(index) {
                record.attempts = attempt;
                record.delivered = outcome.is_ok();
                record.error = outcome.as_ref().err().cloned();
            }
            match outcome {
                Ok(()) => return,
                Err(error) => tracing::warn!(attempt, %error, "a notification did not arrive"),
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
    }

    async fn post(&self, target: Url, body: String) -> Result<(), String> {
        let request = self.notifier.http.post(target);
        let request = request
            .header("content-type", "application/atom+xml")
            .body(body);
        let response = request
            .send()
            .await
            .map_err(|error| service_kit::config::chain(&error))?;
        if response.status().is_success() {
            Ok(())
        } else {
            Err(format!("the answer was {}", response.status()))
        }
    }
}

/// The bodies of notifications that are none of ours, or none at all.
fn wrong(news: News, resources: &[String]) -> Vec<String> {
    match news {
        News::Foreign => vec![espi::writer::batch_list(&foreign_links(resources))],
        News::Garbage => garbage(resources),
        News::Right | News::After(_) | News::Nothing => Vec::new(),
    }
}

/// Links that lead elsewhere: another host, another scheme, another path, an address within, an
/// authorization of nobody, a correlation id that does not exist.
fn foreign_links(resources: &[String]) -> Vec<String> {
    let Some(right) = resources.first() else {
        return Vec::new();
    };
    let (own, _) = right.split_once('?').unwrap_or((right, ""));
    let root = own.split("/Batch/").next().unwrap_or(own);
    vec![
        "https://attacker.example/GreenButtonConnect/espi/1_1/resource/Batch/Bulk/1".to_owned(),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "file:///etc/passwd".to_owned(),
        own.replacen("https://", "https://attacker@", 1),
        format!("{root}/../../../../datacustodian/oauth/v2/token"),
        format!("{root}/Authorization/999999999"),
        format!("{root}/Batch/Subscription/999999999"),
        format!("{own}?correlationID=00000000-0000-0000-0000-000000000000"),
    ]
}

/// Bodies that nobody can read as a notification.
fn garbage(resources: &[String]) -> Vec<String> {
    let right = espi::writer::batch_list(resources);
    let half = right.get(..right.len() / 2).unwrap_or_default().to_owned();
    vec![
        String::new(),
        "{\"resources\":[]}".to_owned(),
        "<!DOCTYPE html><html><body>Maintenance</body></html>".to_owned(),
        "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><x>&a;</x>".to_owned(),
        half,
        "\u{fffd}".repeat(1_000),
    ]
}

//! The driver for the broker's management interface: who is connected, away with them, and what is retained.
//!
//! Speaks EMQX 5.8's REST API, version 5, with an API key; the sandbox broker answers the same requests. Shapes and
//! codes are those of EMQX's API documentation and source (`emqx_mgmt_api_clients`, `emqx_retainer_api`).
//!
//! - 404 counts as "gone already" only with the code that the broker gives for that, so that a wrong address does not
//!   look like a success.
//! - A list is filtered again here: a broker that overlooked the filter must not make us disconnect everybody.
//! - Client ids stand in the address, percent-encoded: those of homes are `username/clientid`.

mod answer;
mod error;
mod transport;

use std::collections::BTreeSet;

use permission::PermissionId;
use reqwest::Method;
use url::Url;

use crate::config::{BrokerApiConfig, ConfigError};
use answer::{ClientRow, Page, RetainedRow};
pub use error::BrokerError;
use transport::{Answer, Transport};

/// Rows of one page of a list.
const PAGE: usize = 1_000;
/// Pages of one list, so that a broker that always promises another one does not keep us for ever.
const MOST_PAGES: usize = 2_000;
/// What EMQX says of a client that is not there.
const CLIENT_GONE: &str = "CLIENTID_NOT_FOUND";
/// What EMQX says of a retained message that is not there.
const MESSAGE_GONE: &str = "NOT_FOUND";

/// A connection, or the session of one that may come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its client id at the broker: for homes with the username before it.
    pub id: String,
    /// Who it is; `None` for one that gave no name.
    pub username: Option<String>,
}

/// The broker's management interface. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Broker {
    transport: Transport,
}

impl Broker {
    /// Reads the settings; connects when first used.
    pub fn new(config: &BrokerApiConfig) -> Result<Self, ConfigError> {
        let transport = Transport::new(config.settings()?)?;
        Ok(Self { transport })
    }

    /// Whether the broker answers and takes our key.
    pub async fn ready(&self) -> Result<(), BrokerError> {
        let url = self.list(&["clients"], &[], 1, 1)?;
        let answer = self.send(Method::GET, "ready", url).await?;
        answer.json::<Page<ClientRow>>().map(drop)
    }

    /// Every client.
    pub async fn clients(&self) -> Result<Vec<Client>, BrokerError> {
        let rows: Vec<ClientRow> = self.all(&["clients"], &[], "clients").await?;
        Ok(rows.into_iter().map(Client::from).collect())
    }

    /// The clients of one user, sessions whose connection is gone included.
    pub async fn clients_of(&self, username: &str) -> Result<Vec<Client>, BrokerError> {
        let filter = [("username", username)];
        let rows: Vec<ClientRow> = self.all(&["clients"], &filter, "clients").await?;
        let clients = rows.into_iter().map(Client::from);
        Ok(clients
            .filter(|client| client.username.as_deref() == Some(username))
            .collect())
    }

    /// Ends a connection and its session; false when it was gone already.
    pub async fn disconnect(&self, client_id: &str) -> Result<bool, BrokerError> {
        let url = self.url(&["clients", client_id])?;
        self.delete("disconnect", url, CLIENT_GONE).await
    }

    /// Makes the broker forget what it remembers as allowed to a connection; false when it was gone already.
    pub async fn clear_authorization(&self, client_id: &str) -> Result<bool, BrokerError> {
        let url = self.url(&["clients", client_id, "authorization", "cache"])?;
        self.delete("clear authorization", url, CLIENT_GONE).await
    }

    /// The topics of a permission's retained messages.
    pub async fn retained(
        &self,
        permission: PermissionId,
    ) -> Result<BTreeSet<String>, BrokerError> {
        let prefix = format!("aiida/v1/{permission}/");
        let (path, filter) = (["mqtt", "retainer", "messages"], format!("{prefix}#"));
        let rows: Vec<RetainedRow> = self
            .all(&path, &[("topic", &filter)], "retained messages")
            .await?;
        let topics = rows.into_iter().map(|row| row.topic);
        Ok(topics.filter(|topic| topic.starts_with(&prefix)).collect())
    }

    /// Deletes a retained message; false when it was gone already.
    pub async fn delete_retained(&self, topic: &str) -> Result<bool, BrokerError> {
        let url = self.url(&["mqtt", "retainer", "message", topic])?;
        self.delete("delete retained message", url, MESSAGE_GONE)
            .await
    }

    /// Every page of a list.
    async fn all<R: serde::de::DeserializeOwned>(
        &self,
        path: &[&str],
        filter: &[(&str, &str)],
        what: &'static str,
    ) -> Result<Vec<R>, BrokerError> {
        let mut rows = Vec::new();
        for page in 1..=MOST_PAGES {
            let url = self.list(path, filter, page, PAGE)?;
            let answer: Page<R> = self.send(Method::GET, what, url).await?.json()?;
            let more = answer.has_next(PAGE);
            rows.extend(answer.data);
            if !more {
                return Ok(rows);
            }
        }
        Err(BrokerError::Endless { what })
    }

    async fn delete(
        &self,
        what: &'static str,
        url: Url,
        gone: &'static str,
    ) -> Result<bool, BrokerError> {
        match self.send(Method::DELETE, what, url).await {
            Ok(_) => Ok(true),
            Err(BrokerError::Refused {
                status: 404,
                code: Some(code),
                ..
            }) if code == gone => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn send(
        &self,
        method: Method,
        what: &'static str,
        url: Url,
    ) -> Result<Answer, BrokerError> {
        self.transport.send(method, what, url).await
    }

    fn list(
        &self,
        path: &[&str],
        filter: &[(&str, &str)],
        page: usize,
        limit: usize,
    ) -> Result<Url, BrokerError> {
        let mut url = self.url(path)?;
        url.query_pairs_mut()
            .extend_pairs(filter)
            .append_pair("page", &page.to_string())
            .append_pair("limit", &limit.to_string());
        Ok(url)
    }

    /// The address of a path; each segment is percent-encoded.
    fn url(&self, segments: &[&str]) -> Result<Url, BrokerError> {
        // An address cannot hold these, encoded or not: it would be another one.
        if segments
            .iter()
            .any(|segment| matches!(*segment, "" | "." | ".."))
        {
            return Err(BrokerError::Name);
        }
        let mut url = self.transport.base().clone();
        match url.path_segments_mut() {
            Ok(mut path) => path.extend(segments),
            Err(()) => return Err(BrokerError::Name),
        };
        Ok(url)
    }
}

pub(crate) fn describe_metrics() {
    metrics::describe_counter!(
        "broker_requests_total",
        "Requests to the broker's management interface, by kind and outcome"
    );
    metrics::describe_histogram!(
        "broker_request_seconds",
        metrics::Unit::Seconds,
        "Time from sending a request to the broker's management interface to the end of its answer"
    );
}

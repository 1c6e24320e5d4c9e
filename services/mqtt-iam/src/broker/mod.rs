//! The driver for the broker's management interface: who is connected, away with them, and what is retained.
//!
//! Speaks EMQX 5.8's REST API, version 5, with an API key; the sandbox broker answers the same requests. Shapes and
//! codes are those of EMQX's API documentation and source (`emqx_mgmt_api_clients`, `emqx_retainer_api`).
//!
//! - 404 counts as "gone already" only with the code that the broker gives for that, so that a wrong address does not
//!   look like a success.
//! - A list is filtered again here: a broker that overlooked the filter must not make us disconnect everybody.
//! - Client ids and topics stand in the address, percent-encoded: those of homes are `username/clientid`. One that is
//!   too long for an address, because its home wished so, goes in a body.

mod answer;
mod error;
mod pages;
mod transport;

use permission::PermissionId;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::config::{BrokerApiConfig, ConfigError};
use answer::Page;
pub use answer::{Client, Retained};
pub use error::BrokerError;
pub use pages::{Pages, Row};
use transport::{Answer, Transport};

/// Rows of one page of the list of everybody.
const LARGE_PAGE: usize = 512;
/// Rows of one page of what belongs to one home, which is acted on before the next is read.
const SMALL_PAGE: usize = 128;
/// Bytes of an address. EMQX's HTTP server takes a request line of 8,000.
const LONGEST_ADDRESS: usize = 7_000;
/// What EMQX says of a client that is not there.
const CLIENT_GONE: &str = "CLIENTID_NOT_FOUND";
/// What EMQX says of a retained message that is not there.
const MESSAGE_GONE: &str = "NOT_FOUND";

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
        let url = self.list(Client::PATH, None, 1, 1)?;
        let answer = self.send(Method::GET, "ready", url).await?;
        answer.json::<Page<Client>>().map(drop)
    }

    /// Every client.
    #[must_use]
    pub fn clients(&self) -> Pages<Client> {
        Pages::new(self.clone(), None, LARGE_PAGE)
    }

    /// The clients of one user, sessions whose connection is gone included.
    #[must_use]
    pub fn clients_of(&self, username: &str) -> Pages<Client> {
        Pages::new(self.clone(), Some(username.to_owned()), SMALL_PAGE)
    }

    /// Ends a connection and its session; false when it was gone already, where the broker tells.
    pub async fn disconnect(&self, client_id: &str) -> Result<bool, BrokerError> {
        let url = self.url(&["clients", client_id])?;
        if url.as_str().len() <= LONGEST_ADDRESS {
            return self.delete("disconnect", url, CLIENT_GONE).await;
        }
        let url = self.url(&["clients", "kickout", "bulk"])?;
        let body = json!([client_id]);
        self.post("disconnect", url, &body).await?;
        Ok(true)
    }

    /// Makes the broker forget what it remembers as allowed to a connection; false when it was gone already, or when
    /// its id is too long for the address, the only place for it. What is remembered ends with the connection.
    pub async fn clear_authorization(&self, client_id: &str) -> Result<bool, BrokerError> {
        let url = self.url(&["clients", client_id, "authorization", "cache"])?;
        if url.as_str().len() > LONGEST_ADDRESS {
            return Ok(false);
        }
        self.delete("clear authorization", url, CLIENT_GONE).await
    }

    /// A permission's retained messages.
    #[must_use]
    pub fn retained(&self, permission: PermissionId) -> Pages<Retained> {
        let filter = format!("aiida/v1/{permission}/#");
        Pages::new(self.clone(), Some(filter), SMALL_PAGE)
    }

    /// Deletes a retained message; false when it was gone already, where the broker tells.
    pub async fn delete_retained(&self, topic: &str) -> Result<bool, BrokerError> {
        let url = self.url(&["mqtt", "retainer", "message", topic])?;
        if url.as_str().len() <= LONGEST_ADDRESS {
            return self
                .delete("delete retained message", url, MESSAGE_GONE)
                .await;
        }
        // An empty message takes the place of the one that was retained.
        let url = self.url(&["publish"])?;
        let body = json!({ "topic": topic, "qos": 1, "payload": "", "retain": true });
        self.post("delete retained message", url, &body).await?;
        Ok(true)
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

    async fn post(
        &self,
        what: &'static str,
        url: Url,
        body: &Value,
    ) -> Result<Answer, BrokerError> {
        self.transport
            .send(Method::POST, what, url, Some(body))
            .await
    }

    async fn send(
        &self,
        method: Method,
        what: &'static str,
        url: Url,
    ) -> Result<Answer, BrokerError> {
        self.transport.send(method, what, url, None).await
    }

    fn list(
        &self,
        path: &[&str],
        filter: Option<(&str, &str)>,
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

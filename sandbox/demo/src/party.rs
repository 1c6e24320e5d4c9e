//! The eligible party, with its key to the API.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::{Client, Method, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::patience::{Trouble, patiently};
use crate::{BoxError, Site};

/// How long a permission may take to get where it is wanted, or as long as the site's patience.
const LIMIT: Duration = Duration::from_secs(30);
/// How often a permission is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// An energy service that asks homes for permissions.
#[derive(Debug, Clone)]
pub struct Party {
    http: Client,
    base: String,
    key: String,
    patience: Duration,
}

/// What a household is shown.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// The permissions, in the order of the data needs.
    pub permission_ids: Vec<Uuid>,
    /// The code for homes of 2026.
    pub code: String,
    /// The codes for homes of 2025.
    pub older_codes: Vec<OlderCode>,
    /// The page with the QR picture.
    pub page_url: String,
}

/// A code for one permission.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OlderCode {
    /// Which.
    pub permission_id: Uuid,
    /// What the QR picture holds.
    pub code: String,
}

/// A permission, as far as the demo looks at it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionState {
    /// Where it stands.
    pub status: String,
    /// When nothing of it was left at the broker.
    pub removed_at: Option<String>,
    /// What was refused of its home, by reason.
    pub refusals: Vec<Refusal>,
}

/// Messages that were refused for one reason.
#[derive(Debug, Clone, Deserialize)]
pub struct Refusal {
    /// Why.
    pub reason: String,
    /// How many.
    pub messages: u64,
}

/// A change of a permission.
#[derive(Debug, Clone, Deserialize)]
pub struct Event {
    /// What it became.
    pub status: String,
    /// When.
    pub at: Timestamp,
}

/// A reading that was stored.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stored {
    /// When it was measured.
    pub measured_at: Timestamp,
    /// OBIS code.
    pub obis: String,
    /// Exact decimal.
    pub value: String,
    /// Its unit.
    pub unit: String,
}

impl Party {
    /// The party whose key the site has.
    pub fn new(site: &Site) -> Result<Self, BoxError> {
        let key = site.api_key.clone();
        Ok(Self {
            http: site.client()?,
            base: format!("{}/api/v1", site.url),
            key: key.ok_or("no key to the API")?,
            patience: site.patience,
        })
    }

    /// Sends a request and reads the answer; one that is no success is an error with what it says. Only reading is
    /// tried again while a service is away.
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, BoxError> {
        let patience = match method {
            Method::GET => self.patience,
            _ => Duration::ZERO,
        };
        patiently(patience, async || self.send_once(&method, path, body).await).await
    }

    async fn send_once<T: DeserializeOwned>(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, Trouble> {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.base))
            .bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.json(body);
        }
        let away = |error: reqwest::Error| Trouble::Away(error.into());
        let answer = request.send().await.map_err(away)?;
        let (status, bytes) = (answer.status(), answer.bytes().await.map_err(away)?);
        if !status.is_success() {
            let text = String::from_utf8_lossy(&bytes);
            let said = format!("{method} {path} answers {status}: {text}");
            return Err(Trouble::status(status.as_u16(), said));
        }
        serde_json::from_slice(&bytes).map_err(|error| Trouble::Final(error.into()))
    }

    /// Asks a customer for a permission under a data need.
    pub async fn ask(&self, connection_id: &str, data_need: &str) -> Result<Asked, BoxError> {
        let body = json!({ "connectionId": connection_id, "dataNeedIds": [data_need] });
        self.send(Method::POST, "/permissions", Some(&body)).await
    }

    /// How a permission stands.
    pub async fn permission(&self, id: Uuid) -> Result<PermissionState, BoxError> {
        self.send(Method::GET, &format!("/permissions/{id}"), None)
            .await
    }

    /// The first thousand readings of a permission.
    pub async fn readings(&self, id: Uuid) -> Result<Vec<Stored>, BoxError> {
        #[derive(Deserialize)]
        struct Page {
            readings: Vec<Stored>,
        }
        let page: Page = self
            .send(Method::GET, &format!("/permissions/{id}/readings"), None)
            .await?;
        Ok(page.readings)
    }

    /// All readings of a permission, page by page.
    pub async fn all_readings(&self, id: Uuid) -> Result<Vec<Stored>, BoxError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            readings: Vec<Stored>,
            next_cursor: Option<String>,
        }
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut url = Url::parse(&self.base)?;
            url.query_pairs_mut()
                .append_pair("limit", "10000")
                .extend_pairs(cursor.iter().map(|cursor| ("cursor", cursor)));
            let query = url.query().unwrap_or_default();
            let path = format!("/permissions/{id}/readings?{query}");
            let page: Page = self.send(Method::GET, &path, None).await?;
            all.extend(page.readings);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }

    /// Sends a document to a home.
    pub async fn inbound(&self, id: Uuid, schema: &str, document: &Value) -> Result<(), BoxError> {
        let path = format!("/permissions/{id}/inbound/{schema}");
        let _taken: Value = self.send(Method::PUT, &path, Some(document)).await?;
        Ok(())
    }

    /// Ends a permission.
    pub async fn terminate(&self, id: Uuid) -> Result<(), BoxError> {
        let path = format!("/permissions/{id}/terminate");
        let _taken: Value = self.send(Method::POST, &path, None).await?;
        Ok(())
    }

    /// Sends the home a command; its document is the API's.
    pub async fn command(&self, id: Uuid, document: &Value) -> Result<(), BoxError> {
        let path = format!("/permissions/{id}/commands");
        let _taken: Value = self.send(Method::POST, &path, Some(document)).await?;
        Ok(())
    }

    /// Every change that a permission has seen, oldest first.
    pub async fn events(&self, id: Uuid) -> Result<Vec<Event>, BoxError> {
        #[derive(Deserialize)]
        struct History {
            events: Vec<Event>,
        }
        let path = format!("/permissions/{id}/events");
        let history: History = self.send(Method::GET, &path, None).await?;
        Ok(history.events)
    }

    /// Every status that a permission has had, oldest first.
    pub async fn history(&self, id: Uuid) -> Result<Vec<String>, BoxError> {
        let events = self.events(id).await?;
        Ok(events.into_iter().map(|it| it.status).collect())
    }

    /// Looks at a permission until it is as wanted; an error that names `what` after the limit.
    pub async fn wait(
        &self,
        id: Uuid,
        what: &str,
        wanted: impl Fn(&PermissionState) -> bool,
    ) -> Result<PermissionState, BoxError> {
        let (started, limit) = (Instant::now(), LIMIT.max(self.patience));
        loop {
            let state = self.permission(id).await?;
            if wanted(&state) {
                return Ok(state);
            }
            if started.elapsed() > limit {
                return Err(format!("waited {limit:?} for {what}: {state:?}").into());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

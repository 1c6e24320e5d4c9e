//! Requests to the permission facade, with the code's bearer token.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode, redirect, tls};
use serde::Serialize;
use uuid::Uuid;

use super::{Details, DetailsError};
use crate::code::Invitation;
use crate::credentials::{self, Credentials};
use crate::{Decision, Generation};

/// Longer than the other side may take to make the credentials usable.
const TIMEOUT: Duration = Duration::from_mins(1);
/// The longest part of a refusal that is kept for the report.
const LONGEST_REFUSAL: usize = 300;

/// What goes wrong between home and facade.
#[derive(Debug, thiserror::Error)]
pub enum FacadeError {
    /// No HTTP client.
    #[error("no HTTPS client can be made")]
    Client(#[source] reqwest::Error),
    /// The file with authorities.
    #[error("cannot read the authorities in {path}: is it a PEM file?")]
    Authority {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// No answer.
    #[error("{step}: the facade cannot be reached")]
    Unreachable {
        /// What was asked.
        step: &'static str,
        /// What the client says.
        #[source]
        source: reqwest::Error,
    },
    /// An answer that is none.
    #[error("{step}: the facade answers {status}: {body}")]
    Refused {
        /// What was asked.
        step: &'static str,
        /// The status.
        status: u16,
        /// The beginning of the body.
        body: String,
    },
    /// The details cannot be read.
    #[error(transparent)]
    Details(#[from] DetailsError),
    /// The credentials cannot be read.
    #[error("the answer to ACCEPT is not what a home of {generation} reads: {reason}")]
    Credentials {
        /// Which home.
        generation: Generation,
        /// What is wrong.
        reason: String,
    },
}

/// The facade as one home sees it.
#[derive(Debug, Clone)]
pub(crate) struct Facade {
    http: Client,
    generation: Generation,
    aiida: Uuid,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    operation: &'static str,
    aiida_id: Uuid,
}

/// A client that trusts the authorities in this file besides those of the machine.
pub(crate) fn http_client(authority: Option<&Path>) -> Result<Client, FacadeError> {
    service_kit::http::install_tls_provider();
    let mut builder = Client::builder()
        .user_agent(concat!("home/", env!("CARGO_PKG_VERSION")))
        .tls_backend_rustls()
        .redirect(redirect::Policy::none())
        .timeout(TIMEOUT);
    if let Some(path) = authority {
        builder = builder.tls_certs_merge(read_authorities(path)?);
    }
    builder.build().map_err(FacadeError::Client)
}

impl Facade {
    pub(crate) fn new(
        generation: Generation,
        aiida: Uuid,
        authority: Option<&Path>,
    ) -> Result<Self, FacadeError> {
        Ok(Self {
            http: http_client(authority)?,
            generation,
            aiida,
        })
    }

    /// The details of the invitation's permission.
    pub(crate) async fn details(&self, invitation: &Invitation) -> Result<Details, FacadeError> {
        let step = "details";
        let answer = self.send(step, Method::GET, invitation, None).await?;
        let answer = expect(step, StatusCode::OK, answer).await?;
        let body = answer
            .bytes()
            .await
            .map_err(|source| FacadeError::Unreachable { step, source })?;
        Ok(Details::read(
            self.generation,
            invitation.permission,
            &body,
        )?)
    }

    /// Says yes. Never repeated: a home has stored its yes before.
    pub(crate) async fn accept(&self, invitation: &Invitation) -> Result<Credentials, FacadeError> {
        let step = "ACCEPT";
        let answer = self
            .send(step, Method::PATCH, invitation, Some(step))
            .await?;
        let answer = expect(step, StatusCode::OK, answer).await?;
        let body = answer
            .json()
            .await
            .map_err(|source| FacadeError::Unreachable { step, source })?;
        credentials::read(self.generation, body).map_err(|reason| FacadeError::Credentials {
            generation: self.generation,
            reason,
        })
    }

    /// Says anything but yes.
    pub(crate) async fn decline(
        &self,
        invitation: &Invitation,
        decision: Decision,
    ) -> Result<(), FacadeError> {
        let step = if decision == Decision::Reject {
            "REJECT"
        } else {
            "UNFULFILLABLE"
        };
        let answer = self
            .send(step, Method::PATCH, invitation, Some(step))
            .await?;
        expect(step, StatusCode::NO_CONTENT, answer).await.map(drop)
    }

    async fn send(
        &self,
        step: &'static str,
        method: Method,
        invitation: &Invitation,
        operation: Option<&'static str>,
    ) -> Result<Response, FacadeError> {
        let mut request = self
            .http
            .request(method, &invitation.url)
            .header("Accept", "application/json")
            .bearer_auth(&invitation.token);
        if let Some(operation) = operation {
            request = request.json(&Answer {
                operation,
                aiida_id: self.aiida,
            });
        }
        let sent = request.send().await;
        sent.map_err(|source| FacadeError::Unreachable { step, source })
    }
}

async fn expect(
    step: &'static str,
    expected: StatusCode,
    answer: Response,
) -> Result<Response, FacadeError> {
    let status = answer.status();
    if status == expected {
        return Ok(answer);
    }
    // The body of an answer that was not expected may hold anything, a password included.
    let body = if status.is_success() {
        format!("(expected {expected})")
    } else {
        let text = answer.text().await.unwrap_or_default();
        text.chars().take(LONGEST_REFUSAL).collect()
    };
    Err(FacadeError::Refused {
        step,
        status: status.as_u16(),
        body,
    })
}

fn read_authorities(path: &Path) -> Result<Vec<tls::Certificate>, FacadeError> {
    let failed = |source| FacadeError::Authority {
        path: path.to_owned(),
        source,
    };
    let pem = std::fs::read(path).map_err(failed)?;
    tls::Certificate::from_pem_bundle(&pem)
        .map_err(|error| failed(std::io::Error::new(std::io::ErrorKind::InvalidData, error)))
}

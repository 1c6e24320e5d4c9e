//! What homes and connect buttons see when a request fails: `{"errors":[{"message":"…"}]}`, as EDDIE answers, for
//! every 4xx and 5xx under `/region-connectors/aiida`.
//!
//! The policy is that of [`service_kit::problem`]: the caller's mistake is named with its remedy and not logged, a
//! 503 says when to come back and logs its cause as a warning. No message holds what was sent.

use std::fmt;

use actix_web::error::{JsonPayloadError, PathError};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::{Value, json};
use service_kit::config::chain;
use storage::DatabaseError;

/// Largest body, in bytes: ten data needs and long names have two thousand.
const LARGEST: usize = 16 * 1024;

/// Seconds after which trouble of ours may be over.
const COME_BACK: &str = "5";

/// Seconds after which there may be room again.
const COME_BACK_LATER: &str = "600";

/// A request that is not fulfilled.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    messages: Vec<String>,
    header: Option<(HeaderName, &'static str)>,
}

impl Refusal {
    /// The caller's mistake, in words.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self::with(status, vec![message.into()])
    }

    /// Several mistakes.
    pub(crate) const fn with(status: StatusCode, messages: Vec<String>) -> Self {
        Self {
            status,
            messages,
            header: None,
        }
    }

    /// No access token, or none that lets anybody in.
    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self {
            header: Some((WWW_AUTHENTICATE, "Bearer")),
            ..Self::new(StatusCode::UNAUTHORIZED, message)
        }
    }

    /// Another method than those in `allowed`.
    pub(crate) fn method(allowed: &'static str) -> Self {
        Self {
            header: Some((ALLOW, allowed)),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                format!("This address knows {allowed} only."),
            )
        }
    }

    /// No room for more just now; it comes with time.
    pub(crate) fn full(message: &'static str) -> Self {
        Self {
            header: Some((RETRY_AFTER, COME_BACK_LATER)),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, message)
        }
    }

    /// Our trouble, which may be over soon. Logs the cause.
    pub(crate) fn unavailable(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::warn!(cause = %chain(cause), "a home's or a connect button's request could not be answered");
        Self {
            header: Some((RETRY_AFTER, COME_BACK)),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "This is our fault, not yours: try again in a moment.",
            )
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.messages.join(" "))
    }
}

impl std::error::Error for Refusal {}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let errors: Vec<Value> = self
            .messages
            .iter()
            .map(|message| json!({ "message": message }))
            .collect();
        let mut response = HttpResponse::build(self.status);
        if let Some((name, value)) = &self.header {
            response.insert_header((name.clone(), HeaderValue::from_static(value)));
        }
        response
            .insert_header((CACHE_CONTROL, "no-store"))
            .json(json!({ "errors": errors }))
    }
}

impl From<DatabaseError> for Refusal {
    fn from(error: DatabaseError) -> Self {
        Self::unavailable(&error)
    }
}

impl From<diesel::result::Error> for Refusal {
    fn from(error: diesel::result::Error) -> Self {
        Self::from(DatabaseError::from(error))
    }
}

/// Makes actix answer in this shape too, where it answers by itself: for a scope.
pub(crate) fn configure(scope: &mut ServiceConfig) {
    let json = |error: JsonPayloadError, _: &HttpRequest| body(&error).into();
    let path = |_: PathError, _: &HttpRequest| {
        Refusal::new(StatusCode::NOT_FOUND, "No permission has such an id.").into()
    };
    scope
        .app_data(
            web::JsonConfig::default()
                .limit(LARGEST)
                .error_handler(json),
        )
        .app_data(web::PathConfig::default().error_handler(path))
        .default_service(web::to(async || {
            Refusal::new(StatusCode::NOT_FOUND, "There is nothing at this address.")
                .error_response()
        }));
}

fn body(error: &JsonPayloadError) -> Refusal {
    match error {
        JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => {
            Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("A request has at most {LARGEST} bytes."),
            )
        }
        JsonPayloadError::ContentType => Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Send JSON, and say so: Content-Type: application/json.",
        ),
        JsonPayloadError::Deserialize(error) => Refusal::new(StatusCode::BAD_REQUEST, words(error)),
        _ => Refusal::new(StatusCode::BAD_REQUEST, "Invalid request body."),
    }
}

/// What is wrong and where, without the value, which may be personal.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.starts_with("missing field") || text.starts_with("duplicate field") {
        return format!("Invalid request body: {text}.");
    }
    format!(
        "Invalid request body: see line {}, column {}.",
        error.line(),
        error.column()
    )
}

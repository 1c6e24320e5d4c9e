//! What a caller sees when a request fails: problem details (RFC 9457), always with the same
//! members, as `application/problem+json`.
//!
//! The error policy. Errors are typed inside and meet this module at the boundary, where each is
//! logged at most once:
//! - *The caller's mistake* (4xx): the detail says what is wrong and what to do. Not logged: a
//!   counter by route and status is enough, and the content is the caller's.
//! - *Not now* (429, 503): the detail says why, `Retry-After` says when to come back. The cause of
//!   a 503 is logged as a warning.
//! - *Our mistake* (500): the caller sees a reference and nothing else; the log has the same
//!   reference and the whole chain of causes.
//!
//! No detail ever holds a token, a name or another customer's data. Pages for a browser are the
//! service's own concern; they follow the same policy.

use std::fmt;
use std::time::Duration;

use actix_web::error::{JsonPayloadError, PathError, QueryPayloadError, UrlencodedError};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use serde::Serialize;

use crate::config::chain;
use crate::random::{Random as _, SystemRandom};

/// Problem details as a response.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    reference: Option<String>,
    retry_after: Option<Duration>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
}

impl Problem {
    /// The caller's mistake with status `status`; `detail` names it and the remedy.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            reference: None,
            retry_after: None,
        }
    }

    /// 400: the request itself is wrong.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 404: no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 503: something we depend on does not answer; come back after `retry_after`. Logs `cause`.
    pub fn unavailable(
        detail: impl Into<String>,
        retry_after: Duration,
        cause: &(dyn std::error::Error + 'static),
    ) -> Self {
        tracing::warn!(cause = %chain(cause), "a request found something unavailable");
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        Self {
            retry_after: Some(retry_after),
            ..problem
        }
    }

    /// 500: our mistake. Logs `cause` with a reference and tells the caller only the reference.
    #[must_use]
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        let reference = SystemRandom.token(9);
        tracing::error!(reference, cause = %chain(cause), "a request failed");
        let problem = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something went wrong on our side. Give the operator the reference.",
        );
        Self {
            reference: Some(reference),
            ..problem
        }
    }

    /// The status of the response.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// What the caller is told.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The reference under which the log has the cause of a 500.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(after) = self.retry_after {
            // Rounded up: coming back a moment early would only be refused again.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        response
            .content_type("application/problem+json")
            .json(Body {
                r#type: "about:blank",
                title: self.status.canonical_reason().unwrap_or("Error"),
                status: self.status.as_u16(),
                detail: &self.detail,
                reference: self.reference.as_deref(),
            })
    }
}

/// Makes actix answer with problem details where it answers by itself: bodies, queries, forms and
/// paths that do not parse, and unknown routes. Register it before the service's own routes.
pub fn configure(app: &mut web::ServiceConfig) {
    // The parsers' own words may quote what was sent, so the details do not repeat them.
    let json = |error: JsonPayloadError, _: &HttpRequest| body(&error, "JSON");
    let form = |error: UrlencodedError, _: &HttpRequest| body(&error, "form");
    let query = |_: QueryPayloadError, _: &HttpRequest| {
        Problem::bad_request("The query of the address is not what is expected here.").into()
    };
    let path = |_: PathError, _: &HttpRequest| Problem::not_found(NOTHING_HERE).into();
    app.app_data(web::JsonConfig::default().error_handler(json))
        .app_data(web::QueryConfig::default().error_handler(query))
        .app_data(web::FormConfig::default().error_handler(form))
        .app_data(web::PathConfig::default().error_handler(path))
        .default_service(web::to(|| async {
            Problem::not_found(NOTHING_HERE).error_response()
        }));
}

const NOTHING_HERE: &str = "There is nothing at this address.";

fn body(error: &dyn ResponseError, expected: &str) -> actix_web::Error {
    let status = error.status_code();
    let detail = if status == StatusCode::PAYLOAD_TOO_LARGE {
        "The body is too large.".to_owned()
    } else {
        format!("The body is not the {expected} that is expected here.")
    };
    Problem::new(status, detail).into()
}

#[cfg(test)]
mod tests {
    use actix_web::{App, body, test};
    use serde_json::{Value, json};

    use super::*;

    async fn read(response: HttpResponse) -> Value {
        serde_json::from_slice(&body::to_bytes(response.into_body()).await.unwrap()).unwrap()
    }

    #[actix_web::test]
    async fn a_problem_says_status_title_and_detail() {
        let cause = std::io::Error::other("no connection");
        let problem = Problem::unavailable("Come back.", Duration::from_millis(1100), &cause);
        let response = problem.error_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers().get("retry-after").unwrap(), "2");
        assert_eq!(
            response.headers().get("content-type").unwrap(),
            "application/problem+json"
        );
        let expected = json!({
            "type": "about:blank", "title": "Service Unavailable", "status": 503,
            "detail": "Come back."
        });
        assert_eq!(read(response).await, expected);
    }

    #[actix_web::test]
    async fn our_own_mistake_shows_a_reference_and_no_cause() {
        let cause = std::io::Error::other("password of the database is wrong");
        let problem = Problem::internal(&cause);
        let reference = problem.reference().unwrap().to_owned();
        let body = read(problem.error_response()).await;
        assert_eq!(body["status"], 500);
        assert_eq!(body["reference"], Value::String(reference));
        assert!(!body.to_string().contains("password"));
    }

    #[derive(serde::Deserialize)]
    struct Input {
        number: u8,
    }

    async fn echo(input: web::Json<Input>) -> String {
        input.number.to_string()
    }

    #[actix_web::test]
    async fn actix_answers_with_problems_too() {
        let app = App::new()
            .configure(configure)
            .route("/echo", web::post().to(echo));
        let app = test::init_service(app).await;
        let wrong = test::TestRequest::post()
            .uri("/echo")
            .set_json(json!({"number": "secret"}));
        let response = test::call_service(&app, wrong.to_request()).await;
        assert_eq!(response.status(), 400);
        let body: Value = test::read_body_json(response).await;
        assert_eq!(body["title"], "Bad Request");
        assert!(!body.to_string().contains("secret"));

        let unknown = test::TestRequest::get().uri("/nowhere").to_request();
        let response = test::call_service(&app, unknown).await;
        assert_eq!(response.status(), 404);
        let body: Value = test::read_body_json(response).await;
        assert_eq!(body["detail"], "There is nothing at this address.");
    }
}

//! Why a request of the eligible party is not answered with what it asked for. The policy is that of
//! [`service_kit::problem`]: what comes in here becomes a problem at once, so that it is logged once.

use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use job_queue::QueueError;
use service_kit::problem::Problem;
use storage::DatabaseError;

/// When to come back to a service whose database does not answer.
const COME_BACK: Duration = Duration::from_secs(5);

/// A problem, with conversions from everything that a handler's `?` meets.
#[derive(Debug)]
pub(crate) struct Refused(Problem);

impl Refused {
    /// 409: what is asked for does not fit how things stand.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self(Problem::new(StatusCode::CONFLICT, detail))
    }

    /// 422: the request can be read and means nothing.
    pub(crate) fn meaningless(detail: impl Into<String>) -> Self {
        Self(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail))
    }

    /// 413: more bytes than are read.
    pub(crate) fn too_large(most: usize) -> Self {
        Self(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The body has more than {most} bytes, the most that is read here."),
        ))
    }

    /// 404.
    pub(crate) fn no_permission() -> Self {
        Self(Problem::not_found("There is no permission with this id."))
    }

    /// 500, with the cause in the log.
    pub(crate) fn ours(cause: &(dyn std::error::Error + 'static)) -> Self {
        Self(Problem::internal(cause))
    }

    /// 503, with the cause in the log.
    pub(crate) fn not_now(cause: &(dyn std::error::Error + 'static)) -> Self {
        Self(Problem::unavailable(
            "The database does not answer; whether anything was changed is not known: look before you repeat it.",
            COME_BACK,
            cause,
        ))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refused {}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        self.0.status()
    }

    fn error_response(&self) -> HttpResponse {
        self.0.error_response()
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<QueryError> for Refused {
    fn from(error: QueryError) -> Self {
        match &error {
            QueryError::DatabaseError(DatabaseErrorKind::ClosedConnection, _)
            | QueryError::BrokenTransactionManager => Self::not_now(&error),
            _ => Self::ours(&error),
        }
    }
}

impl From<DatabaseError> for Refused {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Query(error) => error.into(),
            DatabaseError::Url(_) | DatabaseError::Build(_) | DatabaseError::Connect(_) => {
                Self::not_now(&error)
            }
        }
    }
}

impl From<QueueError> for Refused {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Database(error) => error.into(),
            QueueError::Pool(_) | QueueError::NoAnswer(_) => Self::not_now(&error),
            QueueError::Payload { .. } | QueueError::NoId(_) => Self::ours(&error),
        }
    }
}

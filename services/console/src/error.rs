//! What is said when a page cannot be made: what happened, and what to do. A cause inside our systems stands in the log,
//! once, here.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use askama::Template;
use job_queue::QueueError;
use storage::DatabaseError;

use crate::frame;

/// Why there is no such page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Nobody is named by nginx.
    #[error("no user is named")]
    Nobody,
    /// Somebody whom nginx has let in, under a name that the audit log would not keep as it is.
    #[error("the user's name has other letters than plain ones, or too many")]
    Name,
    /// A form that no page of ours has sent.
    #[error("the form was sent from elsewhere")]
    Elsewhere,
    /// A form that does not say what it should.
    #[error("the form is incomplete")]
    Form,
    /// What the address names is not there.
    #[error("no such {0}")]
    Missing(&'static str),
    /// It cannot be done with what it has become.
    #[error("refused: {0}")]
    Refused(String),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The job table.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The download folder.
    #[error("the download folder cannot be read (METERGATE_OUTPUT_DIR): {0}")]
    Output(#[from] std::io::Error),
}

impl From<diesel::result::Error> for Trouble {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    title: &'a str,
    text: &'a str,
    /// Where to go from here; nowhere for those who may not be here at all.
    leads_back: bool,
}

impl Trouble {
    fn words(&self) -> (StatusCode, &'static str, &str) {
        match self {
            Self::Nobody => (
                StatusCode::FORBIDDEN,
                "Not reached through the password",
                "This page is for those whom nginx has asked for their password. Open it at its public address.",
            ),
            Self::Name => (
                StatusCode::FORBIDDEN,
                "This user name cannot be used",
                "Your password is right, but your name in the password file has a space, an accent, or more than 64 letters. Have a line added to that file whose name is 1 to 64 plain letters, digits or signs, and log in with it.",
            ),
            Self::Elsewhere => (
                StatusCode::FORBIDDEN,
                "Sent from elsewhere",
                "Your browser does not say that a page of this console has sent this form, so nothing was done. Open the console and do it there; a browser from before 2023 may be too old for it.",
            ),
            Self::Form => (
                StatusCode::BAD_REQUEST,
                "Incomplete",
                "The form does not say what it should. Nothing was done: open its page again.",
            ),
            Self::Missing(_) => (
                StatusCode::NOT_FOUND,
                "Not there",
                "It was erased, deleted when its time was over, or the address is mistyped.",
            ),
            Self::Refused(why) => (StatusCode::CONFLICT, "Not possible", why),
            Self::Database(_) | Self::Queue(_) | Self::Output(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Something went wrong on our side",
                "Load this page again in a minute. The log of the console says what it was.",
            ),
        }
    }
}

impl ResponseError for Trouble {
    fn status_code(&self) -> StatusCode {
        self.words().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, title, text) = self.words();
        if status.is_server_error() {
            tracing::error!(
                error = service_kit::config::chain(self),
                "a page could not be made"
            );
        }
        let leads_back = !matches!(self, Self::Nobody | Self::Name);
        frame::bare(title).respond(
            status,
            &Message {
                title,
                text,
                leads_back,
            },
        )
    }
}

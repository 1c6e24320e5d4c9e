//! The one policy for callbacks that are refused: the customer sees a page that says what happened and what to do, the
//! operator a counter by label, and a line in the log where something is ours or the custodian's.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use smd_client::Denial;
use storage::smd::login::Refused;

use crate::Service;
use crate::answers::{Offer, Said, trouble};
use crate::callback::CallbackFailure;

/// Counts a failure, logs it if it is not the visitor's, and makes its page.
pub(crate) fn refuse(
    service: &Service,
    request: &HttpRequest,
    failure: &CallbackFailure,
) -> HttpResponse {
    metrics::counter!("smd_callbacks_refused_total", "reason" => label(failure)).increment(1);
    log(failure);
    match failure {
        CallbackFailure::Unasked(error) => trouble(service, request, error),
        other => said(other).respond(service, request),
    }
}

/// The page of a failure that is no trouble with our database.
fn said(failure: &CallbackFailure) -> Said {
    match failure {
        CallbackFailure::State(refused) => of_state(*refused),
        CallbackFailure::Denied { denial, .. } => of_denial(*denial),
        CallbackFailure::Exchange(error) => of_exchange(error),
        CallbackFailure::Ids(_) | CallbackFailure::NoUri => Said {
            offer: Offer::StartOrAsk,
            ..not_completed("unreadable-text", "unreadable-next")
        },
        CallbackFailure::Store(_) => Said {
            status: StatusCode::SERVICE_UNAVAILABLE,
            title: "lost-title",
            text: "lost-text",
            next: "lost-next",
            offer: Offer::Start,
        },
        CallbackFailure::Query(_) | CallbackFailure::NoState | CallbackFailure::Unasked(_) => {
            Said {
                status: StatusCode::BAD_REQUEST,
                title: "incomplete-title",
                text: "incomplete-text",
                next: "incomplete-next",
                offer: Offer::Start,
            }
        }
    }
}

fn of_denial(denial: Denial) -> Said {
    let (text, next, offer) = match denial {
        Denial::Cancelled => (
            "denied-cancelled-text",
            "denied-cancelled-next",
            Offer::Start,
        ),
        Denial::Later => ("denied-later-text", "denied-later-next", Offer::Start),
        Denial::Ours => ("denied-ours-text", "denied-ours-next", Offer::Ask),
        Denial::Other => ("denied-other-text", "denied-other-next", Offer::StartOrAsk),
    };
    Said {
        status: StatusCode::OK,
        title: "denied-title",
        text,
        next,
        offer,
    }
}

/// Nothing goes on by itself here: the code is spent, so the customer starts again.
fn of_exchange(error: &smd_client::Error) -> Said {
    if error.is_invalid_grant() {
        not_completed("code-text", "code-next")
    } else if error.is_transient() {
        not_completed("away-text", "away-next")
    } else {
        Said {
            offer: Offer::Ask,
            ..not_completed("access-text", "access-next")
        }
    }
}

const fn not_completed(text: &'static str, next: &'static str) -> Said {
    Said {
        status: StatusCode::BAD_GATEWAY,
        title: "not-completed-title",
        text,
        next,
        offer: Offer::Start,
    }
}

fn of_state(refused: Refused) -> Said {
    let (status, title, text, next) = match refused {
        Refused::Replayed => (StatusCode::CONFLICT, "used-title", "used-text", "used-next"),
        Refused::Expired => (StatusCode::GONE, "late-title", "late-text", "late-next"),
        // One page for both: it tells a stranger nothing of which states exist.
        Refused::Unknown | Refused::Foreign => (
            StatusCode::BAD_REQUEST,
            "foreign-title",
            "foreign-text",
            "foreign-next",
        ),
    };
    Said {
        status,
        title,
        text,
        next,
        offer: Offer::Start,
    }
}

/// The value of the metric's label.
fn label(failure: &CallbackFailure) -> &'static str {
    match failure {
        CallbackFailure::Query(_) => "malformed",
        CallbackFailure::NoState => "no_state",
        CallbackFailure::State(refused) => refused.label(),
        CallbackFailure::Denied { .. } => "denied",
        CallbackFailure::Exchange(error) if error.is_invalid_grant() => "code_refused",
        CallbackFailure::Exchange(_) => "exchange",
        CallbackFailure::Ids(_) | CallbackFailure::NoUri => "no_ids",
        CallbackFailure::Unasked(_) => "unasked",
        CallbackFailure::Store(_) => "lost",
    }
}

fn log(failure: &CallbackFailure) {
    let error = service_kit::config::chain(failure);
    match failure {
        CallbackFailure::Denied { code, .. } => {
            tracing::info!(code, "the custodian refused an authorization");
        }
        CallbackFailure::Exchange(_) => {
            tracing::warn!(error, "a code could not be exchanged");
        }
        CallbackFailure::Ids(_) | CallbackFailure::NoUri => {
            tracing::error!(error, "the custodian's token answer is not usable");
        }
        CallbackFailure::Store(_) => tracing::error!(
            error,
            "an authorization was lost: the customer was asked to start again, the sweep will name it"
        ),
        // Whoever opened the address, and what its page logs itself.
        CallbackFailure::Query(_)
        | CallbackFailure::NoState
        | CallbackFailure::State(_)
        | CallbackFailure::Unasked(_) => {}
    }
}

//! The one policy for callbacks that are refused: the customer sees a plain page, the operator a counter
//! by label, and a line in the log where something is ours or the custodian's.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use storage::smd::login::Refused;

use crate::callback::CallbackFailure;
use crate::pages::{message, trouble};

const INCOMPLETE: &str = "This link is incomplete";
const NOT_COMPLETED: &str = "PG&E did not complete the authorization";

/// Counts a failure, logs it if it is not the visitor's, and makes its page.
pub(crate) fn refuse(failure: &CallbackFailure) -> HttpResponse {
    metrics::counter!("smd_callbacks_refused_total", "reason" => label(failure)).increment(1);
    log(failure);
    match failure {
        CallbackFailure::Query(_) | CallbackFailure::NoState => message(
            StatusCode::BAD_REQUEST,
            INCOMPLETE,
            "It does not come from an authorization that was started here. Nothing was fetched.",
        ),
        CallbackFailure::State(refused) => refused_state(*refused),
        CallbackFailure::Denied { words, .. } => {
            message(StatusCode::OK, "Nothing was shared", words)
        }
        CallbackFailure::Exchange(error) => message(
            StatusCode::BAD_GATEWAY,
            NOT_COMPLETED,
            exchange_words(error),
        ),
        CallbackFailure::Ids(_) | CallbackFailure::NoUri => message(
            StatusCode::BAD_GATEWAY,
            NOT_COMPLETED,
            "PG&E's answer could not be read. Nothing was fetched; please start again.",
        ),
        CallbackFailure::Unasked(error) => trouble(error),
        CallbackFailure::Store(_) => message(
            StatusCode::SERVICE_UNAVAILABLE,
            "Please authorize once more",
            "Something went wrong on our side just after PG&E had confirmed your authorization, and it was lost. \
             Nothing was fetched. Please start again in a few minutes; your new authorization replaces the lost one.",
        ),
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

fn refused_state(refused: Refused) -> HttpResponse {
    match refused {
        Refused::Replayed => message(
            StatusCode::CONFLICT,
            "This link has been used already",
            "Each authorization link works once. If you have just authorized, go back to the page that shows the progress.",
        ),
        Refused::Expired => message(
            StatusCode::GONE,
            "That took too long",
            "For your safety an authorization must be finished in time. Nothing was fetched.",
        ),
        // One page for both: it tells a stranger nothing of which states exist.
        Refused::Unknown | Refused::Foreign => message(
            StatusCode::BAD_REQUEST,
            "This link does not belong to this browser",
            "The authorization was not started in this browser, or its cookies were removed. Nothing was fetched.",
        ),
    }
}

/// Nothing goes on by itself here: the code is spent, so the customer starts again.
fn exchange_words(error: &smd_client::Error) -> &'static str {
    if error.is_invalid_grant() {
        "PG&E says that this authorization has expired or was used before. Nothing was fetched; please start again."
    } else if error.is_transient() {
        "PG&E cannot be reached at the moment. Nothing was fetched; please start again in a few minutes."
    } else {
        "Something is wrong with our own access to PG&E, not with your account. Nothing was fetched. The operator of this service can see it in the log."
    }
}

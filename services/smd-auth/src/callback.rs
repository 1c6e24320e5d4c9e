//! What the browser brings back from the custodian.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use diesel_async::AsyncConnection;
use job_queue::QueueError;
use smd_client::{Callback, Secret, TokenSet, Wait};
use storage::DatabaseError;
use storage::kinds::SmdFetch;
use storage::smd::authorization::{self, NewAuthorization};
use storage::smd::login::{self, Refused};
use storage::smd::tokens::{TokenError, Tokens};

use crate::Service;
use crate::pages::{message, trouble};
use crate::start::{cookie_name, spent_cookie};

/// A browser is waiting: longer than a job waits for its turn, shorter than nginx waits for us.
pub(crate) const LONGEST_WAIT: Wait = Wait::at_most(Duration::from_secs(30));

/// Why a callback did not become an authorization. One policy: the customer sees a plain page, the
/// operator a counter by label, and a line in the log where something is ours or the custodian's.
#[derive(Debug, thiserror::Error)]
enum CallbackFailure {
    #[error("no answer of the custodian: {0}")]
    Query(#[from] smd_client::CallbackError),
    #[error("no state")]
    NoState,
    #[error("{0}")]
    State(Refused),
    #[error("the custodian answered {code}")]
    Denied { code: String, words: &'static str },
    #[error("exchanging the code: {0}")]
    Exchange(#[source] smd_client::Error),
    #[error("the custodian's answer names no authorization: {0}")]
    Ids(#[from] smd_client::IdError),
    #[error("the custodian's answer names no authorization")]
    NoUri,
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("storing the authorization: {0}")]
    Store(#[from] StoreError),
}

#[derive(Debug, thiserror::Error)]
enum StoreError {
    #[error(transparent)]
    Tokens(#[from] TokenError),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// `GET /OAuthCallback`: checks the state, exchanges the code, stores the authorization and its first
/// job in one transaction, and goes to the progress page.
pub(crate) async fn callback(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    let parsed = Callback::parse(request.query_string());
    let state = parsed
        .as_ref()
        .ok()
        .and_then(Callback::state)
        .map(str::to_owned);
    let mut response = match accept(&service, &request, parsed).await {
        Ok(ticket) => {
            metrics::counter!("smd_authorizations_total").increment(1);
            HttpResponse::SeeOther()
                .insert_header((LOCATION, format!("/status/{ticket}")))
                .insert_header((CACHE_CONTROL, "no-store"))
                .finish()
        }
        Err(failure) => refuse(&failure),
    };
    // Whatever became of it, the state is spent.
    if let Some(state) = state {
        if let Err(error) = response.add_cookie(&spent_cookie(&state)) {
            tracing::warn!(%error, "a cookie cannot be taken back");
        }
    }
    response
}

async fn accept(
    service: &Service,
    request: &HttpRequest,
    parsed: Result<Callback, smd_client::CallbackError>,
) -> Result<String, CallbackFailure> {
    let callback = parsed?;
    let state = callback.state().ok_or(CallbackFailure::NoState)?;
    let browser = request.cookie(&cookie_name(state));
    let mut conn = service.database.get().await?;
    login::redeem(
        &mut conn,
        state,
        browser.as_ref().map(actix_web::cookie::Cookie::value),
    )
    .await
    .map_err(DatabaseError::from)?
    .map_err(CallbackFailure::State)?;
    // Not held while the custodian is asked.
    drop(conn);
    match callback {
        Callback::Denied { ref error, .. } => Err(CallbackFailure::Denied {
            code: error.clone(),
            words: callback.customer_words().unwrap_or_default(),
        }),
        Callback::Code { code, .. } => store(service, exchange(service, &code).await?).await,
    }
}

async fn exchange(service: &Service, code: &Secret) -> Result<TokenSet, CallbackFailure> {
    service
        .client
        .exchange_code(code)
        .await
        .map_err(CallbackFailure::Exchange)
}

/// A crash before the commit loses the tokens: the customer starts again, which cancels the
/// authorization we lost, and the sweep reports it to the operator.
async fn store(service: &Service, tokens: TokenSet) -> Result<String, CallbackFailure> {
    let subscription = tokens.subscription()?;
    let authorization_uri = tokens
        .authorization_uri
        .as_deref()
        .ok_or(CallbackFailure::NoUri)?;
    let (id, ticket) = (service.random.uuid().into(), service.random.token(24));
    let new = NewAuthorization {
        id,
        subscription_id: subscription.as_str(),
        authorization_uri,
        ticket: &ticket,
        tokens: &Tokens {
            access: tokens.access_token.clone(),
            refresh: Some(tokens.refresh_token.clone()),
        },
        expires_in: tokens.expires_in,
    };
    let mut conn = service.database.get().await?;
    conn.transaction(async |conn| {
        authorization::insert(conn, &service.keys, &new).await?;
        job_queue::enqueue_one(conn, &SmdFetch { authorization: id }).await?;
        Ok::<_, StoreError>(())
    })
    .await?;
    tracing::info!(authorization = %id, "authorized");
    Ok(ticket)
}

fn refuse(failure: &CallbackFailure) -> HttpResponse {
    let count = |reason: &'static str| {
        metrics::counter!("smd_callbacks_refused_total", "reason" => reason).increment(1);
    };
    let bad = StatusCode::BAD_REQUEST;
    match failure {
        CallbackFailure::Query(_) | CallbackFailure::NoState => {
            count("malformed");
            message(
                bad,
                "This link is incomplete",
                "It does not come from an authorization that was started here.",
            )
        }
        CallbackFailure::State(refused) => {
            count(refused.label());
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
                Refused::Unknown | Refused::Foreign => message(
                    bad,
                    "This link does not belong to this browser",
                    "The authorization was not started in this browser, or its cookies were removed. Nothing was fetched.",
                ),
            }
        }
        CallbackFailure::Denied { code, words } => {
            count("denied");
            tracing::info!(code, "the custodian refused an authorization");
            message(StatusCode::OK, "Nothing was shared", words)
        }
        CallbackFailure::Exchange(error) => {
            count("exchange");
            tracing::warn!(
                error = service_kit::config::chain(error),
                "a code could not be exchanged"
            );
            message(
                StatusCode::BAD_GATEWAY,
                "PG&E did not complete the authorization",
                exchange_words(error),
            )
        }
        CallbackFailure::Ids(_) | CallbackFailure::NoUri => {
            count("no_ids");
            tracing::error!(
                error = service_kit::config::chain(failure),
                "the custodian's token answer is not usable"
            );
            message(
                StatusCode::BAD_GATEWAY,
                "PG&E did not complete the authorization",
                "PG&E's answer could not be read. Please start again.",
            )
        }
        CallbackFailure::Database(_) | CallbackFailure::Store(_) => {
            count("trouble");
            trouble(failure)
        }
    }
}

/// Nothing goes on by itself here: the code is spent, so the customer starts again.
fn exchange_words(error: &smd_client::Error) -> &'static str {
    if error.is_invalid_grant() {
        "PG&E says that this authorization has expired or was used before. Please start again."
    } else if error.is_transient() {
        "PG&E cannot be reached at the moment. Please start again in a few minutes."
    } else {
        "Something is wrong with our own access to PG&E, not with your account. The operator of this service has been told."
    }
}

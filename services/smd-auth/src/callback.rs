//! What the browser brings back from the custodian, and what becomes of it.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use diesel_async::AsyncConnection;
use job_queue::QueueError;
use pages::redirect;
use smd_client::{Callback, CallbackError, Denial, Secret, TokenSet, Wait};
use storage::DatabaseError;
use storage::kinds::SmdFetch;
use storage::smd::authorization::{self, NewAuthorization};
use storage::smd::login::{self, Refused};
use storage::smd::progress;
use storage::smd::tokens::{TokenError, Tokens};

use crate::Service;
use crate::cookie::{self, running};

/// A browser is waiting: longer than a job waits for its turn, shorter than nginx waits for us.
pub(crate) const LONGEST_WAIT: Wait = Wait::at_most(Duration::from_secs(30));

/// The tokens are in our hands and nowhere else: a database that restarts just now must not cost the
/// customer another walk through the custodian's pages.
const STORE_ATTEMPTS: u32 = 5;
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);

/// Why a callback did not become an authorization; [`crate::refusal`] says what the customer is told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallbackFailure {
    #[error("no answer of the custodian: {0}")]
    Query(#[from] CallbackError),
    #[error("no state")]
    NoState,
    /// The state was not looked at and is as good as before.
    #[error("the state could not be looked up: {0}")]
    Unasked(#[source] DatabaseError),
    #[error("{0}")]
    State(Refused),
    #[error("the custodian answered {code}")]
    Denied { code: String, denial: Denial },
    #[error("exchanging the code: {0}")]
    Exchange(#[source] smd_client::Error),
    #[error("the custodian's answer names no authorization: {0}")]
    Ids(#[from] smd_client::IdError),
    #[error("the custodian's answer names no authorization")]
    NoUri,
    /// The code is spent and its tokens are lost.
    #[error("storing the authorization: {0}")]
    Store(#[from] StoreError),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
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
    let cookie = parsed
        .as_ref()
        .ok()
        .and_then(Callback::state)
        .map(cookie::name);
    let browser = cookie
        .as_deref()
        .and_then(|name| Some(request.cookie(name)?.value().to_owned()));
    let accepted = match parsed {
        Ok(callback) => accept(&service, callback, browser.as_deref()).await,
        Err(error) => Err(error.into()),
    };
    let is_still_good = matches!(accepted, Err(CallbackFailure::Unasked(_)));
    let mut response = match accepted {
        Ok(ticket) => {
            metrics::counter!("smd_authorizations_total").increment(1);
            redirect(&format!("/status/{ticket}"), &[running::issue(&ticket)])
        }
        Err(failure) => crate::refusal::refuse(&service, &request, &failure),
    };
    if let Some(name) = cookie.filter(|_| browser.is_some() && !is_still_good)
        && let Err(error) = response.add_cookie(&cookie::take_back(name))
    {
        tracing::warn!(%error, "a cookie cannot be taken back");
    }
    response
}

async fn accept(
    service: &Service,
    callback: Callback,
    browser: Option<&str>,
) -> Result<String, CallbackFailure> {
    let state = callback.state().ok_or(CallbackFailure::NoState)?;
    redeem(service, state, browser)
        .await
        .map_err(CallbackFailure::Unasked)?
        .map_err(CallbackFailure::State)?;
    let denial = callback.denial().unwrap_or(Denial::Other);
    match callback {
        Callback::Denied { error: code, .. } => Err(CallbackFailure::Denied { code, denial }),
        Callback::Code { code, .. } => store(service, exchange(service, &code).await?).await,
    }
}

/// The connection goes back before the custodian is asked.
async fn redeem(
    service: &Service,
    state: &str,
    browser: Option<&str>,
) -> Result<Result<(), Refused>, DatabaseError> {
    let mut conn = service.database.get().await?;
    Ok(login::redeem(&mut conn, state, browser).await?)
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
    let ticket = service.random.token(24);
    let new = NewAuthorization {
        id: service.random.uuid().into(),
        subscription_id: subscription.as_str(),
        authorization_uri,
        ticket: &ticket,
        tokens: &Tokens {
            access: tokens.access_token.clone(),
            refresh: Some(tokens.refresh_token.clone()),
        },
        expires_in: tokens.expires_in,
    };
    let mut attempt = 1;
    while let Err(error) = insert(service, &new).await {
        if attempt >= STORE_ATTEMPTS {
            return Err(error.into());
        }
        tracing::warn!(
            error = service_kit::config::chain(&error),
            attempt,
            "an authorization could not be stored yet"
        );
        attempt += 1;
        tokio::time::sleep(BETWEEN_ATTEMPTS).await;
    }
    tracing::info!(authorization = %new.id, "authorized");
    Ok(ticket)
}

/// May be repeated: the connection may break after the commit and before we hear of it.
async fn insert(service: &Service, new: &NewAuthorization<'_>) -> Result<(), StoreError> {
    let mut conn = service.database.get().await?;
    conn.transaction(async |conn| {
        if progress::of_ticket(conn, new.ticket).await?.is_some() {
            return Ok(());
        }
        authorization::insert(conn, &service.keys, new).await?;
        let first = SmdFetch {
            authorization: new.id,
        };
        job_queue::enqueue_one(conn, &first).await?;
        Ok(())
    })
    .await
}

//! Where in the journey a request stands, and whom it is about.

use actix_web::HttpRequest;
use actix_web::http::{Method, header};
use serde::{Deserialize, Serialize};
use service_kit::secret::ExposeSecret as _;
use url::form_urlencoded;

use crate::gateway::{Credentials, Target};
use crate::ledger::RequestKind;
use crate::resources::Resource;
use crate::world::State;

/// A kind of request, told apart further than the ledger does; or a notification of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A code for tokens.
    TokenCode,
    /// A refresh token for the next pair.
    TokenRefresh,
    /// The third party's own token.
    TokenClient,
    /// A batch that was announced, by its correlation id.
    Announced,
    /// A notification on its way to the third party.
    Notification,
    /// Any other request.
    #[serde(untagged)]
    Request(RequestKind),
}

/// A request as rules look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) step: Step,
    pub(crate) authorization: Option<u64>,
    /// The key of the customer whose authorization it is.
    pub(crate) customer: Option<String>,
}

impl Asked {
    /// A step about this authorization.
    pub(crate) fn about(state: &State, step: Step, authorization: Option<u64>) -> Self {
        let customer = authorization
            .and_then(|id| state.grants.get(id))
            .map(|authorization| authorization.choice.customer.clone());
        Self {
            step,
            authorization,
            customer,
        }
    }

    /// What a request to the API is.
    pub(crate) fn of(
        state: &State,
        request: &HttpRequest,
        body: &[u8],
        target: &Target,
        credentials: &Credentials,
    ) -> Self {
        let named = match target {
            Target::Resource(resource) => resource.authorization(),
            _ => None,
        };
        let by_token = || match credentials {
            Credentials::Bearer(token) => state.grants.authorization_of(token.expose_secret()),
            _ => None,
        };
        match target {
            Target::Token if request.method() == Method::POST => {
                let (step, by_grant) = token_step(state, request, body);
                Self::about(state, step, by_grant)
            }
            Target::Resource(Resource::BatchUsagePoint(..) | Resource::BatchSubscription(_))
                if request.query_string().contains("correlationID=") =>
            {
                Self::about(state, Step::Announced, named)
            }
            _ => Self::about(state, Step::Request(target.kind()), named.or_else(by_token)),
        }
    }
}

/// Which grant a token request is of, and whose code or refresh token it brings.
fn token_step(state: &State, request: &HttpRequest, body: &[u8]) -> (Step, Option<u64>) {
    let is_form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|text| text.starts_with("application/x-www-form-urlencoded"));
    let body = if is_form { body } else { &[] };
    let query = request.query_string().as_bytes();
    let parameter = |wanted: &str| {
        form_urlencoded::parse(query)
            .chain(form_urlencoded::parse(body))
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
    };
    match parameter("grant_type").as_deref() {
        Some("authorization_code") => {
            let code = parameter("code").unwrap_or_default();
            (Step::TokenCode, state.grants.authorization_of_code(&code))
        }
        Some("refresh_token") => {
            let token = parameter("refresh_token").unwrap_or_default();
            (Step::TokenRefresh, state.grants.authorization_of(&token))
        }
        Some("client_credentials") => (Step::TokenClient, None),
        _ => (Step::Request(RequestKind::Token), None),
    }
}

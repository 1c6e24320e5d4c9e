//! Tokens: what an exchange brings, who keeps them, and how a request gets one.

use std::{fmt, time::Duration};

use async_trait::async_trait;

pub use service_kit::secret::Secret;

use crate::{
    Error,
    ids::{IdError, SubscriptionId},
};

/// A customer's tokens, as the custodian's token endpoint gives them.
#[derive(Clone)]
pub struct TokenSet {
    /// For the customer's resources; good for `expires_in`.
    pub access_token: Secret,
    /// For the next pair; good for a year, and replaced at each use.
    pub refresh_token: Secret,
    /// Life of the access token from the answer on, 3600 s at PG&E.
    pub expires_in: Duration,
    /// What was granted, as `FB=1_3_4_5…;IntervalDuration=900_3600;…`.
    pub scope: Option<String>,
    /// `…/Batch/Subscription/{id}`. Always there after an exchange, not always after a refresh.
    pub resource_uri: Option<String>,
    /// `…/Authorization/{id}`; what ends the authorization. As above.
    pub authorization_uri: Option<String>,
}

impl TokenSet {
    /// The subscription's id, from the last path segment of the resource URI.
    pub fn subscription(&self) -> Result<SubscriptionId, IdError> {
        SubscriptionId::from_uri(self.resource_uri.as_deref().unwrap_or_default())
    }

    /// The authorization's id, from the last path segment of the authorization URI.
    pub fn authorization(&self) -> Result<SubscriptionId, IdError> {
        SubscriptionId::from_uri(self.authorization_uri.as_deref().unwrap_or_default())
    }
}

/// Prints neither tokens nor the URIs, which hold the customer's id.
impl fmt::Debug for TokenSet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("TokenSet")
            .field("expires_in", &self.expires_in)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// Who keeps a customer's tokens: the fetcher, in the database, encrypted.
///
/// A request asks for the access token once; when the custodian answers 401 or 403, it asks for a
/// refreshed one, once, and is repeated, once.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// The current access token. May refresh it when it is about to expire.
    async fn access(&self) -> Result<Secret, Error>;

    /// A token that is not `stale`. The custodian takes each refresh token once, so
    /// implementations lock, read again, and refresh only when what they read is still `stale`;
    /// the new pair is committed before it is returned.
    async fn refreshed(&self, stale: &Secret) -> Result<Secret, Error>;
}

/// Which class of token a request carries.
#[derive(Clone, Copy)]
pub enum Bearer<'a> {
    /// A customer's access token: subscriptions, batches, customer, reading types, local time.
    Customer(&'a dyn Tokens),
    /// Our own client access token: service status, sample data, authorizations, bulk batches and
    /// the links of a bulk notification. Kept by [`crate::Client`].
    Client,
}

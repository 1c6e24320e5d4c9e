//! What the token endpoint answers, customer's tokens and client token alike.

use std::time::Duration;

use oauth2::{AccessToken, RefreshToken, Scope, TokenResponse, basic::BasicTokenType};
use serde::{Deserialize, Serialize};

use super::malformed;
use crate::{Error, RequestKind, Secret, TokenSet};

/// Life of a token that comes without one: what PG&E documents.
const USUAL_LIFE: Duration = Duration::from_hours(1);

/// The token endpoint's JSON, customer's tokens and client token alike.
#[derive(Debug, Serialize, Deserialize)]
#[serde(try_from = "RawAnswer")]
pub(super) struct TokenAnswer {
    pub(super) access_token: AccessToken,
    pub(super) client_access_token: Option<AccessToken>,
    token_type: BasicTokenType,
    expires_in: Option<u64>,
    refresh_token: Option<RefreshToken>,
    scope: Option<Vec<Scope>>,
    resource_uri: Option<String>,
    authorization_uri: Option<String>,
}

#[derive(Deserialize)]
struct RawAnswer {
    access_token: Option<AccessToken>,
    client_access_token: Option<AccessToken>,
    token_type: Option<BasicTokenType>,
    expires_in: Option<Seconds>,
    refresh_token: Option<RefreshToken>,
    scope: Option<Scope>,
    #[serde(rename = "resourceURI")]
    resource_uri: Option<String>,
    #[serde(rename = "authorizationURI")]
    authorization_uri: Option<String>,
}

/// PG&E writes the life as a number here and as a string there.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

impl TryFrom<RawAnswer> for TokenAnswer {
    type Error = &'static str;

    fn try_from(raw: RawAnswer) -> Result<Self, &'static str> {
        let expires_in = match raw.expires_in {
            Some(Seconds::Number(seconds)) => Some(seconds),
            Some(Seconds::Text(text)) => {
                Some(text.trim().parse().map_err(|_| "expires_in is no number")?)
            }
            None => None,
        };
        let client_access_token = raw.client_access_token;
        let access_token = raw
            .access_token
            .or_else(|| client_access_token.clone())
            .filter(|token| !token.secret().is_empty())
            .ok_or("there is no token")?;
        Ok(Self {
            access_token,
            client_access_token,
            token_type: raw.token_type.unwrap_or(BasicTokenType::Bearer),
            expires_in,
            refresh_token: raw.refresh_token.filter(|token| !token.secret().is_empty()),
            scope: raw.scope.map(|scope| vec![scope]),
            resource_uri: raw.resource_uri,
            authorization_uri: raw.authorization_uri,
        })
    }
}

impl TokenAnswer {
    /// How long the token lives from now on.
    pub(super) fn life(&self) -> Duration {
        self.expires_in.map_or(USUAL_LIFE, Duration::from_secs)
    }

    /// The customer's tokens; `previous` is the refresh token to keep when none came.
    pub(super) fn into_tokens(
        self,
        kind: RequestKind,
        previous: Option<&Secret>,
    ) -> Result<TokenSet, Error> {
        let expires_in = self.life();
        let refresh_token = match (self.refresh_token, previous) {
            (Some(token), _) => token.into_secret().into(),
            (None, Some(previous)) => previous.clone(),
            (None, None) => return Err(malformed(kind, "it has no refresh_token")),
        };
        Ok(TokenSet {
            access_token: self.access_token.into_secret().into(),
            refresh_token,
            expires_in,
            scope: self
                .scope
                .and_then(|scopes| Some(scopes.first()?.to_string())),
            resource_uri: self.resource_uri,
            authorization_uri: self.authorization_uri,
        })
    }
}

impl TokenResponse for TokenAnswer {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &BasicTokenType {
        &self.token_type
    }

    fn expires_in(&self) -> Option<Duration> {
        Some(self.life())
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        self.scope.as_ref()
    }
}

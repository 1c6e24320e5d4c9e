//! A customer's tokens: read for each request, refreshed under a lock.

use async_trait::async_trait;
use diesel_async::AsyncConnection;
use service_kit::secret::ExposeSecret;
use smd_client::{Error, Secret, Tokens as CustomerTokens};
use storage::smd::AuthorizationId;
use storage::smd::tokens::{self, TokenError, Tokens};

use crate::Fetcher;
use crate::error::StepError;

/// The tokens of one authorization.
pub(crate) struct Stored<'a> {
    pub(crate) fetcher: &'a Fetcher,
    pub(crate) authorization: AuthorizationId,
}

#[async_trait]
impl CustomerTokens for Stored<'_> {
    async fn access(&self) -> Result<Secret, Error> {
        self.read()
            .await
            .map(|tokens| tokens.access)
            .map_err(Error::tokens)
    }

    /// One refresh at a time per authorization: the row is locked and read again first, and the new
    /// pair is committed before anybody uses it. A crash between the custodian's answer and the
    /// commit loses the pair; the authorization is then given up and released.
    async fn refreshed(&self, stale: &Secret) -> Result<Secret, Error> {
        match self.refresh(stale).await {
            Ok(fresh) => Ok(fresh),
            Err(StepError::Custodian(error)) if error.is_invalid_grant() => {
                // Perhaps another process used the refresh token up, and stored the new pair.
                let now = self.read().await.map_err(Error::tokens)?.access;
                if is_same(&now, stale) {
                    Err(error)
                } else {
                    Ok(now)
                }
            }
            Err(StepError::Custodian(error)) => Err(error),
            Err(error) => Err(Error::tokens(error)),
        }
    }
}

impl Stored<'_> {
    async fn read(&self) -> Result<Tokens, StepError> {
        let mut conn = self.fetcher.database.get().await?;
        Ok(tokens::read(&mut conn, &self.fetcher.keys, self.authorization).await?)
    }

    async fn refresh(&self, stale: &Secret) -> Result<Secret, StepError> {
        let (fetcher, id) = (self.fetcher, self.authorization);
        // A refresh holds a connection while its request asks for another one (for the request budget):
        // many at once would starve each other of connections.
        let _one_at_a_time = fetcher.refreshing.lock().await;
        let mut conn = fetcher.database.get().await?;
        conn.transaction(async |conn| {
            let kept = tokens::read_locked(conn, &fetcher.keys, id).await?;
            if !is_same(&kept.access, stale) {
                return Ok(kept.access);
            }
            let refresh_token = kept.refresh.ok_or(TokenError::Gone)?;
            let new = fetcher.client.refresh(&refresh_token).await?;
            let pair = Tokens {
                access: new.access_token.clone(),
                refresh: Some(new.refresh_token),
            };
            tokens::replace(conn, &fetcher.keys, id, &pair, new.expires_in).await?;
            Ok::<_, StepError>(new.access_token)
        })
        .await
    }
}

fn is_same(one: &Secret, other: &Secret) -> bool {
    one.expose_secret() == other.expose_secret()
}

//! What customers have allowed: authorizations, the codes that lead to them, and the tokens that
//! use them. Pure state: the time comes with every call, nothing here knows HTTP.

mod authorization;
mod tokens;

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use service_kit::random::Random;
use thiserror::Error;

pub(crate) use authorization::{Authorization, Choice};
pub use authorization::{DataGroups, State};
pub(crate) use tokens::{Bearer, Issued, Refused};
use tokens::{Code, Token};

/// For how long things are good.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetimes {
    pub(crate) code: SignedDuration,
    pub(crate) access: SignedDuration,
    pub(crate) refresh: SignedDuration,
}

/// Why no token is issued; each is `invalid_grant` in RFC 6749's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum GrantError {
    #[error("the code is not known")]
    UnknownCode,
    #[error("the code has expired")]
    ExpiredCode,
    #[error("the code was used before: the tokens issued for it are revoked")]
    ReplayedCode,
    #[error("the redirect_uri is not the one the code was asked for with")]
    OtherRedirect,
    #[error("the refresh token is not known")]
    UnknownRefresh,
    #[error("the refresh token has expired")]
    ExpiredRefresh,
    #[error("the authorization has ended")]
    Ended,
}

/// What a new authorization brought about.
#[derive(Debug)]
pub(crate) struct Authorized {
    pub(crate) code: String,
    pub(crate) scope: String,
    /// Older authorizations of the same customer and client, now ended.
    pub(crate) superseded: Vec<u64>,
}

/// All authorizations, codes and tokens.
#[derive(Debug)]
pub(crate) struct Grants {
    lifetimes: Lifetimes,
    next: u64,
    authorizations: BTreeMap<u64, Authorization>,
    codes: HashMap<String, Code>,
    tokens: HashMap<String, Token>,
}

impl Grants {
    /// No authorizations yet; the first one will be `first`.
    pub(crate) fn new(lifetimes: Lifetimes, first: u64) -> Self {
        Self {
            lifetimes,
            next: first,
            authorizations: BTreeMap::new(),
            codes: HashMap::new(),
            tokens: HashMap::new(),
        }
    }

    /// A customer authorizes: older authorizations of the same customer for the same client end,
    /// and so do their tokens.
    pub(crate) fn authorize(
        &mut self,
        now: Timestamp,
        random: &dyn Random,
        client_id: &str,
        redirect_uri: &str,
        choice: Choice,
    ) -> Authorized {
        let older = |a: &Authorization| {
            a.client_id == client_id
                && a.choice.customer == choice.customer
                && a.state == State::Active
        };
        let superseded = self.end_where(now, State::Superseded, older);
        let id = self.next;
        self.next += 1;
        let authorization = Authorization::new(id, client_id, choice, now);
        let scope = authorization.scope();
        self.authorizations.insert(id, authorization);
        let code = random.token(24);
        let expires = after(now, self.lifetimes.code);
        self.codes.insert(
            code.clone(),
            Code {
                authorization: id,
                redirect_uri: redirect_uri.to_owned(),
                expires,
                used: false,
            },
        );
        Authorized {
            code,
            scope,
            superseded,
        }
    }

    /// `grant_type=authorization_code`.
    pub(crate) fn exchange(
        &mut self,
        now: Timestamp,
        random: &dyn Random,
        client_id: &str,
        code: &str,
        redirect_uri: Option<&str>,
    ) -> Result<Issued, GrantError> {
        let known = self.codes.get_mut(code).ok_or(GrantError::UnknownCode)?;
        let authorization = known.authorization;
        let owner = self
            .authorizations
            .get(&authorization)
            .ok_or(GrantError::UnknownCode)?;
        if owner.client_id != client_id {
            return Err(GrantError::UnknownCode);
        }
        if known.used {
            // Whoever used it first may not have been the one it was meant for (RFC 6749, 4.1.2).
            self.drop_tokens(authorization);
            return Err(GrantError::ReplayedCode);
        }
        if now >= known.expires {
            return Err(GrantError::ExpiredCode);
        }
        if redirect_uri != Some(known.redirect_uri.as_str()) {
            return Err(GrantError::OtherRedirect);
        }
        known.used = true;
        self.issue(now, random, authorization)
    }

    /// `grant_type=refresh_token`: a new pair; the old one is good for nothing any more.
    pub(crate) fn refresh(
        &mut self,
        now: Timestamp,
        random: &dyn Random,
        client_id: &str,
        refresh_token: &str,
    ) -> Result<Issued, GrantError> {
        let Some(Token {
            bearer: Bearer::Refresh(id),
            expires,
        }) = self.tokens.get(refresh_token)
        else {
            return Err(GrantError::UnknownRefresh);
        };
        let (id, expires) = (*id, *expires);
        if self
            .authorizations
            .get(&id)
            .is_none_or(|a| a.client_id != client_id)
        {
            return Err(GrantError::UnknownRefresh);
        }
        if now >= expires {
            return Err(GrantError::ExpiredRefresh);
        }
        self.issue(now, random, id)
    }

    fn issue(
        &mut self,
        now: Timestamp,
        random: &dyn Random,
        id: u64,
    ) -> Result<Issued, GrantError> {
        let expires = after(now, self.lifetimes.access);
        let authorization = self.authorizations.get_mut(&id).ok_or(GrantError::Ended)?;
        if authorization.status(now) != 1 {
            return Err(GrantError::Ended);
        }
        authorization.token_expires = Some(expires);
        let scope = authorization.scope();
        self.drop_tokens(id);
        let (access, refresh) = (random.token(32), random.token(32));
        self.tokens.insert(
            access.clone(),
            Token {
                bearer: Bearer::Access(id),
                expires,
            },
        );
        let refresh_until = after(now, self.lifetimes.refresh);
        self.tokens.insert(
            refresh.clone(),
            Token {
                bearer: Bearer::Refresh(id),
                expires: refresh_until,
            },
        );
        Ok(Issued {
            authorization: id,
            access,
            refresh,
            expires_in: self.lifetimes.access.as_secs(),
            scope,
        })
    }

    /// `grant_type=client_credentials`: the token and its seconds.
    pub(crate) fn client_token(
        &mut self,
        now: Timestamp,
        random: &dyn Random,
        client_id: &str,
    ) -> (String, i64) {
        let token = random.token(32);
        let expires = after(now, self.lifetimes.access);
        self.tokens.insert(
            token.clone(),
            Token {
                bearer: Bearer::Client(client_id.to_owned()),
                expires,
            },
        );
        (token, self.lifetimes.access.as_secs())
    }

    /// Whose token this is.
    pub(crate) fn bearer(&self, now: Timestamp, token: &str) -> Result<Bearer, Refused> {
        let found = self.tokens.get(token).ok_or(Refused::Unknown)?;
        if now >= found.expires {
            return Err(Refused::Expired);
        }
        let ended = match &found.bearer {
            Bearer::Access(id) | Bearer::Refresh(id) => self
                .authorizations
                .get(id)
                .is_none_or(|a| a.status(now) != 1),
            Bearer::Client(_) => false,
        };
        if ended {
            Err(Refused::Ended)
        } else {
            Ok(found.bearer.clone())
        }
    }

    /// The client a token belongs to, good or not.
    pub(crate) fn client_of(&self, token: &str) -> Option<&str> {
        match &self.tokens.get(token)?.bearer {
            Bearer::Client(client) => Some(client),
            Bearer::Access(id) | Bearer::Refresh(id) => {
                self.authorizations.get(id).map(|a| a.client_id.as_str())
            }
        }
    }

    /// The authorization that a customer's token belongs to, good or not.
    pub(crate) fn authorization_of(&self, token: &str) -> Option<u64> {
        match &self.tokens.get(token)?.bearer {
            Bearer::Access(id) | Bearer::Refresh(id) => Some(*id),
            Bearer::Client(_) => None,
        }
    }

    /// The authorization that a code leads to, used or not.
    pub(crate) fn authorization_of_code(&self, code: &str) -> Option<u64> {
        self.codes.get(code).map(|known| known.authorization)
    }

    /// Forgets a token: it is as if it had never been issued.
    pub(crate) fn forget(&mut self, token: &str) {
        self.tokens.remove(token);
    }

    /// The authorization with this id, whatever its state.
    pub(crate) fn get(&self, id: u64) -> Option<&Authorization> {
        self.authorizations.get(&id)
    }

    /// All authorizations in the order they were made, whatever their state.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Authorization> {
        self.authorizations.values()
    }

    /// How many tokens of this authorization are good.
    pub(crate) fn live_tokens(&self, now: Timestamp, id: u64) -> usize {
        let of_it =
            |t: &Token| matches!(t.bearer, Bearer::Access(a) | Bearer::Refresh(a) if a == id);
        self.tokens
            .iter()
            .filter(|(text, token)| of_it(token) && self.bearer(now, text).is_ok())
            .count()
    }

    /// The customer takes the consent back: one authorization, or all of them.
    pub(crate) fn revoke(&mut self, now: Timestamp, customer: &str, only: Option<u64>) -> Vec<u64> {
        self.end_where(now, State::Revoked, |a| {
            a.choice.customer == customer
                && a.state == State::Active
                && only.is_none_or(|id| id == a.id)
        })
    }

    /// The third party deletes one of its authorizations, active or not. False when there is none.
    pub(crate) fn delete(&mut self, now: Timestamp, client_id: &str, id: u64) -> bool {
        let ended = self.end_where(now, State::Deleted, |a| {
            a.id == id && a.client_id == client_id && a.state != State::Deleted
        });
        !ended.is_empty()
    }

    fn end_where(
        &mut self,
        now: Timestamp,
        to: State,
        which: impl Fn(&Authorization) -> bool,
    ) -> Vec<u64> {
        let mut ended = Vec::new();
        for authorization in self.authorizations.values_mut().filter(|a| which(a)) {
            authorization.state = to;
            authorization.updated = now;
            ended.push(authorization.id);
        }
        for id in &ended {
            self.drop_tokens(*id);
        }
        ended
    }

    fn drop_tokens(&mut self, id: u64) {
        self.tokens.retain(
            |_, token| !matches!(token.bearer, Bearer::Access(a) | Bearer::Refresh(a) if a == id),
        );
    }
}

/// An instant later; the last one there is when it would lie beyond.
fn after(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;

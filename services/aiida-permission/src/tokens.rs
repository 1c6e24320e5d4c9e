//! Access tokens: what a home shows to be let at the permissions of the code that it scanned. JWT as EDDIE makes
//! them (HS256; `iat`, `exp`, `permissions.aiida`), with one claim more that tells the two codes apart.

mod hs256;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use permission::{Generation, PermissionId};
use serde::{Deserialize, Serialize};
use service_kit::secret::{ExposeSecret as _, Secret};

use crate::config::ConfigError;

/// A real token of ten permissions has about 800 characters.
const LONGEST: usize = 4096;

/// Makes and checks access tokens.
#[derive(Clone)]
pub(crate) struct Tokens {
    signing: EncodingKey,
    /// The signing key's first, then those that signed before it.
    checking: Vec<DecodingKey>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

/// Nothing else: a claim that we do not look at (`nbf`, `aud`) might mean "not here, not now".
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iat: i64,
    exp: i64,
    permissions: Listed,
    code: Generation,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    aiida: Vec<PermissionId>,
}

/// What a good token lets its bearer do.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    permissions: Vec<PermissionId>,
    /// Which code the home scanned.
    pub(crate) code: Generation,
}

impl Access {
    /// Whether it is good for this permission.
    pub(crate) fn is_for(&self, id: PermissionId) -> bool {
        self.permissions.contains(&id)
    }
}

/// A token that lets nobody in; which of the two it is, whoever shows it may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// Not made by us.
    #[error("The access token is not valid.")]
    Invalid,
    /// Made by us, some time ago.
    #[error("The access token has expired: ask for a new code.")]
    Expired,
}

/// A token could not be made.
#[derive(Debug, thiserror::Error)]
#[error("an access token cannot be signed")]
pub(crate) struct SignError(#[source] jsonwebtoken::errors::Error);

impl Tokens {
    /// From keys of 32 bytes in base64, separated by commas: the first signs, all check.
    pub(crate) fn new(secret: &Secret) -> Result<Self, ConfigError> {
        let keys: Option<Vec<_>> = secret.expose_secret().split(',').map(key).collect();
        let keys = keys.ok_or(ConfigError::JwtSecret)?;
        let first = keys.first().ok_or(ConfigError::JwtSecret)?;
        hs256::install();
        Ok(Self {
            signing: EncodingKey::from_secret(first),
            checking: keys
                .iter()
                .map(|key| DecodingKey::from_secret(key))
                .collect(),
        })
    }

    /// A token for these permissions; equal for equal arguments, so that a page shows the same code again.
    pub(crate) fn issue(
        &self,
        permissions: &[PermissionId],
        code: Generation,
        issued_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<String, SignError> {
        let claims = Claims {
            iat: issued_at.as_second(),
            exp: expires_at.as_second(),
            permissions: Listed {
                aiida: permissions.to_vec(),
            },
            code,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing)
            .map_err(SignError)
    }

    /// Checks signature and expiry.
    pub(crate) fn check(&self, token: &str, now: Timestamp) -> Result<Access, TokenError> {
        if token.len() > LONGEST {
            return Err(TokenError::Invalid);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        // By our clock, below, and to the second: the library would ask the machine's.
        validation.validate_exp = false;
        let claims = self
            .checking
            .iter()
            .find_map(|key| jsonwebtoken::decode::<Claims>(token, key, &validation).ok())
            .ok_or(TokenError::Invalid)?
            .claims;
        if claims.exp <= now.as_second() {
            return Err(TokenError::Expired);
        }
        Ok(Access {
            permissions: claims.permissions.aiida,
            code: claims.code,
        })
    }
}

fn key(text: &str) -> Option<Vec<u8>> {
    let key = STANDARD.decode(text.trim()).ok()?;
    (key.len() == 32).then_some(key)
}

#[cfg(test)]
mod confusion;
#[cfg(test)]
mod tests;

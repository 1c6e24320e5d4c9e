//! What `fuzz/` calls of this crate's private readers. In no other build (feature `fuzzing`).

use jiff::Timestamp;
use permission::{Generation, PermissionId};
use service_kit::secret::Secret;

use crate::handshake::Asked;
use crate::requests::Wanted;
use crate::tokens::{TokenError, Tokens};

/// Makes and checks access tokens under one secret.
#[derive(Debug)]
pub struct Door(Tokens);

impl Door {
    /// `secret`: 32 bytes in base64.
    #[must_use]
    pub fn new(secret: &str) -> Option<Self> {
        Tokens::new(&Secret::from(secret)).ok().map(Self)
    }

    /// A token for these permissions.
    #[must_use]
    pub fn issue(
        &self,
        permissions: &[PermissionId],
        code: Generation,
        from: Timestamp,
        until: Timestamp,
    ) -> Option<String> {
        self.0.issue(permissions, code, from, until).ok()
    }

    /// Which of `asked` the token is good for, and its code; `Err`: whether it was ours once.
    pub fn check(
        &self,
        token: &str,
        now: Timestamp,
        asked: &[PermissionId],
    ) -> Result<(Vec<PermissionId>, Generation), bool> {
        let access = self.0.check(token, now);
        let access = access.map_err(|error| error == TokenError::Expired)?;
        let good = asked.iter().copied().filter(|id| access.is_for(*id));
        Ok((good.collect(), access.code))
    }
}

/// Reads the body of `POST permission-request`; what is wrong in words.
pub fn asked(body: &[u8]) -> Result<(), Vec<String>> {
    let asked: Asked = serde_json::from_slice(body).map_err(|error| vec![error.to_string()])?;
    asked.wanted().map(|_: Wanted| ())
}

//! What a client says when it connects.

use crate::Credentials;

/// A last will.
#[derive(Debug, Clone)]
pub struct Will {
    /// Where it goes when the connection breaks.
    pub topic: String,
    /// What it says.
    pub payload: Vec<u8>,
}

/// What a client says when it connects.
#[derive(Clone)]
pub struct Login {
    /// Its name at the broker.
    pub client_id: String,
    /// The user.
    pub username: String,
    /// The password.
    pub password: String,
    /// An old session is thrown away.
    pub clean_start: bool,
    /// Seconds that the session is to outlive the connection.
    pub session_expiry: Option<u32>,
    /// Seconds after which the broker may take it for dead; 0: never.
    pub keep_alive: u16,
    /// Its last will.
    pub will: Option<Will>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl Login {
    /// With a home's credentials, under a client id of its own.
    #[must_use]
    pub fn new(credentials: &Credentials, client_id: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            username: credentials.username.clone(),
            password: credentials.password.clone(),
            clean_start: true,
            session_expiry: None,
            keep_alive: 60,
            will: None,
        }
    }
}

//! Codes and tokens.

use jiff::Timestamp;

#[derive(Debug)]
pub(super) struct Code {
    pub(super) authorization: u64,
    pub(super) redirect_uri: String,
    pub(super) expires: Timestamp,
    pub(super) used: bool,
}

#[derive(Debug)]
pub(super) struct Token {
    pub(super) bearer: Bearer,
    pub(super) expires: Timestamp,
}

/// Whose a token is; its class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bearer {
    /// A third party's own.
    Client(String),
    /// One customer's, for one authorization.
    Access(u64),
    /// Good at the token endpoint only.
    Refresh(u64),
}

/// Why a token is good for nothing; the client sees 401 for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Unknown,
    Expired,
    Ended,
}

/// A customer's tokens.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) authorization: u64,
    pub(crate) access: String,
    pub(crate) refresh: String,
    /// Seconds.
    pub(crate) expires_in: i64,
    pub(crate) scope: String,
}

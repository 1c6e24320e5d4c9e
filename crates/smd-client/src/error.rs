//! What can go wrong with the custodian, told apart as far as somebody can act on it.
//!
//! One policy for all callers: `Display` is for the operator and names the kind of request and the
//! remedy; [`Error::customer_words`] is for the customer's page; [`Error::is_transient`] and
//! [`Error::retry_after`] are for the job. No variant holds a URL, an id, a token or anything
//! personal, so every one may be logged.

use std::time::Duration;

use crate::{budget::BudgetError, kind::RequestKind};

/// A failed request, or one that was not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not sent: the request budget has no turn, or could not be asked.
    #[error("{kind}: not sent: {source}")]
    Budget {
        /// The request.
        kind: RequestKind,
        /// Why there is no turn.
        source: BudgetError,
    },
    /// 429, or 503: the custodian asks for fewer requests.
    #[error("{kind}: the custodian throttles us (status {status}); retry after {retry_after:?}")]
    Throttled {
        /// The request.
        kind: RequestKind,
        /// 429 or 503.
        status: u16,
        /// What `Retry-After` said.
        retry_after: Option<Duration>,
    },
    /// The gateway's JSON string `"Invalid Certificate"`.
    #[error(
        "{kind}: the custodian does not accept our client certificate: check that the certificate in METERGATE_SMD_CERTIFICATE is the one uploaded in the Share My Data portal, and that it has not expired"
    )]
    InvalidCertificate {
        /// The request.
        kind: RequestKind,
    },
    /// An RFC 6749 error of the token endpoint.
    #[error("{kind}: the custodian answered {code}{}", .description.as_deref().map(|it| format!(": {it}")).unwrap_or_default())]
    OAuth {
        /// The request.
        kind: RequestKind,
        /// The error code, as `invalid_grant`; letters, digits, `_`, `-` and `.` only.
        code: String,
        /// The custodian's words, shortened, without control characters.
        description: Option<String>,
    },
    /// 401 or 403, also with a fresh token.
    #[error(
        "{kind}: status {status} although the token is fresh: the authorization has ended, does not cover this, or the token is of the wrong class"
    )]
    Unauthorized {
        /// The request.
        kind: RequestKind,
        /// 401 or 403.
        status: u16,
    },
    /// The gateway's own 404, which says nothing about the resource.
    #[error(
        "{kind}: the gateway knows no such address (\"No listener for endpoint\"): check PGE_API_BASE_URL and PGE_API_BASE_TOKEN_URL"
    )]
    NoListener {
        /// The request.
        kind: RequestKind,
    },
    /// 404 or 410 from the resource itself.
    #[error("{kind}: not there (status {status})")]
    NotFound {
        /// The request.
        kind: RequestKind,
        /// 404 or 410.
        status: u16,
    },
    /// A deletion answered 404 or 410 on an address that never answered 200 to us.
    #[error(
        "{kind}: status {status}, but this authorization was never seen here: it is not taken for deleted; check PGE_API_BASE_URL and the authorization in the Share My Data portal"
    )]
    DeletionUnproven {
        /// The request.
        kind: RequestKind,
        /// 404 or 410.
        status: u16,
    },
    /// Any other status that is no success: a redirect, a 4xx.
    #[error("{kind}: unexpected status {status}{}", .detail.as_deref().map(|it| format!(": {it}")).unwrap_or_default())]
    Refused {
        /// The request.
        kind: RequestKind,
        /// The status.
        status: u16,
        /// The gateway's words, when it said any.
        detail: Option<String>,
    },
    /// 5xx except throttling.
    #[error("{kind}: the custodian failed (status {status})")]
    Server {
        /// The request.
        kind: RequestKind,
        /// The status.
        status: u16,
    },
    /// No connection, or one that broke.
    #[error("{kind}: the connection failed: {reason}")]
    Network {
        /// The request.
        kind: RequestKind,
        /// The cause, without addresses.
        reason: String,
    },
    /// The TLS handshake failed for a reason that waiting does not change.
    #[error(
        "{kind}: TLS failed: {reason}; when the custodian's authority is unknown, name its file in METERGATE_SMD_EXTRA_CA"
    )]
    Tls {
        /// The request.
        kind: RequestKind,
        /// The cause.
        reason: String,
    },
    /// No answer, or no next piece of it, in time.
    #[error("{kind}: no answer in time")]
    TimedOut {
        /// The request.
        kind: RequestKind,
    },
    /// A web page where a document was expected, or with status 404 or 410: a maintenance page, or a wrong address.
    #[error(
        "{kind}: a web page instead of a document: the custodian is under maintenance, or PGE_API_BASE_URL is not its API"
    )]
    Html {
        /// The request.
        kind: RequestKind,
    },
    /// A body longer than we accept.
    #[error("{kind}: the answer is longer than {limit} bytes")]
    TooLarge {
        /// The request.
        kind: RequestKind,
        /// The limit in bytes.
        limit: u64,
    },
    /// An answer that is not what the request is answered with.
    #[error("{kind}: the answer makes no sense: {detail}")]
    Malformed {
        /// The request.
        kind: RequestKind,
        /// What is wrong with it; no content.
        detail: String,
    },
    /// A link that is not on the configured host under the configured prefix: not called.
    #[error("{kind}: the link is not under PGE_API_BASE_URL and was not followed")]
    ForeignLink {
        /// The request.
        kind: RequestKind,
    },
    /// The caller's [`crate::Tokens`] could give no token.
    #[error("no token: {0}")]
    Tokens(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// For implementations of [`crate::Tokens`]: a failure of their own, as of a database.
    pub fn tokens(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Tokens(cause.into())
    }

    /// Whether the same request may succeed later without anybody doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Budget { .. }
            | Self::Throttled { .. }
            | Self::Server { .. }
            | Self::Network { .. }
            | Self::TimedOut { .. }
            | Self::Html { .. } => true,
            Self::OAuth { code, .. } => code == "temporarily_unavailable" || code == "server_error",
            _ => false,
        }
    }

    /// When to come back, if anybody said: our budget or the custodian's `Retry-After`.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Budget {
                source: BudgetError::Later(wait),
                ..
            } => Some(*wait),
            Self::Throttled { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether it was a customer's own token that was refused: the access token, also when fresh, or the
    /// refresh token. Consent may have been withdrawn.
    #[must_use]
    pub fn is_customers_token_refused(&self) -> bool {
        match self {
            Self::Unauthorized { kind, .. } => kind.is_customers(),
            Self::OAuth { kind, .. } => kind.is_customers() && self.is_invalid_grant(),
            _ => false,
        }
    }

    /// Whether the token was refused (401 or 403).
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Unauthorized { .. })
    }

    /// Whether the code or refresh token is used up, expired or withdrawn (RFC 6749).
    #[must_use]
    pub fn is_invalid_grant(&self) -> bool {
        matches!(self, Self::OAuth { code, .. } if code == "invalid_grant")
    }

    /// A sentence for the customer's page.
    #[must_use]
    pub fn customer_words(&self) -> &'static str {
        match self {
            Self::Budget { .. } | Self::Throttled { .. } => {
                "PG&E limits how fast we may ask. We go on by ourselves in a while."
            }
            Self::Server { .. }
            | Self::Network { .. }
            | Self::TimedOut { .. }
            | Self::Html { .. } => {
                "PG&E cannot be reached at the moment. We try again by ourselves."
            }
            Self::OAuth { code, .. } if code == "invalid_grant" => {
                "Your authorization at PG&E has expired or was withdrawn. Please start again."
            }
            Self::Unauthorized { .. } | Self::NotFound { .. } => {
                "PG&E no longer lets us read your data: the authorization has ended or does not cover it. Please start again if you wish us to go on."
            }
            Self::Malformed { .. } | Self::TooLarge { .. } => {
                "PG&E's answer could not be read. The operator of this service has been told."
            }
            _ => {
                "Something is wrong with our own access to PG&E, not with your account. The operator of this service has been told."
            }
        }
    }

    /// The label of this outcome in metrics.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Budget { .. } => "budget",
            Self::Throttled { .. } => "throttled",
            Self::InvalidCertificate { .. } => "invalid_certificate",
            Self::OAuth { .. } => "oauth_error",
            Self::Unauthorized { .. } => "unauthorized",
            Self::NoListener { .. } => "no_listener",
            Self::NotFound { .. } | Self::DeletionUnproven { .. } => "not_found",
            Self::Refused { .. } => "refused",
            Self::Server { .. } => "server_error",
            Self::Network { .. } => "network",
            Self::Tls { .. } => "tls",
            Self::TimedOut { .. } => "timeout",
            Self::Html { .. } => "html",
            Self::TooLarge { .. } => "too_large",
            Self::Malformed { .. } => "malformed",
            Self::ForeignLink { .. } => "foreign_link",
            Self::Tokens(_) => "no_token",
        }
    }

    /// A transport failure, sorted by what can be done about it.
    pub(crate) fn from_transport(kind: RequestKind, error: reqwest::Error) -> Self {
        // Addresses hold ids and, with the query form, codes.
        let error = error.without_url();
        if error.is_timeout() {
            return Self::TimedOut { kind };
        }
        let reason = innermost(&error);
        match tls_failure(&error) {
            Some(tls) if is_lasting(tls) => Self::Tls { kind, reason },
            _ => Self::Network { kind, reason },
        }
    }
}

/// The last cause in the chain: the others only say that something failed.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

fn tls_failure<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    let mut next: Option<&'e (dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        // An io::Error's source() skips the error it wraps.
        let wrapped = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// Whether trying again is pointless until somebody changes a certificate or a setting.
fn is_lasting(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidCertificate(_)
            | rustls::Error::NoCertificatesPresented
            | rustls::Error::UnsupportedNameType
            | rustls::Error::PeerIncompatible(_)
            | rustls::Error::AlertReceived(_)
    )
}

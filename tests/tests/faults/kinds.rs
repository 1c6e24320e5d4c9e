//! What can go wrong, by name.

use custodian::faults::{Fault, Moment, News};

/// Longer than an answer may take here.
const TOO_LONG_MS: u64 = 60_000;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The answer takes a while.
    Slow,
    /// The answer does not come in time; the request is carried out.
    Silent,
    /// The answer comes in small pieces.
    Drip,
    /// It comes byte by byte, and would take hours.
    EndlessDrip,
    /// 429 with `Retry-After`.
    TooMany,
    /// 429 without.
    TooManyBare,
    /// 503 with `Retry-After`.
    Unavailable,
    /// 503 without.
    UnavailableBare,
    /// 500.
    ServerError,
    /// 500, and the request was carried out.
    ServerErrorAfter,
    /// The connection is reset before the request is carried out.
    ResetBefore,
    /// It was carried out, and the answer is lost.
    AnswerLost,
    /// The connection is reset in the middle of the answer.
    ResetHalf,
    /// Half a document that says it is whole.
    TruncatedHonest,
    /// Half of what `Content-Length` announces.
    TruncatedDishonest,
    /// A web page with status 200.
    Page,
    /// A web page with status 404.
    PageNotFound,
    /// Another namespace.
    WrongNamespace,
    /// 204.
    NoContent,
    /// 200 without a body.
    Empty,
    /// JSON with status 200.
    Json,
    /// Somebody else's document.
    Foreign,
    /// A feed of another time.
    OtherWindow,
    /// The token is good no longer.
    Expired,
    /// The customer withdraws just before, and a notification says so.
    Revoked,
    /// The same, and nobody says so.
    RevokedSilently,
    /// The gateway refuses our certificate.
    Certificate,
    /// The notification comes twice.
    NotifiedTwice,
    /// It comes after the window was asked for again.
    NotifiedLate,
    /// It never comes.
    NeverNotified,
    /// One with links of others comes first.
    NotifiedForeign,
    /// One with links of others comes in its place.
    NotifiedForeignOnly,
    /// Garbage comes first.
    NotifiedGarbage,
    /// Garbage comes in its place.
    NotifiedGarbageOnly,
    /// It comes before the answer that it belongs to.
    NotifiedEarly,
}

impl Kind {
    pub(crate) const ALL: [Self; 35] = [
        Self::Slow,
        Self::Silent,
        Self::Drip,
        Self::EndlessDrip,
        Self::TooMany,
        Self::TooManyBare,
        Self::Unavailable,
        Self::UnavailableBare,
        Self::ServerError,
        Self::ServerErrorAfter,
        Self::ResetBefore,
        Self::AnswerLost,
        Self::ResetHalf,
        Self::TruncatedHonest,
        Self::TruncatedDishonest,
        Self::Page,
        Self::PageNotFound,
        Self::WrongNamespace,
        Self::NoContent,
        Self::Empty,
        Self::Json,
        Self::Foreign,
        Self::OtherWindow,
        Self::Expired,
        Self::Revoked,
        Self::RevokedSilently,
        Self::Certificate,
        Self::NotifiedTwice,
        Self::NotifiedLate,
        Self::NeverNotified,
        Self::NotifiedForeign,
        Self::NotifiedForeignOnly,
        Self::NotifiedGarbage,
        Self::NotifiedGarbageOnly,
        Self::NotifiedEarly,
    ];

    /// Whether it is a fault of notifications.
    pub(crate) const fn is_of_notifications(self) -> bool {
        matches!(self.fault(), Fault::Notification { .. })
    }

    /// How the custodian is told.
    pub(crate) const fn fault(self) -> Fault {
        const fn status(status: u16, retry_after: Option<u32>, processed: bool) -> Fault {
            Fault::Status {
                status,
                retry_after,
                processed,
            }
        }
        const fn news(news: News, instead: bool) -> Fault {
            Fault::Notification { news, instead }
        }
        match self {
            Self::Slow => Fault::Delay { ms: 700 },
            Self::Silent => Fault::Delay { ms: TOO_LONG_MS },
            Self::Drip => Fault::Drip {
                bytes: 4_096,
                pause_ms: 2,
            },
            Self::EndlessDrip => Fault::Drip {
                bytes: 1,
                pause_ms: 250,
            },
            Self::TooMany => status(429, Some(7), false),
            Self::TooManyBare => status(429, None, false),
            Self::Unavailable => status(503, Some(7), false),
            Self::UnavailableBare => status(503, None, false),
            Self::ServerError => status(500, None, false),
            Self::ServerErrorAfter => status(500, None, true),
            Self::ResetBefore => Fault::Reset {
                moment: Moment::Before,
            },
            Self::AnswerLost => Fault::Reset {
                moment: Moment::Processed,
            },
            Self::ResetHalf => Fault::Reset {
                moment: Moment::Half,
            },
            Self::TruncatedHonest => Fault::Truncate { honest: true },
            Self::TruncatedDishonest => Fault::Truncate { honest: false },
            Self::Page => Fault::Page,
            Self::PageNotFound => Fault::PageNotFound,
            Self::WrongNamespace => Fault::WrongNamespace,
            Self::NoContent => Fault::NoContent,
            Self::Empty => Fault::Empty,
            Self::Json => Fault::Json,
            Self::Foreign => Fault::Foreign,
            Self::OtherWindow => Fault::OtherWindow,
            Self::Expired => Fault::ForgetToken,
            Self::Revoked => Fault::Revoke { silent: false },
            Self::RevokedSilently => Fault::Revoke { silent: true },
            Self::Certificate => Fault::Certificate,
            Self::NotifiedTwice => news(News::Right, false),
            Self::NotifiedLate => news(News::After(8_000), true),
            Self::NeverNotified => news(News::Nothing, true),
            Self::NotifiedForeign => news(News::Foreign, false),
            Self::NotifiedForeignOnly => news(News::Foreign, true),
            Self::NotifiedGarbage => news(News::Garbage, false),
            Self::NotifiedGarbageOnly => news(News::Garbage, true),
            Self::NotifiedEarly => news(News::After(0), true),
        }
    }
}

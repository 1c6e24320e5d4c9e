//! What can go wrong.

use serde::{Deserialize, Serialize};

/// What happens to a request, or to a notification. Unless it says so, the request itself is not
/// carried out where the answer is none of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Fault {
    /// The answer is made, and held back for so many milliseconds.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// The answer's body arrives in pieces.
    Drip {
        /// Bytes in a piece.
        bytes: usize,
        /// Milliseconds before each piece.
        pause_ms: u64,
    },
    /// A bare status: 429, 503, 500…
    Status {
        /// The status.
        status: u16,
        /// Seconds for `Retry-After`; absent without.
        #[serde(default)]
        retry_after: Option<u32>,
        /// The request is carried out all the same.
        #[serde(default)]
        processed: bool,
    },
    /// The connection is cut.
    Reset {
        /// When.
        moment: Moment,
    },
    /// The body ends in its middle.
    Truncate {
        /// `Content-Length` says the length that comes; without, the length that should come.
        honest: bool,
    },
    /// A web page with status 200.
    Page,
    /// The same with status 404, whatever is asked for.
    PageNotFound,
    /// The document, with another namespace in ESPI's place.
    WrongNamespace,
    /// 204 where there is a document.
    NoContent,
    /// 200 and no body.
    Empty,
    /// JSON with status 200.
    Json,
    /// The document of somebody else: other ids, and an authorization that has ended.
    Foreign,
    /// A feed of another time than was asked for.
    OtherWindow,
    /// A feed without its reading types: they must be fetched.
    NoReadingTypes,
    /// The custodian forgets the token that the request comes with.
    ForgetToken,
    /// The customer takes the consent back just before.
    Revoke {
        /// No notification says so.
        silent: bool,
    },
    /// The gateway does not know our certificate.
    Certificate,
    /// `ReadServiceStatus` says that the service is down.
    Down,
    /// At [`Step::Notification`](super::Step::Notification) only.
    Notification {
        /// What is sent.
        news: News,
        /// In place of the right notification; without, before it.
        #[serde(default)]
        instead: bool,
    },
}

/// When a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Before the request is carried out.
    Before,
    /// After it was carried out, before anything of the answer: the answer is lost.
    Processed,
    /// In the middle of the answer's body.
    Half,
}

/// What is sent where a notification is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum News {
    /// The right one: with `instead`, this once; without, twice.
    Right,
    /// The right one after so many milliseconds, whatever the configured delay.
    After(u64),
    /// Nothing.
    Nothing,
    /// Links of other hosts, other paths and other people.
    Foreign,
    /// Bodies that are no notification.
    Garbage,
}

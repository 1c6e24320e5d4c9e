//! Which requests of whom are answered how. What is not in the list of the edge
//! (`nginx/templates/site.conf.template`) must not be there.

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Stranger,
    WrongKey,
    WrongPassword,
    /// With the API's key.
    Party,
    /// With the download folder's password.
    Reader,
}

impl Who {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::WrongKey => "wrong key",
            Self::WrongPassword => "wrong password",
            Self::Party => "API key",
            Self::Reader => "password",
        }
    }
}

use Who::{Party, Reader, Stranger, WrongKey, WrongPassword};

/// A request and the statuses that are right.
pub(super) type Case = (Who, &'static str, &'static str, &'static [u16]);

/// An id that no permission has.
const NOBODYS: &str =
    "/region-connectors/aiida/permission-request/00000000-0000-4000-8000-000000000000";
const GONE: &[u16] = &[404];
/// What leads out of a folder is bad, forbidden or not there; what nginx puts right by itself is refused then.
const OUTSIDE: &[u16] = &[400, 401, 403, 404];
const OUTSIDE_FOR_READERS: &[u16] = &[400, 403, 404];

/// What anybody may use.
pub(super) const OPEN: &[Case] = &[
    (Stranger, "GET", "/", &[200]),
    (Stranger, "HEAD", "/", &[200]),
    (Stranger, "POST", "/", &[405]),
    (Stranger, "GET", "/start", &[302, 303]),
    (Stranger, "GET", "/OAuthCallback", &[400]),
    (Stranger, "GET", "/OAuthCallback?code=c&state=s", &[400]),
    (Stranger, "GET", "/status/no-such-ticket", GONE),
    (Stranger, "GET", "/espi/notification", &[405]),
    (Stranger, "POST", "/espi/notification", &[400]),
    (Stranger, "GET", "/permissions/no-such-ticket", GONE),
    (Stranger, "GET", "/permissions/new", &[400]),
    (Stranger, "GET", NOBODYS, &[401]),
    (Stranger, "PATCH", NOBODYS, &[401]),
    (WrongKey, "GET", NOBODYS, &[401]),
    (Stranger, "GET", "/api/docs/", &[200]),
];

/// What needs a key or a password.
pub(super) const GUARDED: &[Case] = &[
    (Stranger, "GET", "/api/v1", &[401, 404]),
    (Stranger, "GET", "/api/v1/permissions", &[401]),
    (Stranger, "POST", "/api/v1/permissions", &[401]),
    (Stranger, "GET", "/api/v1/events", &[401]),
    (Stranger, "GET", "/api/v1/no-such-thing", &[401, 404]),
    (
        Stranger,
        "GET",
        "/api/v1/permissions/00000000-0000-4000-8000-000000000000/readings",
        &[401],
    ),
    (
        Stranger,
        "GET",
        "/api/v1/permissions/00000000-0000-4000-8000-000000000000/live",
        &[401],
    ),
    (WrongKey, "GET", "/api/v1/permissions", &[401]),
    (Party, "GET", "/api/v1/permissions", &[200]),
    (Stranger, "GET", "/output", &[301]),
    (Stranger, "GET", "/output/", &[401]),
    (Stranger, "GET", "/output/nothing.csv", &[401]),
    (Stranger, "PUT", "/output/new.csv", &[401, 405]),
    (WrongPassword, "GET", "/output/", &[401]),
    (Reader, "GET", "/output/", &[200]),
    (Reader, "PUT", "/output/new.csv", &[405]),
    (Reader, "DELETE", "/output/new.csv", &[405]),
    (Reader, "GET", "/output/.hidden", GONE),
];

/// What nobody may reach.
pub(super) const CLOSED: &[Case] = &[
    (Stranger, "GET", "/metrics", GONE),
    (Stranger, "GET", "/healthz", GONE),
    (Stranger, "GET", "/readyz", GONE),
    (Stranger, "GET", "//metrics", GONE),
    (Stranger, "GET", "/api/metrics", &[401, 404]),
    (Stranger, "GET", "/start/../metrics", GONE),
    (Stranger, "GET", "/status/../metrics", GONE),
    (Stranger, "GET", "/status/%2e%2e/readyz", GONE),
    (Stranger, "GET", "/api/../healthz", GONE),
    (
        Stranger,
        "GET",
        "/permissions/..%2f..%2fmetrics",
        &[400, 404],
    ),
    (Stranger, "GET", "/console", &[301]),
    (Stranger, "GET", "/console/", &[401]),
    (Stranger, "GET", "/sandbox/customers", GONE),
    (Stranger, "GET", "/nginx_status", GONE),
    (Stranger, "GET", "/server-status", GONE),
    (Stranger, "GET", "/.env", GONE),
    (Stranger, "GET", "/.git/config", GONE),
    (Stranger, "GET", "/secrets", GONE),
    (Stranger, "GET", "/secrets/README.txt", GONE),
    (Stranger, "GET", "/ssl/private/private.key", GONE),
    (Stranger, "GET", "/docker-compose.yml", GONE),
    (Stranger, "GET", "/index.html", GONE),
    (Stranger, "TRACE", "/", &[403, 405]),
    (Stranger, "GET", "/../../etc/passwd", OUTSIDE),
    (Stranger, "GET", "/output../htpasswd", GONE),
    (Stranger, "GET", "/output/../.env", OUTSIDE),
    (Stranger, "GET", "/output/..%2f.env", OUTSIDE),
    (
        Reader,
        "GET",
        "/output/../../etc/passwd",
        OUTSIDE_FOR_READERS,
    ),
    (
        Reader,
        "GET",
        "/output/..%2f..%2f..%2fetc%2fpasswd",
        OUTSIDE_FOR_READERS,
    ),
    (
        Reader,
        "GET",
        "/output/%2e%2e/htpasswd",
        OUTSIDE_FOR_READERS,
    ),
    (Reader, "GET", "/output../htpasswd", OUTSIDE_FOR_READERS),
    (
        Stranger,
        "GET",
        "/.well-known/acme-challenge/../../.env",
        OUTSIDE,
    ),
];

//! What strangers try, and people with a right to something else: against everything at once, through nginx as from
//! outside. One stack is shared by all tests of this program. What one crate can show alone is tested there;
//! `docs/security.md` names both.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a wrong assumption is to end the test"
)]

#[path = "../nginx/http.rs"]
mod http;

mod completeness;
mod ids;
mod injection;
mod oauth;
mod routes;
mod world;

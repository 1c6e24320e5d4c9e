//! The service as a browser and as a custodian see it: a real server under its own database role, the
//! sandbox custodian over mutual TLS, cookies, redirects and forms. Every test ends by looking for
//! anything private in what was logged.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod abuse;
mod browser;
mod live;
mod looks;
mod notifications;
mod observed;
mod refusals;
mod site;
mod trouble;
mod views;

//! Letting homes in and shutting them out, on a real Postgres under the roles of production: `mqtt-iam` as a member of
//! its group role, the broker as `emqx`. The management interface is a server of the tests: [`player`] plays requests
//! and answers literally, [`fake_broker`] has clients and retained messages.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "in a test a wrong assumption is to end the test"
)]

mod contract;
mod emqx_conf;
mod fake_broker;
mod grant;
mod player;
mod reconcile;
mod revoke;
mod world;

//! What homes send, from the broker to the tables: every message once, whatever breaks in between.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a wrong assumption is to end the test"
)]

mod adopting;
mod breaking;
mod forgetting;
mod harness;
mod late;
mod refusing;
mod replicas;
mod status;
mod storing;

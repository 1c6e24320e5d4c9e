//! The operator's commands on a real Postgres under the operator's role, as the program that is installed.
#![expect(
    clippy::unwrap_used,
    reason = "in a test a wrong assumption is to end the test"
)]

mod configured;
mod desk;
mod erase;

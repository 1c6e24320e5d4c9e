//! The operator's commands on a real Postgres under the operator's role, as the program that is installed.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a wrong assumption is to end the test"
)]

mod commands;
mod configured;
mod desk;
mod doctor;
mod erase;
mod export;
mod rotate;
mod standin;

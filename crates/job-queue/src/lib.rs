//! The Postgres job table: how one service asks another for work.
//!
//! At-least-once: a job may run again after a crash, so every handler is idempotent. The rules live
//! in SQL functions (`migrations/0002_jobs`), which check the caller's role; this crate gives them
//! types:
//!
//! - [`JobKind`] declares a kind of job: payload, name, retry policy, deadline, discard action.
//! - [`enqueue`] adds jobs inside the caller's transaction, [`ensure`] one that was left out.
//! - [`Worker`] claims, leases, runs and ends them through [`Handler`]s.
//! - [`wait_for`] waits until a job has ended, [`wait_for_all`] until several have.
//! - [`depth`] tells how the jobs of a kind stand; [`operate`] is what an operator does by hand.
//!
//! Depends on `service-kit` only; knows nothing of any domain.

mod enqueue;
mod error;
mod functions;
mod handler;
mod kind;
mod lease;
mod listener;
pub mod operate;
mod queries;
mod running;
mod wait;
mod worker;

/// The pool of database connections that everything here borrows from.
pub type Pool = diesel_async::pooled_connection::deadpool::Pool<diesel_async::AsyncPgConnection>;

pub use enqueue::{NewJob, enqueue, enqueue_one, ensure, is_live};
pub use error::{QueueError, WaitError};
pub use handler::{Handler, Job, Outcome};
pub use kind::{Discard, JobKind, KindSpec, Retry, declare, millis};
pub use lease::{Lease, LeaseLost};
pub use listener::{Listener, Notice};
pub use queries::{Depth, depth};
pub use wait::{wait_for, wait_for_all};
pub use worker::{Worker, WorkerSettings};

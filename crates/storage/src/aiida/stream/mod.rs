//! What homes stream: the client ids of the replicas that take it in, the messages and their readings, and what was
//! refused.
//!
//! - [`slot`]: a replica leases a client id at the broker, and with it the session of whoever had it before.
//! - [`binding`]: what a permission covers, as far as a message is held against it.
//! - [`ingest`]: one batch of messages in one transaction, each stored once.
//! - [`partitions`]: one per day, made ahead and dropped when the retention is over.
//! - [`refusal`]: what was refused, counted; the last ones are kept to look at.
//!
//! Used by `aiida-stream` alone, under its role. Jobs are enqueued before any of these in a transaction
//! (`docs/adr/0006`).

pub mod binding;
pub mod ingest;
pub mod partitions;
pub mod refusal;
pub mod slot;

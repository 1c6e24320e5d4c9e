//! Takes in what homes send: leases a client id, keeps a session at the broker, and stores what comes in batches.
//!
//! - `run` holds it together: slot, connection, end; `lease` keeps the slot, `orphans` ends sessions that nobody
//!   took over.
//! - `connection` speaks MQTT: `arrival` is what comes out of it. One connection, one client: an acknowledgement can
//!   only go out where its message came in.
//! - `pipeline` turns arrivals into batches: `admission` holds each against its permission (`bindings`), `batch`
//!   stores them and finds the one that cannot be stored; `memory` saves both from asking the database each time.
//! - `status` tells the probes, `numbers` the operator.
//!
//! Order matters: nothing is acknowledged before the transaction with it is committed.

mod admission;
mod arrival;
mod batch;
mod bindings;
mod connection;
mod lease;
mod memory;
mod numbers;
mod orphans;
mod pipeline;
mod run;
mod status;
mod tls;
mod trace;

pub(crate) use batch::LIMIT;
pub(crate) use run::Ingest;
pub(crate) use tls::Tls;
pub use tls::TlsError;

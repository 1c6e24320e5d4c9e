//! The database: connection, migrations, and one module of queries per bounded context.
//!
//! - [`database`]: the pool; [`migrate`]: the schema and its version.
//! - [`kinds`]: every kind of job, with who enqueues and who runs it.
//! - [`smd`]: authorizations, pulls, readings, notices and the request budget of Share My Data.
//! - [`aiida`]: permissions, their events and data of AIIDA homes; [`iam`]: the tables that the broker reads.
//! - [`logins`]: the services' roles get their passwords.
//! - [`policy`]: how much is pulled and how long it is kept, as promised to the customer.
//! - [`numbers`]: what Prometheus is told of all that.
//! - [`audit`]: what was done to a customer's data. [`subject`]: everything that is stored about one.
//! - [`clock`]: what the database's shows.
//! - [`console`]: what the operator's pages list. [`operator`]: what an operator wants done; [`erasure`]: a customer
//!   is erased everywhere.
//! - [`retention`]: what is stored of which age. [`server`]: what the operator's checks ask of Postgres.
//!
//! Services and `smd-client` depend on this crate; it depends on `job-queue`, `permission` and `service-kit`. Nothing here
//! opens a connection to anything but Postgres.

pub mod aiida;
pub mod audit;
pub mod clock;
pub mod console;
pub mod database;
pub mod erasure;
pub mod iam;
mod ids;
pub mod kinds;
pub mod logins;
mod migration;
pub mod numbers;
pub mod operator;
pub mod policy;
pub mod retention;
pub mod schema;
pub mod server;
pub mod smd;
mod sql;
pub mod subject;

pub use database::{
    Connection, Database, DatabaseCheck, DatabaseConfig, DatabaseError, DatabaseUrlError, OpenError,
};
pub use migration::{MigrateError, check_version, migrate};

/// One-way name of a token that somebody else keeps: state, browser cookie, ticket.
#[must_use]
pub fn digest(token: &str) -> Vec<u8> {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(token.as_bytes()).to_vec()
}

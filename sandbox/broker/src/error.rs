//! Why the broker does not run.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the broker does not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The configuration contradicts itself.
    #[error("{0}")]
    Config(&'static str),
    /// The pool of database connections.
    #[error("the connection pool")]
    Pool(#[from] diesel_async::pooled_connection::deadpool::BuildError),
    /// The certificate or its key.
    #[error("cannot use the certificate {certificate} with the key {key}: {reason}")]
    Certificate {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What the library says.
        reason: String,
    },
    /// The folder for sessions and messages.
    #[error("cannot use the store {path}: {reason}")]
    Store {
        /// The folder.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// What is stored cannot be taken up again.
    #[error("cannot take up the stored sessions and messages: {0}")]
    Recover(#[source] mqtt5::MqttError),
    /// An address cannot be listened on.
    #[error("the {what} listener cannot have {address}: choose another address")]
    Listen {
        /// Which listener.
        what: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// The addresses could not be written down.
    #[error("the addresses cannot be written to {path}")]
    AddressFile {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// The REST API ended with an error.
    #[error("the REST API ended")]
    Serve(#[source] std::io::Error),
    /// A task of the broker broke off.
    #[error("a task of the broker broke off")]
    Task(#[from] tokio::task::JoinError),
}

//! Why a stack does not stand.

use std::io;

use test_support::certs::CertificateError;
use test_support::nginx::NginxError;
use test_support::process::ProcessError;
use test_support::{ClusterError, DatabaseError, binary};

use crate::BoxError;

/// Why the stack does not stand.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The run folder.
    #[error("the run folder: {0}")]
    Folder(#[from] io::Error),
    /// Postgres.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Its database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Certificates.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A program.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A program that is not built.
    #[error(transparent)]
    Binary(#[from] binary::BinaryError),
    /// nginx.
    #[error(transparent)]
    Nginx(#[from] NginxError),
    /// A command that should have succeeded.
    #[error("{command} failed: {output}")]
    Command {
        /// Which.
        command: String,
        /// What it wrote.
        output: String,
    },
    /// The password's hash.
    #[error("the password cannot be hashed: {0}")]
    Bcrypt(#[from] bcrypt::BcryptError),
    /// The custodian's address file.
    #[error("the sandbox custodian's address file: {0}")]
    Addresses(#[from] serde_json::Error),
}

impl From<StackError> for String {
    fn from(error: StackError) -> Self {
        let error: BoxError = error.into();
        service_kit::config::chain(&*error)
    }
}

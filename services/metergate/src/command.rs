//! What the operator's commands share: their errors, and the way to a database of the right version.

use std::future::Future;
use std::io;

use job_queue::QueueError;
use permission::{PermissionId, Status};
use storage::aiida::ApiKeyId;
use storage::smd::tokens::TokenError;
use storage::{Connection, Database, DatabaseConfig, DatabaseError, MigrateError};

/// A command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No runtime.
    #[error("cannot start the runtime: {0}")]
    Runtime(#[source] io::Error),
    /// The output.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The schema.
    #[error(transparent)]
    Schema(#[from] MigrateError),
    /// The login roles of the services.
    #[error(transparent)]
    Logins(#[from] storage::logins::LoginsError),
    /// A query.
    #[error("the database: {0}")]
    Query(#[from] diesel::result::Error),
    /// The job table.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// No such job.
    #[error("there is no job {0}: completed ones are kept for a day (`metergate jobs list`)")]
    NoJob(i64),
    /// The job is in another state.
    #[error("job {id} cannot be {verb}: it has ended or is running (`metergate jobs show {id}`)")]
    WrongState {
        /// Its id.
        id: i64,
        /// What was wanted.
        verb: &'static str,
    },
    /// Perhaps two customers.
    #[error(
        "{0:?} names an authorization of Share My Data and a connection id of AIIDA, perhaps of two customers: give our id of the authorization, or the id of a permission"
    )]
    BothSides(String),
    /// No such customer.
    #[error(
        "nobody is known by {0:?}: give the subscription id or our id of the authorization, for AIIDA the connection id or the id of a permission"
    )]
    NoCustomer(String),
    /// No such key.
    #[error("no valid key has the id {0} (`metergate api-keys list`)")]
    NoKey(ApiKeyId),
    /// No such permission.
    #[error(
        "there is no permission {0}: it was erased, or deleted when its time was over (`metergate permissions list`)"
    )]
    NoPermission(PermissionId),
    /// The permission is over, or was never accepted.
    #[error(
        "permission {id} is {status}: only one that is ACCEPTED has a home that can be told of the end"
    )]
    NotAccepted {
        /// Its id.
        id: PermissionId,
        /// Where it stands.
        status: Status,
    },
    /// Nobody has carried it out yet.
    #[error("{what} is not done yet ({reason}): it is done as soon as {service} runs")]
    NotYet {
        /// What was wanted.
        what: String,
        /// What is known about it.
        reason: String,
        /// Who does it.
        service: &'static str,
    },
    /// The keys for tokens at rest.
    #[error(transparent)]
    Keys(#[from] service_kit::secret::KeyringError),
    /// Tokens.
    #[error(transparent)]
    Tokens(#[from] TokenError),
    /// Tokens that could not be sealed anew.
    #[error(
        "{0} authorizations still have tokens under another key (see above): keep the old keys in METERGATE_ENCRYPTION_KEYS"
    )]
    KeysLeft(usize),
    /// The folder of an export cannot be made, or is not the user's own.
    #[error(
        "cannot make the folder {path}: {source}. Give --out a new name in a folder that this command may write to; in the operator's container or unit a name without a path (docs/operating.md, Answering an access request)"
    )]
    Folder {
        /// The folder.
        path: std::path::PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file of an export.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder of an export holds something.
    #[error("{} holds files already: name a new or an empty folder", .0.display())]
    NotEmpty(std::path::PathBuf),
    /// A table of an export.
    #[error("writing a table: {0}")]
    Csv(#[from] csv::Error),
}

/// Runs a command's future to its end.
pub(crate) fn block_on<T, E>(future: impl Future<Output = Result<T, E>>) -> Result<T, E>
where
    E: From<CommandError>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CommandError::Runtime)?;
    runtime.block_on(future)
}

/// Carries an action out on a database whose schema is this binary's.
pub(crate) fn on_database(
    config: &DatabaseConfig,
    act: impl AsyncFnOnce(&Database, Connection) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    block_on(async {
        let (database, conn) = open(config).await?;
        act(&database, conn).await
    })
}

/// A connection to a database whose schema is this binary's.
pub(crate) async fn open(config: &DatabaseConfig) -> Result<(Database, Connection), CommandError> {
    let database = Database::new(config)?;
    let mut conn = database.get().await?;
    storage::check_version(&mut conn).await?;
    Ok((database, conn))
}

//! The two tables of access, read as the role `emqx`.
//!
//! Nothing is cached: what is taken from a home is taken at its next publish or subscribe. The
//! query goes by an index and takes a fraction of a millisecond.

use std::time::Duration;

use bcrypt::BcryptError;
use diesel::result::OptionalExtension as _;
use diesel::{ExpressionMethods as _, QueryDsl as _, Queryable};
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::pooled_connection::deadpool::{BuildError, Object, Pool, PoolError};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use service_kit::secret::{ExposeSecret as _, Secret};
use tokio::sync::Semaphore;

use crate::acl::Row;

/// How long the database may take before it counts as down.
const PATIENCE: Duration = Duration::from_secs(3);

/// Passwords compared at the same time: more would only share the same cores, and a flood of logins
/// must not take every thread of the blocking pool.
const COMPARISONS: usize = 2;

mod table {
    diesel::table! {
        aiida.aiida_mqtt_user (id) {
            id -> BigInt,
            username -> Text,
            password_hash -> Text,
        }
    }
    diesel::table! {
        aiida.aiida_mqtt_acl (id) {
            id -> BigInt,
            username -> Text,
            action -> Text,
            acl_type -> Text,
            topic -> Text,
        }
    }
}

/// Why the tables gave no answer. Whoever asked is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountsError {
    #[error("no connection to the access tables: {0}")]
    Connect(#[from] PoolError),
    #[error("the access tables cannot be read: {0}")]
    Query(#[from] diesel::result::Error),
    #[error("the access tables did not answer within {PATIENCE:?}")]
    Late,
    #[error("a password could not be compared: {0}")]
    Compare(#[from] BcryptError),
    #[error("comparing a password broke off: {0}")]
    BrokeOff(#[from] tokio::task::JoinError),
    #[error("no turn to compare a password: {0}")]
    Closed(#[from] tokio::sync::AcquireError),
}

/// A row of the table of rules.
#[derive(Queryable)]
struct Rule {
    action: String,
    acl_type: String,
    topic: String,
}

pub(crate) struct Accounts {
    pool: Pool<AsyncPgConnection>,
    comparisons: Semaphore,
}

impl Accounts {
    /// Makes the pool; connects when first used.
    pub(crate) fn new(url: &Secret, connections: usize) -> Result<Self, BuildError> {
        let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new(url.expose_secret());
        let pool = Pool::builder(manager)
            .max_size(connections.max(1))
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .runtime(deadpool::Runtime::Tokio1)
            .build()?;
        Ok(Self {
            pool,
            comparisons: Semaphore::new(COMPARISONS),
        })
    }

    /// The bcrypt hash of a user's password; none when there is no such user.
    pub(crate) async fn hash(&self, username: &str) -> Result<Option<String>, AccountsError> {
        use table::aiida_mqtt_user as user;
        let mut conn = self.pool.get().await?;
        let query = user::table
            .filter(user::username.eq(username))
            .order(user::id)
            .select(user::password_hash)
            .first::<String>(&mut conn);
        match tokio::time::timeout(PATIENCE, query).await {
            Ok(answer) => Ok(answer.optional()?),
            Err(_) => Err(give_up(conn)),
        }
    }

    /// A user's rules, in the order in which they are tried.
    pub(crate) async fn rules(&self, username: &str) -> Result<Vec<Row>, AccountsError> {
        use table::aiida_mqtt_acl as acl;
        let mut conn = self.pool.get().await?;
        let query = acl::table
            .filter(acl::username.eq(username))
            .order(acl::id)
            .select((acl::action, acl::acl_type, acl::topic))
            .load::<Rule>(&mut conn);
        let rules = match tokio::time::timeout(PATIENCE, query).await {
            Ok(answer) => answer?,
            Err(_) => return Err(give_up(conn)),
        };
        let row = |rule: Rule| Row {
            action: rule.action,
            acl_type: rule.acl_type,
            topic: rule.topic,
        };
        Ok(rules.into_iter().map(row).collect())
    }

    /// Compares a password with a hash, on the blocking pool.
    pub(crate) async fn is_password(
        &self,
        password: Vec<u8>,
        hash: String,
    ) -> Result<bool, AccountsError> {
        let _turn = self.comparisons.acquire().await?;
        let compared = tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash));
        Ok(compared.await??)
    }
}

/// A connection that did not answer is not used again.
fn give_up(conn: Object<AsyncPgConnection>) -> AccountsError {
    drop(Object::take(conn));
    AccountsError::Late
}

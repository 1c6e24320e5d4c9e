//! Logins of the services: one for each group role, so that each container has the rights of its service and a password
//! of its own.

use std::io;
use std::path::{Path, PathBuf};

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use postgres_protocol::password;
use service_kit::secret::{self, ExposeSecret, Secret, SecretError};

use crate::kinds::role;

/// Why logins could not be set.
#[derive(Debug, thiserror::Error)]
pub enum LoginsError {
    /// No connection.
    #[error(
        "no connection to Postgres ({0}): check METERGATE_DATABASE_URL and that Postgres is up"
    )]
    Connect(#[from] diesel::ConnectionError),
    /// The folder.
    #[error("the folder of passwords {folder} (METERGATE_LOGINS_DIR) cannot be read")]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No password at all.
    #[error(
        "the folder {0} (METERGATE_LOGINS_DIR) holds no password: name the files as the services, such as smd-auth"
    )]
    Empty(PathBuf),
    /// A file.
    #[error("the password of the login {login}: {source}")]
    Password {
        /// Whose.
        login: String,
        /// Why.
        #[source]
        source: SecretError,
    },
    /// A file without a password in it.
    #[error("the file of the login {0} holds no password: write one into it, or delete it")]
    NoPassword(String),
    /// The database refused.
    #[error(
        "the login {login} cannot be set (the role of METERGATE_DATABASE_URL needs CREATEROLE): {source}"
    )]
    Query {
        /// Which.
        login: String,
        /// Why.
        #[source]
        source: diesel::result::Error,
    },
}

/// Makes each login that has a file in `folder`, or gives it the file's password; each is a member of its group then.
/// Safe to repeat.
pub async fn set(database_url: &str, folder: &Path) -> Result<(), LoginsError> {
    if let Err(source) = folder.read_dir() {
        return Err(LoginsError::Folder {
            folder: folder.to_owned(),
            source,
        });
    }
    let mut conn = AsyncPgConnection::establish(database_url).await?;
    let mut found = false;
    for group in role::groups().map(Some).chain([None]) {
        let login = group.map_or(role::BROKER, |group| group.trim_start_matches("metergate_"));
        let file = folder.join(login.replace('_', "-"));
        if !file.exists() {
            continue;
        }
        let password = secret::read("the password", None, Some(&file));
        let password = password.map_err(|source| LoginsError::Password {
            login: login.to_owned(),
            source,
        })?;
        if password.expose_secret().is_empty() {
            return Err(LoginsError::NoPassword(login.to_owned()));
        }
        let done = set_one(&mut conn, login, group, &password).await;
        done.map_err(|source| LoginsError::Query {
            login: login.to_owned(),
            source,
        })?;
        found = true;
    }
    if found {
        Ok(())
    } else {
        Err(LoginsError::Empty(folder.to_owned()))
    }
}

#[derive(QueryableByName)]
struct Statement {
    #[diesel(sql_type = Text)]
    statement: String,
}

async fn set_one(
    conn: &mut AsyncPgConnection,
    login: &str,
    group: Option<&str>,
    password: &Secret,
) -> diesel::QueryResult<()> {
    // What the database stores anyway: the password itself would stand in its log when it refuses the command.
    let verifier = password::scram_sha_256(password.expose_secret().as_bytes());
    // These commands take no parameters: the database itself writes them, quoted.
    let statement = |text: &'static str| {
        diesel::sql_query(text)
            .bind::<Text, _>(login.to_owned())
            .bind::<Text, _>(verifier.clone())
            .bind::<Text, _>(group.unwrap_or_default().to_owned())
    };
    conn.transaction(async |conn| {
        let all: &[&'static str] = if group.is_some() {
            &[MAKE, JOIN, SET]
        } else {
            &[SET]
        };
        for text in all {
            for found in statement(text).load::<Statement>(conn).await? {
                conn.batch_execute(&found.statement).await?;
            }
        }
        Ok(())
    })
    .await
}

/// Nothing when the login is there.
const MAKE: &str = "SELECT format('CREATE ROLE %I', $1) AS statement
     WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AND $2 <> $3";

/// Nothing when it is a member.
const JOIN: &str = "SELECT format('GRANT %I TO %I', $3, $1) AS statement
     WHERE NOT EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles l ON l.oid = m.member
                       WHERE g.rolname = $3 AND l.rolname = $1) AND $2 <> $3";

const SET: &str =
    "SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', $1, $2) AS statement WHERE $3 IS NOT NULL";

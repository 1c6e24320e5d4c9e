//! `metergate api-keys`: who may use the eligible party's API.

use std::io::Write;

use diesel_async::AsyncConnection;
use serde_json::json;
use service_kit::random::{Random, SystemRandom};
use storage::aiida::{ApiKeyId, api_key};
use storage::{Database, DatabaseConfig, audit};

use crate::jobs::{CommandError, block_on};

/// Adds, lists or revokes keys of the API under /api/v1.
#[derive(Debug, clap::Args)]
pub struct ApiKeys {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Makes a key and prints it, this once: only its hash is kept.
    Add {
        /// What it is for; shown by `list`.
        name: String,
    },
    /// All keys, oldest first.
    List,
    /// Ends a key at once.
    Revoke {
        /// Its id, as `list` shows it.
        id: ApiKeyId,
    },
}

impl ApiKeys {
    /// Carries the action out.
    pub fn run(self, out: &mut impl Write) -> Result<(), CommandError> {
        block_on(self.act(out))?
    }

    async fn act(self, out: &mut impl Write) -> Result<(), CommandError> {
        let database = Database::new(&self.database)?;
        let mut conn = database.get().await?;
        storage::check_version(&mut conn).await?;
        match self.action {
            Action::Add { name } => {
                let id = ApiKeyId::from(SystemRandom.uuid());
                let key = conn
                    .transaction(async |conn| {
                        let key = api_key::issue(conn, id, &name, &SystemRandom).await?;
                        audit::record(conn, "api-key.issued", Some(id.uuid()), &json!({})).await?;
                        Ok::<_, CommandError>(key)
                    })
                    .await?;
                writeln!(out, "{key}")?;
            }
            Action::List => {
                for key in api_key::list(&mut conn).await? {
                    let ended = key
                        .revoked_at
                        .map_or_else(|| "valid".to_owned(), |at| format!("revoked {at}"));
                    writeln!(out, "{}  {}  {ended}  {}", key.id, key.created_at, key.name)?;
                }
            }
            Action::Revoke { id } => {
                conn.transaction(async |conn| {
                    if !api_key::revoke(conn, id).await? {
                        return Err(CommandError::NoKey(id));
                    }
                    audit::record(conn, "api-key.revoked", Some(id.uuid()), &json!({})).await?;
                    Ok(())
                })
                .await?;
                writeln!(out, "{id} opens nothing any more")?;
            }
        }
        Ok(())
    }
}

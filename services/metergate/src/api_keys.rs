//! `metergate api-keys`: who may use the eligible party's API.

use std::io::Write;

use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use serde_json::json;
use service_kit::random::{Random, SystemRandom};
use storage::aiida::{ApiKeyId, api_key};
use storage::{DatabaseConfig, audit};

use crate::command::{CommandError, on_database};
use crate::table::{Format, Table, at, maybe_at};

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
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Ends a key at once.
    Revoke {
        /// Its id, as `list` shows it.
        id: ApiKeyId,
    },
}

impl ApiKeys {
    /// Carries the action out.
    pub fn run(self, out: &mut impl Write) -> Result<(), CommandError> {
        on_database(&self.database, async |_, mut conn| {
            self.action.carry_out(&mut conn, out).await
        })
    }
}

impl Action {
    async fn carry_out(
        self,
        conn: &mut AsyncPgConnection,
        out: &mut impl Write,
    ) -> Result<(), CommandError> {
        match self {
            Self::Add { name } => {
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
            Self::List { format } => {
                let mut table = Table::new(&["id", "created_at", "revoked_at", "name"]);
                for key in api_key::list(conn).await? {
                    table.row(vec![
                        json!(key.id),
                        at(key.created_at),
                        maybe_at(key.revoked_at),
                        json!(key.name),
                    ]);
                }
                table.print(out, format)?;
            }
            Self::Revoke { id } => {
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

//! `metergate permissions`: permissions to near-real-time data, and their end.

mod terminate;
mod view;

use std::io::Write;

use diesel_async::AsyncPgConnection;
use permission::{PermissionId, Status};
use storage::aiida::event::{self, Event};
use storage::aiida::permission::{self as store, Filter, Permission};
use storage::{Connection, Database, DatabaseConfig};

use crate::command::{CommandError, on_database};
use crate::table::{Format, record};
use terminate::Terminate;

/// Permissions of AIIDA: lists, shows, tells their history, ends one. Without the eligible party's names for customers
/// and meters, unless asked for.
#[derive(Debug, clap::Args)]
pub struct Permissions {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// The newest permissions.
    List {
        /// Only this status, as ACCEPTED.
        #[arg(long)]
        status: Option<Status>,
        /// Only those of this connection id.
        #[arg(long)]
        connection: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..))]
        limit: i64,
        /// Show connection ids and meters too.
        #[arg(long)]
        names: bool,
        #[command(flatten)]
        format: Format,
    },
    /// One permission.
    Show {
        /// Its id.
        id: PermissionId,
        /// Show connection id and meter too.
        #[arg(long)]
        names: bool,
        #[command(flatten)]
        format: Format,
    },
    /// What happened, oldest first: to one permission, or to all.
    Events {
        /// Its id.
        id: Option<PermissionId>,
        /// Without an id: only events after the one with this id.
        #[arg(long, default_value_t = 0, conflicts_with = "id")]
        after: i64,
        /// Without an id: at most this many.
        #[arg(long, default_value_t = 100, conflicts_with = "id", value_parser = clap::value_parser!(i64).range(1..))]
        limit: i64,
        #[command(flatten)]
        format: Format,
    },
    /// Ends an accepted permission: aiida-permission has the home told, and mqtt-iam shuts it out when it has answered
    /// (or after `METERGATE_AIIDA_TERMINATION_DAYS`).
    Terminate(Terminate),
}

impl Permissions {
    /// Carries the action out.
    pub fn run(self, out: &mut impl Write) -> Result<(), CommandError> {
        on_database(&self.database, async |database, conn| {
            self.action.carry_out(database, conn, out).await
        })
    }
}

impl Action {
    async fn carry_out(
        self,
        database: &Database,
        mut conn: Connection,
        out: &mut impl Write,
    ) -> Result<(), CommandError> {
        match self {
            Self::List {
                status,
                connection,
                limit,
                names,
                format,
            } => {
                let filter = Filter {
                    connection_id: connection.as_deref(),
                    status,
                    ..Filter::default()
                };
                let found = store::list(&mut conn, &filter, limit).await?;
                view::list(&found, names).print(out, format)?;
            }
            Self::Show { id, names, format } => {
                let one = get(&mut conn, id).await?;
                record(out, format, &view::describe(&one, names))?;
            }
            Self::Events {
                id,
                after,
                limit,
                format,
            } => {
                let found = events(&mut conn, id, after, limit).await?;
                view::events(&found).print(out, format)?;
            }
            Self::Terminate(terminate) => terminate.run(database, conn, out).await?,
        }
        Ok(())
    }
}

async fn get(conn: &mut AsyncPgConnection, id: PermissionId) -> Result<Permission, CommandError> {
    let found = store::get(conn, id).await?;
    found.ok_or(CommandError::NoPermission(id))
}

async fn events(
    conn: &mut AsyncPgConnection,
    id: Option<PermissionId>,
    after: i64,
    limit: i64,
) -> Result<Vec<Event>, CommandError> {
    let Some(id) = id else {
        return Ok(event::after(conn, after, limit).await?);
    };
    get(conn, id).await?;
    Ok(event::of(conn, id).await?)
}

//! `metergate customers`: authorizations of Share My Data, without names.

use std::io::Write;

use diesel_async::AsyncPgConnection;
use serde_json::{Value, json};
use storage::DatabaseConfig;
use storage::smd::authorization::Stage;
use storage::smd::erasure;
use storage::smd::overview::{self, Customer};

use crate::command::{CommandError, on_database};
use crate::table::{Format, Table, at, maybe_at, record};

/// Customers of Share My Data: ids, states, times, and how much is in. No names, unless asked for.
#[derive(Debug, clap::Args)]
pub struct Customers {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// The newest authorizations.
    List {
        /// Only this stage: fetching, fetched, failed, withdrawn, superseded or erased.
        #[arg(long)]
        stage: Option<Stage>,
        /// At most this many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..))]
        limit: i64,
        /// Show the customers' names too.
        #[arg(long)]
        names: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Everything about one customer's authorizations but what was measured.
    Show {
        /// The receipt number, the custodian's subscription id, or our id of an authorization.
        customer: String,
        /// Show name and file names too.
        #[arg(long)]
        names: bool,
        #[command(flatten)]
        format: Format,
    },
}

impl Customers {
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
            Self::List {
                stage,
                limit,
                names,
                format,
            } => {
                let found = overview::list(conn, stage.map(Stage::as_str), limit).await?;
                list(&found, names).print(out, format)?;
            }
            Self::Show {
                customer,
                names,
                format,
            } => {
                let found = erasure::find(conn, &customer).await?;
                if found.is_empty() {
                    return Err(CommandError::NoCustomer(customer));
                }
                for (nr, id) in found.into_iter().enumerate() {
                    if nr > 0 {
                        writeln!(out)?;
                    }
                    // Found a moment ago; rows of this table are never deleted.
                    if let Some(one) = overview::get(conn, id).await? {
                        record(out, format, &describe(&one, names))?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn list(found: &[Customer], names: bool) -> Table {
    let mut columns = vec![
        "authorization",
        "subscription",
        "stage",
        "authorized_at",
        "windows",
        "fetched_at",
        "released_at",
        "exported_at",
    ];
    columns.extend(names.then_some("name"));
    let mut table = Table::new(&columns);
    for one in found {
        let mut row = vec![
            json!(one.id),
            json!(one.subscription_id),
            json!(one.stage),
            at(one.authorized_at),
            windows(one),
            maybe_at(one.fetched_at),
            maybe_at(one.released_at),
            maybe_at(one.exported_at),
        ];
        row.extend(names.then(|| json!(one.customer_name)));
        table.row(row);
    }
    table
}

/// Windows that are in, of all.
fn windows(one: &Customer) -> Value {
    json!(format!("{}/{}", one.received, one.windows))
}

fn describe(one: &Customer, names: bool) -> Vec<(&'static str, Value)> {
    let has_files = one.electricity_file.is_some() || one.gas_file.is_some();
    let mut fields = vec![
        ("authorization", json!(one.id)),
        ("subscription", json!(one.subscription_id)),
        ("stage", json!(one.stage)),
        ("failure", json!(one.failure)),
        ("authorized_at", at(one.authorized_at)),
        ("usage_points", json!(one.usage_points)),
        ("planned_at", maybe_at(one.planned_at)),
        ("history_from", maybe_at(one.history_from)),
        ("history_until", maybe_at(one.history_until)),
        ("windows", windows(one)),
        ("fetched_at", maybe_at(one.fetched_at)),
        ("released_at", maybe_at(one.released_at)),
        ("exported_at", maybe_at(one.exported_at)),
        ("export_error", json!(one.export_error)),
        ("has_files", json!(has_files)),
        ("files_removed_at", maybe_at(one.files_removed_at)),
    ];
    if names {
        fields.push(("name", json!(one.customer_name)));
        fields.push(("electricity_file", json!(one.electricity_file)));
        fields.push(("gas_file", json!(one.gas_file)));
    }
    fields
}

//! `metergate export`: everything that is stored about one customer, to answer an access request.

mod folder;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use csv_exporter::{OutputConfig, companion};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use permission::PermissionId;
use serde_json::{Value, json};
use service_kit::clock::{Clock as _, SystemClock};
use storage::subject::{self, Documents, Table};
use storage::{DatabaseConfig, aiida, audit, smd};
use uuid::Uuid;

use crate::command::{CommandError, block_on, open};
use folder::Folder;

/// Writes everything that is stored about one customer into a folder, to answer an access request (GDPR article 15,
/// CCPA): JSON for what an authorization or a permission is, a CSV table for what is stored under it, the delivered
/// files where they are still there, and about.json, which lists it all. The audit log says that it was done.
///
/// Left out are tokens and hashes of passwords: they are keys, not data about the customer.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Export {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    output: OutputConfig,
    /// For Share My Data: the receipt number, the custodian's subscription id, or our id of an authorization. For AIIDA:
    /// the connection id, or the id of one of the permissions. A text that names somebody on both sides is refused.
    #[arg(value_name = "SUBSCRIPTION", required_unless_present = "permission")]
    customer: Option<String>,
    /// Only AIIDA: the customer of this permission.
    #[arg(long, value_name = "ID", conflicts_with = "customer")]
    permission: Option<PermissionId>,
    /// The folder; made where it is missing, and refused when it holds anything. Only its owner can read it. In the
    /// operator's container or unit a name without a path: its working folder is the one that stays.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// What belongs to the customer.
#[derive(Default)]
struct Found {
    authorizations: Vec<Uuid>,
    permissions: Vec<Uuid>,
}

impl Export {
    /// Writes it.
    pub fn run(self, out: &mut impl Write) -> Result<(), CommandError> {
        block_on(self.export(out))
    }

    async fn export(self, out: &mut impl Write) -> Result<(), CommandError> {
        let (_database, mut conn) = open(&self.database).await?;
        let found = self.find(&mut conn).await?;
        let mut folder = Folder::create(&self.out)?;
        // First, so that nothing leaves without its line in the audit log.
        conn.transaction(async |conn| {
            for &id in found.authorizations.iter().chain(&found.permissions) {
                audit::record(conn, "customer.exported", Some(id), &json!({})).await?;
            }
            Ok::<_, CommandError>(())
        })
        .await?;
        conn.build_transaction()
            .repeatable_read()
            .read_only()
            .run(async |conn| self.write(conn, &found, &mut folder).await)
            .await?;
        let about = json!({
            "made_at": SystemClock.now().to_string(),
            "authorizations": found.authorizations,
            "permissions": found.permissions,
            "left_out": "tokens and hashes of passwords: they are keys, not data about the customer",
            "files": folder.files(),
        });
        folder.json("about", "this list", &about)?;
        for file in folder.files() {
            writeln!(out, "{file}")?;
        }
        Ok(())
    }

    async fn find(&self, conn: &mut AsyncPgConnection) -> Result<Found, CommandError> {
        let (wanted, on_both) = match (&self.customer, self.permission) {
            (_, Some(id)) => (id.to_string(), false),
            (Some(customer), None) => (customer.clone(), true),
            (None, None) => (String::new(), true),
        };
        let mut found = Found::default();
        if on_both {
            let ids = smd::erasure::find(conn, &wanted).await?;
            found.authorizations = ids.into_iter().map(smd::AuthorizationId::uuid).collect();
        }
        let ids = aiida::erasure::find(conn, &wanted).await?;
        found.permissions = ids.into_iter().map(PermissionId::uuid).collect();
        if found.authorizations.is_empty() && found.permissions.is_empty() {
            return Err(CommandError::NoCustomer(wanted));
        }
        if !found.authorizations.is_empty() && !found.permissions.is_empty() {
            return Err(CommandError::BothSides(wanted));
        }
        Ok(found)
    }

    /// Everything, as of one moment.
    async fn write(
        &self,
        conn: &mut AsyncPgConnection,
        found: &Found,
        folder: &mut Folder,
    ) -> Result<(), CommandError> {
        conn.batch_execute("SET LOCAL TIME ZONE 'UTC'").await?;
        if !found.authorizations.is_empty() {
            let ids = &found.authorizations;
            let documents = write_documents(conn, subject::AUTHORIZATIONS, ids, folder).await?;
            write_tables(conn, &subject::OF_AUTHORIZATIONS, ids, folder).await?;
            self.copy_files(&documents, folder)?;
        }
        if !found.permissions.is_empty() {
            let ids = &found.permissions;
            write_documents(conn, subject::PERMISSIONS, ids, folder).await?;
            write_tables(conn, &subject::OF_PERMISSIONS, ids, folder).await?;
        }
        let ids = [found.authorizations.as_slice(), &found.permissions].concat();
        write_tables(conn, &subject::OF_BOTH, &ids, folder).await
    }

    /// The delivered files that the authorizations name, and what stands beside them.
    fn copy_files(
        &self,
        authorizations: &[Value],
        folder: &mut Folder,
    ) -> Result<(), CommandError> {
        let names = authorizations
            .iter()
            .flat_map(|one| [one.get("electricity_file"), one.get("gas_file")])
            .filter_map(|name| name.and_then(Value::as_str));
        let mut all = BTreeSet::new();
        for name in names {
            all.insert(name.to_owned());
            let beside = name.parse().ok().as_ref().and_then(companion::names);
            all.extend(
                beside
                    .into_iter()
                    .flat_map(|own| [own.report.to_string(), own.readme.to_string()]),
            );
        }
        for name in all {
            folder.copy(&self.output.output_dir, &name)?;
        }
        Ok(())
    }
}

async fn write_documents(
    conn: &mut AsyncPgConnection,
    what: Documents,
    ids: &[Uuid],
    folder: &mut Folder,
) -> Result<Vec<Value>, CommandError> {
    let documents = subject::documents(conn, what, ids).await?;
    folder.json(what.name, what.about, &json!(documents))?;
    Ok(documents)
}

async fn write_tables(
    conn: &mut AsyncPgConnection,
    tables: &[Table],
    ids: &[Uuid],
    folder: &mut Folder,
) -> Result<(), CommandError> {
    for table in tables {
        let rows = subject::rows(conn, table, ids).await?;
        folder.table(table, rows).await?;
    }
    Ok(())
}

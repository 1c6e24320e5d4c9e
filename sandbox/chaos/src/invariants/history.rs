//! The customers' side: the custodian's book, the download folder and the database tell the same story.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use custodian::AuthorizationState as State;
use custodian::control::AuthorizationReport;
use custodian::ledger::{RequestKind, RequestRecord};
use demo::history::is_of;
use demo::{BoxError, Claims, Delivered, Site, Stack, check};
use serde_json::Value;

use crate::world::MONTHS;

/// Authorizations whose files must be there, by the custodian's id.
const DELIVERED: &str = "SELECT subscription_id AS id, array_remove(ARRAY[electricity_file, gas_file], NULL) AS files
    FROM smd.authorization WHERE stage = 'fetched' AND exported_at IS NOT NULL AND files_removed_at IS NULL";

/// Looks at all of it.
pub(super) async fn look(stack: &Stack, site: &Site, claims: &mut Claims) -> Result<(), BoxError> {
    let authorizations: Vec<AuthorizationReport> = site.control("authorizations").await?;
    let rows = stack.rows(DELIVERED).await?;
    let delivered: BTreeMap<u64, &Value> = rows
        .iter()
        .filter_map(|row| Some((id(row)?, row)))
        .collect();
    ended(&authorizations, claims);
    deleted_once(site, &authorizations, &delivered, claims).await?;
    files(stack, &delivered, claims)?;
    let mut wrong = Vec::new();
    for one in authorizations
        .iter()
        .filter(|one| delivered.contains_key(&one.id))
    {
        if let Err(error) = content(stack, site, one).await {
            wrong.push(format!("{} of {}: {error}", one.id, one.customer));
        }
    }
    claims.note(
        "every delivered history is exactly what the custodian generated",
        wrong.is_empty() && !delivered.is_empty(),
        format!("{} of {} wrong: {wrong:?}", wrong.len(), delivered.len()),
    );
    Ok(())
}

fn id(row: &Value) -> Option<u64> {
    row.get("id")?.as_str()?.parse().ok()
}

/// Nothing is in force at the custodian, and no token is good.
fn ended(authorizations: &[AuthorizationReport], claims: &mut Claims) {
    let live: Vec<String> = authorizations
        .iter()
        .filter(|it| it.state == State::Active || it.status != 0 || it.live_tokens > 0)
        .map(|it| {
            format!(
                "{} of {}: {:?}, {} tokens",
                it.id, it.customer, it.state, it.live_tokens
            )
        })
        .collect();
    claims.note(
        "no authorization and no token is alive at the custodian",
        live.is_empty(),
        live.join("; "),
    );
}

/// The custodian has confirmed one deletion of each authorization that was delivered, and not a second one. Where the
/// customer authorized again in between, that has ended it.
async fn deleted_once(
    site: &Site,
    authorizations: &[AuthorizationReport],
    delivered: &BTreeMap<u64, &Value>,
    claims: &mut Claims,
) -> Result<(), BoxError> {
    let log: Vec<RequestRecord> = site.control("requests/log").await?;
    let mut confirmed: BTreeMap<u64, u64> = BTreeMap::new();
    for record in log
        .iter()
        .filter(|it| it.kind == RequestKind::AuthorizationDelete)
    {
        let path = record.target.split('?').next().unwrap_or_default();
        let id = path.rsplit('/').next().and_then(|id| id.parse().ok());
        if let (Some(id), Some(200..300)) = (id, record.status) {
            *confirmed.entry(id).or_default() += 1;
        }
    }
    let owed = |one: &AuthorizationReport| u64::from(one.state != State::Superseded);
    let wrong: Vec<u64> = authorizations
        .iter()
        .filter(|one| delivered.contains_key(&one.id))
        .filter(|one| confirmed.get(&one.id).copied().unwrap_or_default() != owed(one))
        .map(|one| one.id)
        .collect();
    claims.note(
        "each delivered authorization was deleted at the custodian once, and that was confirmed",
        wrong.is_empty(),
        format!(
            "{} deletions; wrong: {wrong:?}",
            confirmed.values().sum::<u64>()
        ),
    );
    Ok(())
}

/// The folder holds the files of the database and nothing else: nothing half, nothing twice.
fn files(
    stack: &Stack,
    delivered: &BTreeMap<u64, &Value>,
    claims: &mut Claims,
) -> Result<(), BoxError> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(stack.output())? {
        found.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    let named = delivered
        .values()
        .filter_map(|row| row.get("files")?.as_array());
    let owed: BTreeSet<String> = named
        .flatten()
        .filter_map(|name| name.as_str())
        .flat_map(with_what_stands_beside)
        .collect();
    let wrong: Vec<&String> = found.symmetric_difference(&owed).collect();
    claims.note(
        "the folder holds exactly the files that were delivered",
        wrong.is_empty(),
        format!("{} files; missing or too many: {wrong:?}", found.len()),
    );
    Ok(())
}

/// A table's name, and those of the readme and the report that explain and show it.
fn with_what_stands_beside(table: &str) -> [String; 3] {
    let stem = table.rsplit_once('-').map_or(table, |(stem, _)| stem);
    [
        table.to_owned(),
        format!("{stem}-readme.txt"),
        format!("{stem}-report.html"),
    ]
}

/// Every interval once, sums as the custodian generated them.
async fn content(
    stack: &Stack,
    site: &Site,
    authorization: &AuthorizationReport,
) -> Result<(), BoxError> {
    let id = authorization.id.to_string();
    let mut files = Vec::new();
    for entry in fs::read_dir(stack.output())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_of(&name, &id) {
            files.push(Delivered {
                bytes: fs::read(entry.path())?,
                name,
            });
        }
    }
    let totals = check::totals(&files)?;
    let days = stack.owed_days(authorization.id, MONTHS).await?;
    check::compare(site, &authorization.customer, days, &totals).await?;
    check::no_gaps(&totals)?;
    Ok(())
}

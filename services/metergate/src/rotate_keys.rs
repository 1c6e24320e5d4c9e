//! `metergate rotate-keys`: seals stored tokens with the first key, while services run.

use std::io::Write;

use diesel_async::AsyncPgConnection;
use serde_json::json;
use service_kit::secret::{Keyring, KeyringConfig};
use storage::smd::rotation::{self, KeyUse};
use storage::smd::tokens::TokenError;
use storage::{DatabaseConfig, audit};

use crate::command::{CommandError, block_on, open};
use crate::table::{Format, Table};

/// Authorizations that are looked up at a time.
const BATCH: i64 = 100;

/// Seals stored tokens with the first key of `METERGATE_ENCRYPTION_KEYS`, one authorization after the other and while
/// services run, and says which keys are in use then. What was interrupted is continued by running it again.
///
/// First put the new key behind the old one (`old:KEY,new:KEY`) and restart smd-fetcher: a fetcher that does not know
/// the new key cannot read what is sealed with it. Then put it in front (`new:KEY,old:KEY`) and restart smd-auth and
/// smd-fetcher. Drop the old key when this command says that it is not in use; until then it fails.
///
/// The operator's role reads no token: `METERGATE_DATABASE_URL` must be that of smd-fetcher (or of the owner).
#[derive(Debug, clap::Args)]
pub struct RotateKeys {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    keys: KeyringConfig,
    /// Change nothing; only say which keys are in use.
    #[arg(long)]
    report: bool,
    #[command(flatten)]
    format: Format,
}

/// What a run has come to.
#[derive(Default)]
struct Done {
    resealed: usize,
    /// What hinders, once per kind of trouble.
    troubles: Vec<String>,
    failed: usize,
}

impl RotateKeys {
    /// Carries it out.
    pub fn run(self, out: &mut impl Write) -> Result<(), CommandError> {
        block_on(self.rotate(out))
    }

    async fn rotate(self, out: &mut impl Write) -> Result<(), CommandError> {
        let keys = self.keys.load()?;
        let (_database, mut conn) = open(&self.database).await?;
        let mut done = Done::default();
        if !self.report {
            done = reseal_all(&mut conn, &keys).await?;
            let detail = json!({ "resealed": done.resealed, "failed": done.failed });
            audit::record(&mut conn, "smd.keys_rotated", None, &detail).await?;
        }
        table(&rotation::in_use(&mut conn).await?, &keys).print(out, self.format)?;
        if !self.format.is_json() {
            writeln!(out, "\nauthorizations sealed anew: {}", done.resealed)?;
            for trouble in &done.troubles {
                writeln!(out, "FAILED  {trouble}")?;
            }
        }
        // Also what a service that was not restarted has sealed with an older key meanwhile.
        match left(&mut conn, &keys).await? {
            left if left > 0 && !self.report => Err(CommandError::KeysLeft(left)),
            _ => Ok(()),
        }
    }
}

async fn reseal_all(conn: &mut AsyncPgConnection, keys: &Keyring) -> Result<Done, CommandError> {
    let first = keys.ids().first().copied().unwrap_or_default();
    let (mut done, mut after) = (Done::default(), None);
    loop {
        let batch = rotation::sealed_otherwise(conn, first, after, BATCH).await?;
        let Some(&last) = batch.last() else {
            return Ok(done);
        };
        after = Some(last);
        for id in batch {
            match rotation::reseal(conn, keys, id).await {
                Ok(()) => done.resealed += 1,
                // Ended meanwhile.
                Err(TokenError::Gone) => {}
                Err(TokenError::Sealed(error)) => {
                    done.failed += 1;
                    let trouble = error.to_string();
                    if !done.troubles.contains(&trouble) {
                        done.troubles.push(trouble);
                    }
                }
                Err(error @ TokenError::Database(_)) => return Err(error.into()),
            }
        }
    }
}

/// How many authorizations have tokens under another key than the first.
async fn left(conn: &mut AsyncPgConnection, keys: &Keyring) -> Result<usize, CommandError> {
    let first = keys.ids().first().copied().unwrap_or_default();
    let (mut left, mut after) = (0, None);
    loop {
        let batch = rotation::sealed_otherwise(conn, first, after, BATCH).await?;
        let Some(&last) = batch.last() else {
            return Ok(left);
        };
        left += batch.len();
        after = Some(last);
    }
}

fn table(used: &[KeyUse], keys: &Keyring) -> Table {
    let mut table = Table::new(&["key", "access_tokens", "refresh_tokens", "what"]);
    let known = keys.ids();
    for (nr, id) in known.iter().enumerate() {
        let one = used.iter().find(|one| one.key_id == *id);
        let count = one.map_or((0, 0), |one| (one.access, one.refresh));
        let what = match (nr, count) {
            (0, _) => "seals new tokens",
            (_, (0, 0)) => "not in use: can be dropped; backups may still need it",
            _ => "still in use",
        };
        table.row(vec![json!(id), json!(count.0), json!(count.1), json!(what)]);
    }
    for one in used
        .iter()
        .filter(|one| !known.contains(&one.key_id.as_str()))
    {
        table.row(vec![
            json!(one.key_id),
            json!(one.access),
            json!(one.refresh),
            json!("in use, and not in METERGATE_ENCRYPTION_KEYS"),
        ]);
    }
    table
}

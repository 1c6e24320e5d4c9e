//! `metergate retention`: what is stored, how old, and when it goes.

use std::io::Write;

use aiida_permission::ProcessConfig;
use aiida_stream::StreamConfig;
use serde_json::{Value, json};
use storage::policy::RetentionConfig;
use storage::retention::{self, Clocks, Stored};
use storage::{DatabaseConfig, audit};

use crate::command::{CommandError, block_on, open};
use crate::table::{Format, Table, at, maybe_at};

/// Erasures that are shown.
const LAST: i64 = 20;
/// What an erasure is called in the audit log: by hand, by a withdrawn consent, by the clock.
const ERASURES: [&str; 6] = [
    "smd.erased",
    "smd.withdrawn",
    "smd.expired",
    "smd.files_removed",
    "aiida.erased",
    "mqtt.removed",
];

/// Reports what is stored of which age, what goes when, and the last erasures. With the settings of the services, as
/// they decide what goes.
#[derive(Debug, clap::Args)]
pub struct Retention {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    history: RetentionConfig,
    #[command(flatten)]
    process: ProcessConfig,
    #[command(flatten)]
    stream: StreamConfig,
    #[command(flatten)]
    format: Format,
}

impl Retention {
    /// Prints the report.
    pub fn run(self, out: &mut impl Write) -> Result<(), CommandError> {
        block_on(self.report(out))
    }

    async fn report(self, out: &mut impl Write) -> Result<(), CommandError> {
        let (_database, mut conn) = open(&self.database).await?;
        let stored = retention::report(&mut conn, self.clocks()).await?;
        let filter = audit::Filter {
            actions: &ERASURES,
            ..audit::Filter::default()
        };
        let erased = audit::list(&mut conn, filter, LAST).await?;
        let (stored, erased) = (table(&stored), crate::audit::table(&erased));
        if self.format.is_json() {
            let both = json!({ "stored": stored.json(), "erasures": erased.json() });
            writeln!(out, "{both:#}")?;
            return Ok(());
        }
        stored.print(out, self.format)?;
        writeln!(out, "\nThe last erasures, at most {LAST}:")?;
        Ok(erased.print(out, self.format)?)
    }

    fn clocks(&self) -> Clocks {
        let days = |days: u32| i32::try_from(days).unwrap_or(i32::MAX);
        Clocks {
            readings: days(self.history.retention_readings_days),
            files: days(self.history.retention_files_days),
            stream: i32::from(self.stream.stream_retention_days.min(3650).cast_signed()),
            permissions: days(self.process.aiida_retention_days),
        }
    }
}

fn table(stored: &[Stored]) -> Table {
    let mut table = Table::new(&["what", "count", "oldest", "next_goes", "kept"]);
    for one in stored {
        table.row(vec![
            json!(one.what),
            json!(one.count),
            one.oldest.map_or(Value::Null, at),
            maybe_at(one.next),
            json!(one.rule),
        ]);
    }
    table
}

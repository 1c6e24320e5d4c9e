//! `metergate audit`: what was done to customers' data, by whom.

use std::io::Write;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, civil};
use serde_json::json;
use service_kit::clock::{Clock, SystemClock};
use storage::DatabaseConfig;
use storage::audit::{self, Entry, Filter};
use uuid::Uuid;

use crate::command::{CommandError, block_on, open};
use crate::table::{Format, Table, at};

/// The audit log, newest first: who did what to whose data. Ids of ours only.
#[derive(Debug, clap::Args)]
pub struct Audit {
    #[command(flatten)]
    database: DatabaseConfig,
    /// Only what was done since then: a time (2026-01-31T12:00:00Z), a day (2026-01-31, UTC), or how long ago (7d, 12h).
    #[arg(long)]
    since: Option<Since>,
    /// Only what was done to this authorization, permission or key.
    #[arg(long)]
    subject: Option<Uuid>,
    /// Only this action, as smd.erased; may be given several times.
    #[arg(long)]
    action: Vec<String>,
    /// At most this many lines.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
    limit: i64,
    #[command(flatten)]
    format: Format,
}

/// A moment, absolute or counted back from now.
#[derive(Debug, Clone, Copy)]
enum Since {
    At(Timestamp),
    Ago(Span),
}

impl std::str::FromStr for Since {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        if let Ok(day) = text.parse::<civil::Date>()
            && let Ok(midnight) = day.to_zoned(TimeZone::UTC)
        {
            return Ok(Self::At(midnight.timestamp()));
        }
        match text.parse::<Span>() {
            Ok(span) if span.is_positive() => Ok(Self::Ago(span)),
            _ => Err("write 2026-01-31T12:00:00Z, 2026-01-31, 7d or 12h".to_owned()),
        }
    }
}

impl Since {
    fn moment(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(span) => now.to_zoned(TimeZone::UTC).saturating_sub(span).timestamp(),
        }
    }
}

impl Audit {
    /// Prints it.
    pub fn run(self, out: &mut impl Write) -> Result<(), CommandError> {
        block_on(self.list(out))
    }

    async fn list(self, out: &mut impl Write) -> Result<(), CommandError> {
        let (_database, mut conn) = open(&self.database).await?;
        let actions: Vec<&str> = self.action.iter().map(String::as_str).collect();
        let filter = Filter {
            since: self.since.map(|since| since.moment(SystemClock.now())),
            subject: self.subject,
            actions: &actions,
        };
        let found = audit::list(&mut conn, filter, self.limit).await?;
        Ok(table(&found).print(out, self.format)?)
    }
}

pub(crate) fn table(found: &[Entry]) -> Table {
    let mut table = Table::new(&["at", "actor", "action", "subject", "detail"]);
    for one in found {
        table.row(vec![
            at(one.at),
            json!(one.actor),
            json!(one.action),
            json!(one.subject),
            one.detail.clone(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_a_day_or_a_while_ago() {
        let now: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
        let moment = |text: &str| text.parse::<Since>().unwrap().moment(now).to_string();
        assert_eq!(moment("2026-01-31T12:00:00Z"), "2026-01-31T12:00:00Z");
        assert_eq!(moment("2026-01-31"), "2026-01-31T00:00:00Z");
        assert_eq!(moment("7d"), "2026-03-03T12:00:00Z");
        assert_eq!(moment("90m"), "2026-03-10T10:30:00Z");
        for wrong in ["", "yesterday", "-7d", "7"] {
            assert!(wrong.parse::<Since>().is_err(), "{wrong}");
        }
    }
}

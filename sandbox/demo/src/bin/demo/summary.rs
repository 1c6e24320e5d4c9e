//! What the demo leaves behind, and what must hold of it.

use custodian::ledger::{RequestCounts, RequestKind};
use demo::check::{self, FileSummary};
use demo::history::History;
use demo::household::NearRealTime;
use demo::{BoxError, Claim, Delivered, Stack};
use serde::Serialize;

/// `demo-summary.json`.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    csv: Vec<String>,
    /// The page that shows them.
    report: Option<String>,
    rows: Vec<FileSummary>,
    windows: u64,
    requests: u64,
    most_requests_in_a_second: u64,
    throttled: u64,
    seconds: f64,
    intervals: u64,
    short_days: u64,
    long_days: u64,
    authorization_status: u16,
    authorization_state: String,
    status_without_password: u16,
    personal_values_in_logs: usize,
    /// Claims that do not hold.
    #[serde(skip)]
    failed: Vec<Claim>,
    #[serde(flatten)]
    near_real_time: NearRealTime,
}

/// Requests for usage data, as the custodian counted them.
fn windows(counts: &RequestCounts) -> u64 {
    let usage = counts.by_kind.get(&RequestKind::BatchUsagePoint);
    usage.copied().unwrap_or_default()
}

impl Summary {
    /// Looks at everything the walk has left behind.
    pub(crate) async fn of(
        stack: &Stack,
        history: History,
        near_real_time: NearRealTime,
    ) -> Result<Self, BoxError> {
        stack.sql(check::NO_TOKEN_LEFT).await?;
        let counts: RequestCounts = stack.site().control("requests").await?;
        let personal = stack.site().personal().await?;
        let path = |file: &Delivered| stack.output().join(&file.name).display().to_string();
        let report = history
            .files
            .iter()
            .find(|file| file.name.ends_with("-report.html"));
        let report = report.map(path);
        let tables = history.files.iter().filter(|file| check::is_table(file));
        let rows = tables.map(|file| {
            let path = path(file);
            let rows = check::rows(file)?;
            Ok(FileSummary { path, rows })
        });
        let rows = rows.collect::<Result<Vec<_>, BoxError>>()?;
        let (short_days, long_days) = history.short_and_long_days;
        Ok(Self {
            report,
            csv: rows.iter().map(|file| file.path.clone()).collect(),
            windows: windows(&counts),
            rows,
            requests: counts.total,
            most_requests_in_a_second: counts.most_in_a_second,
            seconds: (history.took.as_secs_f64() * 10.0).round() / 10.0,
            throttled: counts.throttled,
            intervals: history.totals.intervals.values().sum(),
            short_days,
            long_days,
            authorization_status: history.authorization.status,
            authorization_state: format!("{:?}", history.authorization.state).to_lowercase(),
            status_without_password: stack.site().status_without_password().await?,
            personal_values_in_logs: check::secrets_in(
                &(stack.logs() + &*stack.metrics()?),
                &personal,
            ),
            failed: history.claims.failed().into_iter().cloned().collect(),
            near_real_time,
        })
    }

    /// The books must balance, or the demo has failed.
    pub(crate) fn check(&self) -> Result<(), BoxError> {
        if let Some(failed) = self.failed.first() {
            return Err(format!("does not hold: {}: {}", failed.claim, failed.seen).into());
        }
        let history = [
            (
                self.status_without_password == 401,
                "the download folder needs its password",
            ),
            (
                self.personal_values_in_logs == 0,
                "the logs hold nothing personal",
            ),
            (self.throttled == 0, "the custodian never throttled us"),
            (
                self.short_days > 0 && self.long_days > 0,
                "the days the clocks change are there",
            ),
        ];
        for (holds, claim) in history.into_iter().chain(self.near_real_time.claims()) {
            if !holds {
                return Err(format!("does not hold: {claim}").into());
            }
        }
        Ok(())
    }

    /// The same for people, line by line.
    pub(crate) fn table(&self) -> Vec<String> {
        let mut rows: Vec<(&str, String)> = self
            .rows
            .iter()
            .map(|file| ("file", format!("{} ({} rows)", file.path, file.rows)))
            .collect();
        rows.extend([
            (
                "intervals",
                format!(
                    "{}, each once, totals equal to the custodian's",
                    self.intervals
                ),
            ),
            (
                "days of 92 and 100 quarter hours",
                format!("{} and {} (per flow)", self.short_days, self.long_days),
            ),
            ("windows", self.windows.to_string()),
            (
                "requests",
                format!(
                    "{}, at most {} in a second, {} throttled",
                    self.requests, self.most_requests_in_a_second, self.throttled
                ),
            ),
            ("seconds", format!("{:.1}", self.seconds)),
            (
                "authorization at the custodian",
                format!(
                    "{} (status {})",
                    self.authorization_state, self.authorization_status
                ),
            ),
            (
                "/output without password",
                self.status_without_password.to_string(),
            ),
            (
                "personal values in the logs",
                self.personal_values_in_logs.to_string(),
            ),
            (
                "readings of homes, stored",
                self.near_real_time.readings_stored.to_string(),
            ),
            (
                "handshakes",
                format!("{:?} ms", self.near_real_time.handshake_ms),
            ),
            (
                "messages refused",
                self.near_real_time.refused_messages.to_string(),
            ),
            (
                "homes disconnected, let in again",
                format!(
                    "{}, {}",
                    self.near_real_time.clients_disconnected,
                    self.near_real_time.clients_can_connect
                ),
            ),
        ]);
        rows.into_iter()
            .map(|(name, value)| format!("{name:<34}{value}"))
            .collect()
    }
}

//! What the process has counted and logged.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};

/// The counters of this service.
const OURS: [&str; 5] = [
    "smd_logins_started_total",
    "smd_authorizations_total",
    "smd_callbacks_refused_total",
    "smd_notification_links_total",
    "smd_progress_looks_total",
];

/// The counters and what they stand at.
pub(crate) fn counters() -> BTreeMap<String, u64> {
    let rendered = service_kit::metrics::install().unwrap().render();
    rendered
        .lines()
        .filter(|line| OURS.iter().any(|name| line.starts_with(name)))
        .filter_map(|line| {
            let (name, count) = line.rsplit_once(' ')?;
            Some((name.to_owned(), count.parse().ok()?))
        })
        .collect()
}

/// What was logged in this process since the current test began, down to `debug`; the parser that reads
/// the pages in these tests is left out.
pub(crate) fn logs() -> &'static Mutex<Vec<u8>> {
    static LOGS: OnceLock<&'static Mutex<Vec<u8>>> = OnceLock::new();
    LOGS.get_or_init(|| {
        let logs: &'static Mutex<Vec<u8>> = Box::leak(Box::default());
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_env_filter("debug,html5ever=off,selectors=off")
            .with_writer(move || Keep(logs))
            .finish();
        tracing_subscriber::util::SubscriberInitExt::init(subscriber);
        logs
    })
}

struct Keep(&'static Mutex<Vec<u8>>);

impl io::Write for Keep {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! Kinds of jobs for these tests, each with one peculiarity.

use std::time::Duration;

use job_queue::{Discard, JobKind, KindSpec, Retry};
use serde::{Deserialize, Serialize};

pub(crate) const RUNNER: &str = "metergate_smd_fetcher";
pub(crate) const ASKER: &str = "metergate_smd_auth";
const OTHER: &str = "metergate_csv_exporter";
const HOUR: Duration = Duration::from_hours(1);

const fn three_attempts(name: &'static str) -> KindSpec {
    KindSpec {
        retry: Retry::Attempts(3),
        ..KindSpec::new(name, RUNNER, &[ASKER, RUNNER])
    }
}

macro_rules! kind {
    ($(#[$doc:meta])* $name:ident, $text:literal, |$n:ident| $key:expr, { $($field:ident: $value:expr),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub(crate) struct $name {
            pub(crate) n: i64,
        }
        impl JobKind for $name {
            const SPEC: KindSpec = KindSpec { $($field: $value,)* ..three_attempts($text) };
            fn unique_key(&self) -> Option<String> {
                let $n = self.n;
                $key
            }
        }
    };
}

kind!(
    /// Any number at a time, three attempts.
    Plain, "test.plain", |_n| None, {}
);
kind!(
    /// One live job per number.
    Keyed, "test.keyed", |n| Some(n.to_string()), {}
);
kind!(
    /// Somebody may wait for it.
    Told, "test.told", |_n| None, { announced: true }
);
kind!(
    /// Its lease is so short that tests can see it renewed.
    Brief, "test.brief", |_n| None, { lease: Duration::from_millis(1500) }
);
kind!(
    /// May not take long.
    Bounded, "test.bounded", |_n| None, { deadline: Duration::from_millis(300) }
);
kind!(
    /// Tried again at once.
    Eager, "test.eager", |_n| None, { backoff_first: Duration::ZERO }
);
kind!(
    /// For one test only, because metrics belong to the process.
    Measured, "test.measured", |_n| None, { backoff_first: Duration::ZERO }
);
kind!(
    /// Followed by another when it is given up.
    Followed, "test.followed", |n| Some(n.to_string()), {
        backoff_first: Duration::ZERO,
        on_discard: Discard::Enqueue("test.endless"),
    }
);
kind!(
    /// Never given up.
    Endless, "test.endless", |n| Some(n.to_string()), { retry: Retry::Forever, backoff_limit: HOUR }
);
kind!(
    /// Run by another service.
    Foreign, "test.foreign", |_n| None, { run_by: OTHER, enqueued_by: &[OTHER] }
);

/// Enqueued by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tick {}

impl JobKind for Tick {
    const SPEC: KindSpec = KindSpec {
        every: Some(HOUR),
        ..KindSpec::new("test.tick", RUNNER, &[RUNNER])
    };
    fn unique_key(&self) -> Option<String> {
        Some("schedule".to_owned())
    }
}

pub(crate) fn all() -> [KindSpec; 11] {
    [
        Plain::SPEC,
        Keyed::SPEC,
        Told::SPEC,
        Brief::SPEC,
        Bounded::SPEC,
        Eager::SPEC,
        Measured::SPEC,
        Followed::SPEC,
        Endless::SPEC,
        Foreign::SPEC,
        Tick::SPEC,
    ]
}

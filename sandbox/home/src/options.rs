//! What a home is started with.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use service_kit::clock::{SharedClock, SystemClock};
use service_kit::random::{SharedRandom, SystemRandom};

use crate::{Generation, Mischief};

/// What the household answers to a code it scans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Decision {
    /// It agrees.
    #[default]
    Accept,
    /// It does not.
    Reject,
    /// Its gateway has no meter that could deliver this.
    Unfulfillable,
}

impl FromStr for Decision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "accept" => Ok(Self::Accept),
            "reject" => Ok(Self::Reject),
            "unfulfillable" => Ok(Self::Unfulfillable),
            other => Err(format!(
                "{other:?} is no decision: use accept, reject or unfulfillable"
            )),
        }
    }
}

/// How raw records write their time; real homes differ by their serialiser's setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeStyle {
    /// `2025-10-08T07:40:38.711Z`
    #[default]
    Text,
    /// `1759909238.711000000`, a JSON number: seconds since 1970 with a fraction.
    EpochSeconds,
}

/// What a home is started with. [`Options::new`] gives a household that agrees.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which home.
    pub generation: Generation,
    /// What the household answers.
    pub decision: Decision,
    /// PEM file with the authorities that sign the servers' certificates, for HTTPS and MQTT over
    /// TLS. None: those of the machine.
    pub authority: Option<PathBuf>,
    /// Decides the made-up meter's readings: equal seeds read the same at the same times.
    pub seed: u64,
    /// The meter's number that records carry.
    pub meter_id: Option<String>,
    /// How raw records write their time.
    pub times: TimeStyle,
    /// Keeps every record that it sends, for [`Home::sent`](crate::Home::sent).
    pub keep_records: bool,
    /// What it does wrong.
    pub mischief: Mischief,
    /// How long one attempt to connect to the broker may take.
    pub connect_timeout: Duration,
    /// How long it waits before it connects again, at first; doubled up to
    /// [`reconnect_at_most`](Self::reconnect_at_most). Real homes: 30 s.
    pub reconnect_after: Duration,
    /// The longest wait between two attempts. Real homes: 5 min.
    pub reconnect_at_most: Duration,
    /// The time.
    pub clock: SharedClock,
    /// Ids and client ids.
    pub random: SharedRandom,
}

impl Options {
    /// A household that agrees, with quick reconnects and the machine's clock.
    #[must_use]
    pub fn new(generation: Generation) -> Self {
        Self {
            generation,
            decision: Decision::Accept,
            authority: None,
            seed: 1,
            meter_id: None,
            times: TimeStyle::Text,
            keep_records: false,
            mischief: Mischief::default(),
            connect_timeout: Duration::from_secs(10),
            reconnect_after: Duration::from_millis(500),
            reconnect_at_most: Duration::from_secs(10),
            clock: SystemClock::shared(),
            random: SystemRandom::shared(),
        }
    }
}

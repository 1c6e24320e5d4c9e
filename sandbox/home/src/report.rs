//! What a home knows about its permissions, for tests, the demo and people.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::{Done, Generation, HomeStatus};

/// How many inbound messages a permission's report keeps; older ones are only counted.
pub(crate) const KEPT_INBOUND: usize = 100;

/// A home at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Which home.
    pub generation: Generation,
    /// One for each permission it scanned, in that order.
    pub permissions: Vec<PermissionReport>,
}

impl Report {
    /// The permission of that id.
    #[must_use]
    pub fn permission(&self, id: Uuid) -> Option<&PermissionReport> {
        let mut permissions = self.permissions.iter();
        permissions.find(|report| report.permission_id == id)
    }
}

/// A permission as the home sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PermissionReport {
    /// Its id.
    pub permission_id: Uuid,
    /// Where it stands.
    pub status: HomeStatus,
    /// Why it stands there, when something failed.
    pub failure: Option<String>,
    /// When the broker acknowledged the message that tells of its end. Homes tell it once.
    pub told_end: Option<Timestamp>,
    /// Whether the first connection (data out, commands, status) is up.
    pub connected: bool,
    /// Whether the second connection (inbound data) is up.
    pub inbound_connected: bool,
    /// How often the first connection came up.
    pub connects: u64,
    /// From sending ACCEPT to the first connection, in milliseconds.
    pub handshake_ms: Option<u64>,
    /// Records made from the meter, each schema counted.
    pub records: u64,
    /// Records handed to the broker, those sent again included.
    pub published: u64,
    /// Records that the broker acknowledged.
    pub acknowledged: u64,
    /// Records that wait for a connection or for their acknowledgement.
    pub buffered: u64,
    /// Records that the broker refused by a reason code.
    pub publish_refused: u64,
    /// The schedule in force; none before the details.
    pub schedule: Option<String>,
    /// False after the command that switches transmission off.
    pub transmission_enabled: bool,
    /// Names of the commands carried out, in order (`TERMINATION` for the older topic).
    pub commands: Vec<String>,
    /// Commands that could not be read, were not granted or named another permission.
    pub commands_refused: u64,
    /// How many inbound messages came.
    pub inbound_received: u64,
    /// The last hundred of them.
    pub inbound: Vec<Inbound>,
    /// How many of them were acknowledged to the other side.
    pub inbound_acknowledged: u64,
    /// Reason code of the broker's last DISCONNECT (152: administrative action), on either
    /// connection.
    pub disconnect_reason: Option<u8>,
    /// Reason code of the last refused connect (134, 135), on either connection; none again once
    /// a connect succeeds.
    pub refused_by_broker: Option<u8>,
    /// Subscriptions that the broker refused.
    pub subscriptions_refused: u64,
    /// What it did wrong on demand, and what was said to it.
    pub misdeeds: Vec<Done>,
}

/// A message that came to the home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inbound {
    /// When.
    pub received_at: Timestamp,
    /// Where.
    pub topic: String,
    /// What, as text.
    pub payload: String,
    /// Whether the broker had kept it.
    pub retained: bool,
}

impl PermissionReport {
    pub(crate) const fn new(permission_id: Uuid) -> Self {
        Self {
            permission_id,
            status: HomeStatus::Created,
            failure: None,
            told_end: None,
            connected: false,
            inbound_connected: false,
            connects: 0,
            handshake_ms: None,
            records: 0,
            published: 0,
            acknowledged: 0,
            buffered: 0,
            publish_refused: 0,
            schedule: None,
            transmission_enabled: true,
            commands: Vec::new(),
            commands_refused: 0,
            inbound_received: 0,
            inbound: Vec::new(),
            inbound_acknowledged: 0,
            disconnect_reason: None,
            refused_by_broker: None,
            subscriptions_refused: 0,
            misdeeds: Vec::new(),
        }
    }
}

//! Where a permission stands as the home sees it, and the message that tells the other side.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

/// Where a permission stands as the home sees it. The message carries only the last three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HomeStatus {
    /// Scanned; the details are asked for.
    Created,
    /// The details cannot be had or read; the household can do nothing with the code.
    DetailsFailed,
    /// The household declined, and the other side was told.
    Rejected,
    /// The home cannot deliver this, and the other side was told.
    Unfulfillable,
    /// The household agreed. Stored before the other side is told, and never told twice.
    Accepted,
    /// It agreed, but got no usable credentials or could not connect the first time: nothing
    /// will happen until somebody scans a new code.
    Stranded,
    /// Connected once; data flows when there is a connection.
    Streaming,
    /// The household withdrew.
    Revoked,
    /// The time frame is over.
    Fulfilled,
    /// The other side ended it.
    ExternallyTerminated,
}

impl HomeStatus {
    /// Whether nothing flows any more, and never will.
    #[must_use]
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Created | Self::Accepted | Self::Streaming)
    }
}

/// The retained message on the status topic.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusMessage<'a> {
    pub(crate) connection_id: &'a str,
    pub(crate) data_need_id: Uuid,
    pub(crate) timestamp: Timestamp,
    pub(crate) status: HomeStatus,
    pub(crate) permission_id: Uuid,
    pub(crate) eddie_id: Uuid,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_has_exactly_these_keys() {
        let id = Uuid::from_u128(7);
        let message = StatusMessage {
            connection_id: "flat 7",
            data_need_id: id,
            timestamp: "2026-06-02T10:00:00.5Z".parse().unwrap(),
            status: HomeStatus::ExternallyTerminated,
            permission_id: id,
            eddie_id: id,
        };
        assert_eq!(
            serde_json::to_string(&message).unwrap(),
            "{\"connectionId\":\"flat 7\",\
             \"dataNeedId\":\"00000000-0000-0000-0000-000000000007\",\
             \"timestamp\":\"2026-06-02T10:00:00.5Z\",\
             \"status\":\"EXTERNALLY_TERMINATED\",\
             \"permissionId\":\"00000000-0000-0000-0000-000000000007\",\
             \"eddieId\":\"00000000-0000-0000-0000-000000000007\"}"
        );
    }
}

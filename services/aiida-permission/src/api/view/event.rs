//! Events.

use jiff::Timestamp;
use permission::{DataNeedId, PermissionId, Status};
use serde::Serialize;
use storage::aiida::event::Event;
use utoipa::ToSchema;

use super::need::StatusName;

/// A change of a permission's status.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventView {
    /// Later events have greater ids, with gaps.
    event_id: i64,
    #[schema(value_type = Uuid)]
    permission_id: PermissionId,
    connection_id: String,
    #[schema(value_type = Uuid)]
    data_need_id: DataNeedId,
    /// What the permission became.
    #[schema(value_type = StatusName)]
    status: Status,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who brought it about: `request`, `handshake`, `home`, `party`, `clock` or `operator`.
    cause: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self {
            event_id: event.id,
            permission_id: event.permission,
            connection_id: event.connection_id,
            data_need_id: event.data_need,
            status: event.status,
            at: event.at,
            cause: event.cause.name(),
            detail: event.detail,
        }
    }
}

/// The history of a permission, oldest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct History {
    pub(crate) events: Vec<EventView>,
}

/// Events of all permissions, oldest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Events {
    pub(crate) events: Vec<EventView>,
    /// Ask for what comes `after` this, at once or later.
    pub(crate) cursor: i64,
}

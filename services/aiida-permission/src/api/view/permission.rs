//! Permissions.

use jiff::Timestamp;
use jiff::civil::Date;
use permission::data_need::DataNeed;
use permission::{BundleId, DataNeedId, PermissionId, Status};
use serde::Serialize;
use storage::aiida::permission::Permission;
use storage::aiida::reading::RefusalCount;
use utoipa::ToSchema;
use uuid::Uuid;

use super::need::{DataNeedDocument, StatusName};

/// A permission, as lists show it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PermissionView {
    #[schema(value_type = Uuid)]
    id: PermissionId,
    /// The same for all permissions of one request.
    #[schema(value_type = Uuid)]
    eddie_id: BundleId,
    /// Your name for the customer.
    connection_id: String,
    #[schema(value_type = Uuid)]
    data_need_id: DataNeedId,
    /// The meter, when the request named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    meter_id: Option<String>,
    /// A state of EDDIE's permission process model.
    #[schema(value_type = StatusName)]
    status: Status,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the status last changed.
    #[schema(value_type = String, format = DateTime)]
    status_at: Timestamp,
    /// When the code was first shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    sent_at: Option<Timestamp>,
    /// First day of the time frame; known when the home has asked for the details.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = Date, required = false)]
    start: Option<Date>,
    /// Last day of the time frame, inclusive; left out when it is open or not known yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = Date, required = false)]
    end: Option<Date>,
    /// The code that the home scanned: `single` (homes of 2025) or `bundle` (2026).
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// The home's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    aiida_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    accepted_at: Option<Timestamp>,
    /// When the home's credentials began to open the broker's door.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    granted_at: Option<Timestamp>,
    /// When nothing of the permission was left at the broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    removed_at: Option<Timestamp>,
    /// The first record that was stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    first_message_at: Option<Timestamp>,
    /// The last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    last_message_at: Option<Timestamp>,
}

impl From<&Permission> for PermissionView {
    fn from(permission: &Permission) -> Self {
        Self {
            id: permission.id,
            eddie_id: permission.bundle,
            connection_id: permission.connection_id.clone(),
            data_need_id: permission.data_need_id(),
            meter_id: permission.meter_id.clone(),
            status: permission.status,
            created_at: permission.created_at,
            status_at: permission.status_at,
            sent_at: permission.sent_at,
            start: permission.starts_on,
            end: permission.ends_on,
            code: permission.code.map(permission::Generation::name),
            aiida_id: permission.aiida_id,
            accepted_at: permission.accepted_at,
            granted_at: permission.granted_at,
            removed_at: permission.removed_at,
            first_message_at: permission.first_message_at,
            last_message_at: permission.last_message_at,
        }
    }
}

/// A page of permissions, the newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PermissionPage {
    pub(crate) permissions: Vec<PermissionView>,
    /// Leads to the next page; left out on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
}

/// A permission with everything that is known of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PermissionDetail {
    #[serde(flatten)]
    permission: PermissionView,
    /// The data need as it was when the household was asked.
    #[schema(value_type = DataNeedDocument)]
    data_need: DataNeed,
    /// How many of the home's messages were refused, by reason.
    refusals: Vec<RefusalView>,
}

impl PermissionDetail {
    pub(crate) fn new(permission: Permission, refusals: Vec<RefusalCount>) -> Self {
        Self {
            permission: (&permission).into(),
            data_need: permission.data_need,
            refusals: refusals.into_iter().map(RefusalView::from).collect(),
        }
    }
}

/// Refused messages of one reason.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefusalView {
    reason: String,
    messages: i64,
    #[schema(value_type = String, format = DateTime)]
    last_at: Timestamp,
}

impl From<RefusalCount> for RefusalView {
    fn from(count: RefusalCount) -> Self {
        Self {
            reason: count.reason,
            messages: count.messages,
            last_at: count.last_at,
        }
    }
}

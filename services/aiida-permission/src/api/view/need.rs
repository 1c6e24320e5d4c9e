//! Data needs and the names of states, as `OpenAPI` describes them: the types themselves are of the crate
//! `permission`, which knows nothing of `OpenAPI`.
#![expect(dead_code, reason = "these types describe, nobody makes one")]

use permission::data_need::DataNeed;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A state of EDDIE's permission process model.
#[derive(ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum StatusName {
    Created,
    Validated,
    Malformed,
    UnableToSend,
    SentToPermissionAdministrator,
    TimedOut,
    Accepted,
    Rejected,
    Invalid,
    Revoked,
    Terminated,
    Fulfilled,
    Unfulfillable,
    RequiresExternalTermination,
    FailedToTerminate,
    ExternallyTerminated,
}

/// A data need, in the keys of EDDIE's JSON array.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct DataNeedDocument {
    /// `outbound-aiida`: from the home to you. `inbound-aiida`: from you to the home.
    #[schema(example = "outbound-aiida")]
    r#type: String,
    id: Uuid,
    name: String,
    description: Option<String>,
    purpose: String,
    policy_link: String,
    /// Whether new permissions may ask for it.
    enabled: Option<bool>,
    duration: DurationDocument,
    /// Cron with seconds.
    #[schema(example = "*/5 * * * * *")]
    transmission_schedule: String,
    /// `UPDATE_TRANSMISSION_SCHEDULE`, `SET_TRANSMISSION_ENABLED`; TERMINATE is always allowed.
    allowed_permission_commands: Option<Vec<String>>,
    acknowledgement_required: Option<bool>,
    /// Not empty, and supported by the type.
    #[schema(example = json!(["SMART-METER-P1-RAW"]))]
    schemas: Vec<String>,
    #[schema(example = "CONNECTION-AGREEMENT-POINT")]
    asset: String,
    /// OBIS codes.
    #[schema(example = json!(["1-0:1.8.0"]))]
    data_tags: Option<Vec<String>>,
    contexts: Option<Vec<String>>,
}

/// The time frame: relative to the day of the handshake, or two dates; left out or null is open.
#[derive(ToSchema)]
pub(crate) struct DurationDocument {
    /// `relativeDuration` or `absoluteDuration`.
    #[schema(example = "relativeDuration")]
    r#type: String,
    #[schema(example = "P0D")]
    start: Option<String>,
    #[schema(example = "P10D")]
    end: Option<String>,
}

/// All data needs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataNeedList {
    /// `file`: as configured, only to be read. `database`: kept by this API.
    pub(crate) kept_in: &'static str,
    #[schema(value_type = Vec<DataNeedDocument>)]
    pub(crate) data_needs: Vec<DataNeed>,
}

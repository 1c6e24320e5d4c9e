//! Bodies of `GET` and `PATCH /permission-request/{permissionId}`. Homes ignore unknown keys in the answers, so one
//! shape serves every generation.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::data_need::{DataNeed, TimeFrame};
use crate::generation::Generation;
use crate::ids::{BundleId, DataNeedId, PermissionId};
use crate::json::{Object, word};
use crate::topic::Topics;

/// Answer to `GET`: what the household is asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Details {
    /// The request.
    pub eddie_id: BundleId,
    /// The permission.
    pub permission_request: Asked,
    /// The data need, in the words of the home's generation.
    pub data_need: Value,
}

/// A permission in the details. Homes read every value of it as a string and parse both dates without asking whether
/// they are there: an open end is written as the last day that fits, and what is missing is left out, never null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    permission_id: PermissionId,
    connection_id: String,
    data_need_id: DataNeedId,
    #[serde(skip_serializing_if = "Option::is_none")]
    meter_id: Option<String>,
    start: Date,
    end: Date,
}

/// How an open end is written: 9999-12-31.
pub const OPEN_END: Date = Date::MAX;

/// What the details of a permission are made of.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The request it belongs to.
    pub bundle: BundleId,
    /// The permission.
    pub permission: PermissionId,
    /// The eligible party's name for the customer.
    pub connection_id: &'a str,
    /// The meter that is meant, when the eligible party has named one.
    pub meter_id: Option<&'a str>,
    /// What is asked for.
    pub data_need: &'a DataNeed,
    /// When; resolved today.
    pub frame: TimeFrame,
}

impl Details {
    /// The details of a permission for homes of this generation.
    #[must_use]
    pub fn new(request: &Request<'_>, generation: Generation) -> Self {
        Self {
            eddie_id: request.bundle,
            permission_request: Asked {
                permission_id: request.permission,
                connection_id: request.connection_id.to_owned(),
                data_need_id: request.data_need.id,
                meter_id: request.meter_id.map(str::to_owned),
                start: request.frame.start,
                end: request.frame.end.unwrap_or(OPEN_END),
            },
            data_need: request.data_need.details_for(generation),
        }
    }
}

/// What a home decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Operation {
    /// The household agrees.
    Accept,
    /// It does not.
    Reject,
    /// The home cannot deliver it.
    Unfulfillable,
}

/// Body of `PATCH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "Object<Body>")]
pub struct Patch {
    /// What the home decides.
    pub operation: Operation,
    /// The home. We only remember it, and an error answer would strand a home that has agreed: so it may be missing.
    pub aiida_id: Option<Uuid>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(deserialize_with = "word")]
    operation: Operation,
    #[serde(default)]
    aiida_id: Option<Uuid>,
}

impl From<Object<Body>> for Patch {
    fn from(Object(body): Object<Body>) -> Self {
        Self {
            operation: body.operation,
            aiida_id: body.aiida_id,
        }
    }
}

impl Patch {
    /// Reads the body. Unknown keys are ignored.
    pub fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }
}

/// Answer to ACCEPT. The password is nowhere else, and it is not printed.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    server_uri: String,
    username: PermissionId,
    password: String,
    data_topic: String,
    status_topic: String,
    /// For homes from 2026-06-02.
    command_topic: String,
    /// For the homes before.
    termination_topic: String,
    acknowledgement_topic: Option<String>,
}

impl Credentials {
    /// What the home needs at the broker. `server_uri`: `tcp://host:1883` or `ssl://host:8883`.
    #[must_use]
    pub fn new(
        server_uri: &str,
        permission: PermissionId,
        password: &str,
        need: &DataNeed,
    ) -> Self {
        let topics = Topics::of(permission);
        Self {
            server_uri: server_uri.to_owned(),
            username: permission,
            password: password.to_owned(),
            data_topic: topics.data(need.direction),
            status_topic: topics.status(),
            command_topic: topics.command(),
            termination_topic: topics.termination(),
            acknowledgement_topic: need
                .acknowledgement_required
                .then(|| topics.acknowledgement()),
        }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("server_uri", &self.server_uri)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

//! What a home may do, as the broker reads it: from the permission's data need to rows.

use permission::data_need::{DataNeed, DataNeedError};
use permission::{PermissionId, acl};
use serde_json::Value;

/// Why the rows cannot be derived.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// The data need as it was stored does not parse.
    #[error("the stored data need: {0}")]
    DataNeed(#[from] DataNeedError),
}

/// A row of `aiida.aiida_mqtt_acl`, without the columns that do not say what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) action: String,
    pub(super) acl_type: String,
    pub(super) topic: String,
}

/// The rows that a permission should have, in the order in which they are tried.
pub(super) fn wanted(id: PermissionId, data_need: Value) -> Result<Vec<Rule>, RuleError> {
    let need = DataNeed::from_value(data_need)?;
    let rules = acl::rows(id, &need).into_iter().map(|row| Rule {
        action: row.action.name().to_owned(),
        acl_type: row.kind.name().to_owned(),
        topic: row.topic,
    });
    Ok(rules.collect())
}

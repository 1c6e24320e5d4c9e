//! Commands of the other side to a home of 2026-06-02, read strictly: a key that the command does
//! not have is an error, as with the real one.

use serde::Deserialize;
use uuid::Uuid;

/// A command's payload.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    tag = "action",
    rename_all = "SCREAMING_SNAKE_CASE",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(crate) enum Command {
    Terminate {
        #[serde(rename = "regionConnectorId")]
        _region_connector_id: String,
        permission_id: Uuid,
    },
    UpdateTransmissionSchedule {
        #[serde(rename = "regionConnectorId")]
        _region_connector_id: String,
        permission_id: Uuid,
        transmission_schedule: String,
    },
    SetTransmissionEnabled {
        #[serde(rename = "regionConnectorId")]
        _region_connector_id: String,
        permission_id: Uuid,
        enabled: bool,
    },
}

impl Command {
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(payload)
    }

    pub(crate) const fn permission(&self) -> Uuid {
        match self {
            Self::Terminate { permission_id, .. }
            | Self::UpdateTransmissionSchedule { permission_id, .. }
            | Self::SetTransmissionEnabled { permission_id, .. } => *permission_id,
        }
    }

    /// Its name in payloads, topics and data needs.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Terminate { .. } => "TERMINATE",
            Self::UpdateTransmissionSchedule { .. } => "UPDATE_TRANSMISSION_SCHEDULE",
            Self::SetTransmissionEnabled { .. } => "SET_TRANSMISSION_ENABLED",
        }
    }

    /// Whether a data need that lists `granted` allows it. The end needs no grant.
    pub(crate) fn is_granted(&self, granted: &[String]) -> bool {
        matches!(self, Self::Terminate { .. }) || granted.iter().any(|name| name == self.name())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(value: &Value) -> Result<Command, serde_json::Error> {
        Command::parse(value.to_string().as_bytes())
    }

    fn command(action: &str) -> Value {
        json!({
            "action": action,
            "regionConnectorId": "aiida",
            "permissionId": "22222222-2222-4222-8222-222222222222"
        })
    }

    #[test]
    fn each_command_is_read_with_its_own_keys_only() {
        let mut schedule = command("UPDATE_TRANSMISSION_SCHEDULE");
        assert!(parse(&schedule).is_err(), "the schedule is missing");
        schedule["transmissionSchedule"] = json!("*/2 * * * * *");
        let mut enabled = command("SET_TRANSMISSION_ENABLED");
        assert!(parse(&enabled).is_err(), "the flag is missing");
        enabled["enabled"] = json!(false);
        for (value, name) in [
            (command("TERMINATE"), "TERMINATE"),
            (schedule, "UPDATE_TRANSMISSION_SCHEDULE"),
            (enabled, "SET_TRANSMISSION_ENABLED"),
        ] {
            assert_eq!(parse(&value).unwrap().name(), name);
            let mut more = value.clone();
            more["reason"] = json!("none");
            assert!(parse(&more).is_err(), "{name} with an unknown key");
        }
        let mut crossed = command("TERMINATE");
        crossed["enabled"] = json!(true);
        assert!(parse(&crossed).is_err(), "the key of another command");
        assert!(parse(&command("EXPLODE")).is_err());
    }

    #[test]
    fn missing_and_null_keys_are_refused() {
        for key in ["action", "regionConnectorId", "permissionId"] {
            let mut value = command("TERMINATE");
            value.as_object_mut().unwrap().remove(key);
            assert!(parse(&value).is_err(), "{key}");
            value[key] = Value::Null;
            assert!(parse(&value).is_err(), "{key}");
        }
    }

    #[test]
    fn only_the_end_needs_no_grant() {
        let mut value = command("SET_TRANSMISSION_ENABLED");
        value["enabled"] = json!(true);
        let enabled = parse(&value).unwrap();
        assert!(!enabled.is_granted(&[]));
        assert!(enabled.is_granted(&["SET_TRANSMISSION_ENABLED".to_owned()]));
        assert!(parse(&command("TERMINATE")).unwrap().is_granted(&[]));
    }
}

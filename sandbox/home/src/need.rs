//! The data need inside the details, as a home reads it: keys it does not know are ignored, keys
//! it needs must be there, and null is no value for a flag.

use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use crate::schedule::Schedule;
use crate::{Generation, Schema};

/// Which way data flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Home → eligible party.
    Outbound,
    /// Eligible party → home.
    Inbound,
}

/// What the household is asked to share or to receive.
#[derive(Debug, Clone)]
pub(crate) struct Need {
    pub(crate) id: Uuid,
    pub(crate) direction: Direction,
    pub(crate) schedule: Schedule,
    pub(crate) schemas: Vec<Schema>,
    pub(crate) asset: String,
    pub(crate) tags: Vec<String>,
    pub(crate) commands: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(rename = "type")]
    kind: Kind,
    id: Uuid,
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "purpose")]
    _purpose: String,
    #[serde(rename = "policyLink")]
    _policy_link: String,
    transmission_schedule: String,
    asset: Asset,
    // Primitive flags in the home's model: absent is false, null is an error.
    #[serde(rename = "enabled", default)]
    _enabled: bool,
    #[serde(rename = "acknowledgementRequired", default)]
    _acknowledgement_required: bool,
    #[serde(default, deserialize_with = "null_is_absent")]
    schemas: Option<Vec<String>>,
    #[serde(default, deserialize_with = "null_is_absent")]
    data_tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "null_is_absent")]
    allowed_permission_commands: Option<Vec<String>>,
}

#[derive(Deserialize)]
enum Kind {
    #[serde(rename = "outbound-aiida")]
    Outbound,
    #[serde(rename = "inbound-aiida")]
    Inbound,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
enum Asset {
    ConnectionAgreementPoint,
    ControllableUnit,
    DedicatedMeasurementDevice,
    Submeter,
}

impl Asset {
    const fn name(&self) -> &'static str {
        match self {
            Self::ConnectionAgreementPoint => "CONNECTION-AGREEMENT-POINT",
            Self::ControllableUnit => "CONTROLLABLE-UNIT",
            Self::DedicatedMeasurementDevice => "DEDICATED-MEASUREMENT-DEVICE",
            Self::Submeter => "SUBMETER",
        }
    }
}

fn null_is_absent<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    Option::deserialize(deserializer)
}

impl Need {
    /// Reads a data need as a home of `generation` does; the error says what it cannot read.
    pub(crate) fn read(generation: Generation, value: serde_json::Value) -> Result<Self, String> {
        let wire: Wire = serde_json::from_value(value).map_err(|error| error.to_string())?;
        let schedule = Schedule::parse(&wire.transmission_schedule)
            .map_err(|reason| format!("transmissionSchedule: {reason}"))?;
        let names = wire
            .schemas
            .unwrap_or_else(|| vec![Schema::Raw.name().to_owned()]);
        let schemas = names.iter().map(|name| {
            let known = generation.schema(name);
            known.ok_or_else(|| format!("schemas: {name:?} is unknown to homes of {generation}"))
        });
        Ok(Self {
            id: wire.id,
            direction: match wire.kind {
                Kind::Outbound => Direction::Outbound,
                Kind::Inbound => Direction::Inbound,
            },
            schedule,
            schemas: schemas.collect::<Result<_, _>>()?,
            asset: wire.asset.name().to_owned(),
            tags: wire.data_tags.unwrap_or_default(),
            commands: wire.allowed_permission_commands.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn need() -> Value {
        json!({
            "type": "outbound-aiida",
            "id": "44444444-4444-4444-8444-444444444444",
            "name": "Power now",
            "purpose": "Steering",
            "policyLink": "https://ep.example/policy",
            "transmissionSchedule": "*/5 * * * * *",
            "asset": "CONNECTION-AGREEMENT-POINT",
            "schemas": ["SMART-METER-P1-RAW"],
            "dataTags": ["1-0:1.7.0"],
            "somethingNewer": {"a": 1}
        })
    }

    #[test]
    fn what_a_home_needs_must_be_there() {
        for generation in Generation::ALL {
            let read = Need::read(generation, need()).unwrap();
            assert_eq!(read.direction, Direction::Outbound);
            assert_eq!(read.schemas, [Schema::Raw]);
            for key in [
                "type",
                "id",
                "name",
                "purpose",
                "policyLink",
                "transmissionSchedule",
                "asset",
            ] {
                let mut value = need();
                value.as_object_mut().unwrap().remove(key);
                assert!(Need::read(generation, value.clone()).is_err(), "{key}");
                value[key] = Value::Null;
                assert!(Need::read(generation, value).is_err(), "{key} null");
            }
        }
    }

    #[test]
    fn null_is_no_flag_but_absence_is_fine() {
        for key in ["enabled", "acknowledgementRequired"] {
            let mut value = need();
            value[key] = Value::Null;
            assert!(Need::read(Generation::June2026, value.clone()).is_err());
            value[key] = json!(true);
            assert!(Need::read(Generation::June2026, value).is_ok());
        }
        for key in ["dataTags", "allowedPermissionCommands", "schemas"] {
            let mut value = need();
            value[key] = Value::Null;
            assert!(Need::read(Generation::June2026, value).is_ok(), "{key}");
        }
    }

    #[test]
    fn a_schema_of_another_generation_cannot_be_read() {
        let mut value = need();
        value["schemas"] = json!(["SMART-METER-P1-RAW", "SMART-METER-P1-CIM-V1-04"]);
        let error = Need::read(Generation::November2025, value.clone()).unwrap_err();
        assert!(error.contains("SMART-METER-P1-CIM-V1-04"), "{error}");
        assert!(Need::read(Generation::February2026, value).is_ok());
    }

    #[test]
    fn schedules_and_assets_are_checked() {
        for (key, wrong) in [
            ("transmissionSchedule", "*/5 * * * *"),
            ("asset", "HOUSE"),
            ("type", "account"),
        ] {
            let mut value = need();
            value[key] = json!(wrong);
            assert!(Need::read(Generation::June2026, value).is_err(), "{key}");
        }
    }
}

//! The documents that may flow between a home and the eligible party.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::data_need::Direction;
use crate::generation::Generation;

/// A kind of document. In data needs it goes by its upper-case name, in topics by the same in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Schema {
    /// The meter's values as the home reads them.
    SmartMeterP1Raw,
    /// Near-real-time market document, CIM v1.04 (`SMART-METER-P1-CIM` until 2026-02-13).
    SmartMeterP1CimV104,
    /// Near-real-time market document, CIM v1.12.
    SmartMeterP1CimV112,
    /// Limits of power for times to come, CIM v1.12.
    MinMaxEnvelopeCimV112,
    /// Whatever the two sides have agreed on.
    Opaque,
    /// A home's word that it has received a document, CIM v1.12. Flows on the acknowledgement topic only.
    AcknowledgementCimV112,
}

impl Schema {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::SmartMeterP1Raw,
        Self::SmartMeterP1CimV104,
        Self::SmartMeterP1CimV112,
        Self::MinMaxEnvelopeCimV112,
        Self::Opaque,
        Self::AcknowledgementCimV112,
    ];

    /// The name in data needs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SmartMeterP1Raw => "SMART-METER-P1-RAW",
            Self::SmartMeterP1CimV104 => "SMART-METER-P1-CIM-V1-04",
            Self::SmartMeterP1CimV112 => "SMART-METER-P1-CIM-V1-12",
            Self::MinMaxEnvelopeCimV112 => "MIN-MAX-ENVELOPE-CIM-V1-12",
            Self::Opaque => "OPAQUE",
            Self::AcknowledgementCimV112 => "ACKNOWLEDGEMENT-CIM-V1-12",
        }
    }

    /// The last segment of its topics.
    #[must_use]
    pub const fn topic_name(self) -> &'static str {
        match self {
            Self::SmartMeterP1Raw => "smart-meter-p1-raw",
            Self::SmartMeterP1CimV104 => "smart-meter-p1-cim-v1-04",
            Self::SmartMeterP1CimV112 => "smart-meter-p1-cim-v1-12",
            Self::MinMaxEnvelopeCimV112 => "min-max-envelope-cim-v1-12",
            Self::Opaque => "opaque",
            Self::AcknowledgementCimV112 => "acknowledgement-cim-v1-12",
        }
    }

    /// The name that homes of this generation know it by. None: they do not know it, and its name would make them
    /// refuse the whole data need.
    #[must_use]
    pub const fn name_for(self, generation: Generation) -> Option<&'static str> {
        match (generation, self) {
            (Generation::Bundle, schema) => Some(schema.name()),
            (Generation::Single, Self::SmartMeterP1Raw) => Some("SMART-METER-P1-RAW"),
            (Generation::Single, Self::SmartMeterP1CimV104) => Some(LEGACY_CIM),
            (Generation::Single, _) => None,
        }
    }

    /// The schema of a data need's name, with or without the version that older data needs lack.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name == LEGACY_CIM {
            return Some(Self::SmartMeterP1CimV104);
        }
        Self::ALL.into_iter().find(|schema| schema.name() == name)
    }

    /// The schema of a topic's last segment, in the words of either generation.
    #[must_use]
    pub fn from_topic_name(name: &str) -> Option<Self> {
        if name == LEGACY_CIM_TOPIC {
            return Some(Self::SmartMeterP1CimV104);
        }
        Self::ALL
            .into_iter()
            .find(|schema| schema.topic_name() == name)
    }

    /// Whether a data need of this direction may ask for it.
    #[must_use]
    pub const fn flows(self, direction: Direction) -> bool {
        match self {
            Self::SmartMeterP1Raw | Self::SmartMeterP1CimV104 | Self::SmartMeterP1CimV112 => {
                matches!(direction, Direction::Outbound)
            }
            Self::MinMaxEnvelopeCimV112 | Self::Opaque => true,
            Self::AcknowledgementCimV112 => false,
        }
    }
}

const LEGACY_CIM: &str = "SMART-METER-P1-CIM";
const LEGACY_CIM_TOPIC: &str = "smart-meter-p1-cim";

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No such schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no schema of AIIDA")]
pub struct UnknownSchema(String);

impl FromStr for Schema {
    type Err = UnknownSchema;
    /// Takes the name of a data need or that of a topic.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_name(text)
            .or_else(|| Self::from_topic_name(text))
            .ok_or_else(|| UnknownSchema(text.to_owned()))
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

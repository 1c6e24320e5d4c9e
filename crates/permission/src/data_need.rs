//! A data need: what may flow, in which direction, when, and what a home may be told. The JSON is EDDIE's; it comes
//! from a file (an array), or one by one through the API, and is stored as it is.
//!
//! A data need that exists has been checked: each field as a home reads it, its schemas against its direction.

use jiff::SignedDuration;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::command::CommandKind;
use crate::generation::Generation;
use crate::ids::DataNeedId;
use crate::obis::ObisCode;
use crate::schedule::Schedule;
use crate::schema::Schema;

mod duration;
mod error;
mod fields;
mod parse;
mod write;

pub use duration::{Duration, Period, PeriodError, TimeFrame, TimeFrameError};
pub use error::DataNeedError;

/// How long after the last day of its time frame a permission's messages are still taken, for what was on its way at
/// midnight: only then the clock ends the permission.
pub const ON_ITS_WAY: SignedDuration = SignedDuration::from_mins(5);

/// Which way the data goes, seen from the home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the home to the eligible party.
    Outbound,
    /// From the eligible party to the home.
    Inbound,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Outbound, Self::Inbound];

    /// The data need's `type`.
    #[must_use]
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Outbound => "outbound-aiida",
            Self::Inbound => "inbound-aiida",
        }
    }
}

/// Where in the household something is measured or steered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asset {
    /// The whole connection.
    ConnectionAgreementPoint,
    /// Something that can be steered.
    ControllableUnit,
    /// A meter of its own for a device.
    DedicatedMeasurementDevice,
    /// A meter behind the meter.
    Submeter,
}

impl Asset {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::ConnectionAgreementPoint,
        Self::ControllableUnit,
        Self::DedicatedMeasurementDevice,
        Self::Submeter,
    ];

    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConnectionAgreementPoint => "CONNECTION-AGREEMENT-POINT",
            Self::ControllableUnit => "CONTROLLABLE-UNIT",
            Self::DedicatedMeasurementDevice => "DEDICATED-MEASUREMENT-DEVICE",
            Self::Submeter => "SUBMETER",
        }
    }
}

/// What the data is used in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// A connection whose limits move.
    FlexibleConnectionAgreement,
}

impl Context {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::FlexibleConnectionAgreement];

    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FlexibleConnectionAgreement => "FLEXIBLE-CONNECTION-AGREEMENT",
        }
    }
}

/// A data need. [`DataNeed::parse`] and its kind are the only source.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DataNeed {
    /// Its id.
    pub id: DataNeedId,
    /// Its `type`.
    pub direction: Direction,
    /// What it is called; the household reads it.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// What the data is for; the household reads it.
    pub purpose: String,
    /// Where the household can read more: http or https.
    pub policy_link: String,
    /// Whether it may be asked for. Default true.
    pub enabled: bool,
    /// When data may flow.
    pub duration: Duration,
    /// When the home sends.
    pub transmission_schedule: Schedule,
    /// What the home may be told beyond TERMINATE.
    pub allowed_permission_commands: Vec<CommandKind>,
    /// Whether the home says that it has received a document. Default false.
    pub acknowledgement_required: bool,
    /// What flows; at least one, each of them in this direction, none twice.
    pub schemas: Vec<Schema>,
    /// Where in the household.
    pub asset: Asset,
    /// Which values; empty: all that the home has.
    pub data_tags: Vec<ObisCode>,
    /// What it is used in.
    pub contexts: Vec<Context>,
}

impl DataNeed {
    /// Reads the file: an array of data needs, no id twice.
    pub fn parse_array(json: &[u8]) -> Result<Vec<Self>, DataNeedError> {
        parse::array(json)
    }

    /// Reads one data need.
    pub fn parse(json: &[u8]) -> Result<Self, DataNeedError> {
        Self::from_value(serde_json::from_slice(json).map_err(DataNeedError::Json)?)
    }

    /// Reads one data need that is JSON already.
    pub fn from_value(value: Value) -> Result<Self, DataNeedError> {
        parse::one(value)
    }

    /// The data need in EDDIE's keys; reads back as the same.
    #[must_use]
    pub fn to_value(&self) -> Value {
        write::value(self, Generation::Bundle)
    }

    /// The dates between which data may flow, when the household is asked today. A start that is over is today: a
    /// home answers UNFULFILLABLE to an earlier one.
    pub fn resolve(&self, today: Date) -> Result<TimeFrame, TimeFrameError> {
        self.duration.resolve(today)
    }

    /// The data need in the handshake: in the words of this generation, without nulls and with every default
    /// written out. Schemas that the generation does not know are left out; see [`DataNeed::serves`].
    #[must_use]
    pub fn details_for(&self, generation: Generation) -> Value {
        write::value(self, generation)
    }

    /// Whether homes of this generation know what it asks for, all of it. If not, do not offer them a code.
    #[must_use]
    pub fn serves(&self, generation: Generation) -> bool {
        self.schemas
            .iter()
            .all(|schema| schema.name_for(generation).is_some())
    }
}

impl Serialize for DataNeed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DataNeed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

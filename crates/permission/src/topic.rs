//! MQTT topics: `aiida/v1/{permission}/…`. One permission's topics say who speaks to whom about what.

use std::fmt;
use std::str::FromStr;

use crate::command::CommandKind;
use crate::data_need::Direction;
use crate::ids::PermissionId;
use crate::schema::Schema;

/// Data of all homes, for the eligible party's subscription.
pub const DATA_FILTER: &str = "aiida/v1/+/data/outbound/+";
/// Acknowledgements of all homes.
pub const ACKNOWLEDGEMENT_FILTER: &str = "aiida/v1/+/acknowledgement/+";
/// Status messages of all homes. They are retained, and retained messages do not reach shared subscriptions.
pub const STATUS_FILTER: &str = "aiida/v1/+/status";

/// No topic of AIIDA is longer.
const MAX_LEN: usize = 128;

/// What a topic is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The home's data. Never [`Schema::AcknowledgementCimV112`].
    DataOutbound(Schema),
    /// Data for the home; only schemas that flow inwards.
    DataInbound(Schema),
    /// What the home says about the permission; retained.
    Status,
    /// A command for the home; retained.
    Command(CommandKind),
    /// The end, for homes that know no commands; retained.
    Termination,
    /// The home's word that it has received a document.
    Acknowledgement(Schema),
}

/// A concrete topic of one permission.
///
/// Parsing is strict. A broker compares topics byte by byte, so an id in another spelling (upper case, braces) names
/// another topic, and what came on it was not covered by the permission's rules. The one liberty: the schema
/// `smart-meter-p1-cim` of homes before 2026-02-13 is read as [`Schema::SmartMeterP1CimV104`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Topic {
    /// Whose it is.
    pub permission: PermissionId,
    /// What it is for.
    pub channel: Channel,
}

/// Why a topic is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// Longer than any topic of AIIDA.
    #[error("the topic is longer than {MAX_LEN} bytes")]
    Long,
    /// It does not begin as ours do.
    #[error("the topic does not begin with aiida/v1/ and a permission id in lower case")]
    Prefix,
    /// A permission's topic, but none that homes and we use.
    #[error("permission {0} has no such topic")]
    Channel(PermissionId),
    /// A data topic of a schema that does not flow there.
    #[error("the topic of permission {0} names no schema that flows there")]
    Schema(PermissionId),
}

impl TopicError {
    /// The permission that the topic names all the same.
    #[must_use]
    pub const fn permission(&self) -> Option<PermissionId> {
        match self {
            Self::Long | Self::Prefix => None,
            Self::Channel(id) | Self::Schema(id) => Some(*id),
        }
    }
}

impl Topic {
    /// Reads a topic as the broker delivers it.
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        if text.len() > MAX_LEN {
            return Err(TopicError::Long);
        }
        let rest = text.strip_prefix("aiida/v1/").ok_or(TopicError::Prefix)?;
        let (id, rest) = rest.split_once('/').ok_or(TopicError::Prefix)?;
        let permission: PermissionId = id.parse().map_err(|_| TopicError::Prefix)?;
        if permission.to_string() != id {
            return Err(TopicError::Prefix);
        }
        let channel = channel(permission, rest)?;
        Ok(Self {
            permission,
            channel,
        })
    }
}

fn channel(permission: PermissionId, rest: &str) -> Result<Channel, TopicError> {
    let flowing = |name: &str, direction| {
        Schema::from_topic_name(name)
            .filter(|schema| schema.flows(direction))
            .ok_or(TopicError::Schema(permission))
    };
    if let Some(name) = rest.strip_prefix("data/outbound/") {
        return flowing(name, Direction::Outbound).map(Channel::DataOutbound);
    }
    if let Some(name) = rest.strip_prefix("data/inbound/") {
        return flowing(name, Direction::Inbound).map(Channel::DataInbound);
    }
    if let Some(name) = rest.strip_prefix("acknowledgement/") {
        return Schema::from_topic_name(name)
            .filter(|schema| *schema == Schema::AcknowledgementCimV112)
            .map(Channel::Acknowledgement)
            .ok_or(TopicError::Schema(permission));
    }
    if let Some(name) = rest.strip_prefix("command/") {
        return name
            .parse()
            .map(Channel::Command)
            .map_err(|_| TopicError::Channel(permission));
    }
    match rest {
        "status" => Ok(Channel::Status),
        "termination" => Ok(Channel::Termination),
        _ => Err(TopicError::Channel(permission)),
    }
}

impl FromStr for Topic {
    type Err = TopicError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "aiida/v1/{}/", self.permission)?;
        match self.channel {
            Channel::DataOutbound(schema) => write!(f, "data/outbound/{}", schema.topic_name()),
            Channel::DataInbound(schema) => write!(f, "data/inbound/{}", schema.topic_name()),
            Channel::Status => f.write_str("status"),
            Channel::Command(kind) => write!(f, "command/{}", kind.name()),
            Channel::Termination => f.write_str("termination"),
            Channel::Acknowledgement(schema) => {
                write!(f, "acknowledgement/{}", schema.topic_name())
            }
        }
    }
}

/// The topics of one permission as the handshake tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topics {
    permission: PermissionId,
}

impl Topics {
    /// Those of this permission.
    #[must_use]
    pub const fn of(permission: PermissionId) -> Self {
        Self { permission }
    }

    fn under(self, rest: &str) -> String {
        format!("aiida/v1/{}/{rest}", self.permission)
    }

    /// `dataTopic`: outbound without its last segment, which the home appends; inbound as a filter.
    #[must_use]
    pub fn data(self, direction: Direction) -> String {
        match direction {
            Direction::Outbound => self.under("data/outbound"),
            Direction::Inbound => self.under("data/inbound/+"),
        }
    }

    /// `statusTopic`.
    #[must_use]
    pub fn status(self) -> String {
        self.under("status")
    }

    /// `commandTopic`, a filter.
    #[must_use]
    pub fn command(self) -> String {
        self.under("command/+")
    }

    /// `terminationTopic`.
    #[must_use]
    pub fn termination(self) -> String {
        self.under("termination")
    }

    /// `acknowledgementTopic`, without its last segment, which the home appends.
    #[must_use]
    pub fn acknowledgement(self) -> String {
        self.under("acknowledgement")
    }

    /// A concrete topic.
    #[must_use]
    pub const fn topic(self, channel: Channel) -> Topic {
        Topic {
            permission: self.permission,
            channel,
        }
    }
}

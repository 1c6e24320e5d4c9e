//! What the eligible party tells a home: commands, and the older word for the end. Both are retained, because a
//! home's session ends with its connection.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::REGION_CONNECTOR;
use crate::data_need::DataNeed;
use crate::ids::PermissionId;
use crate::json::Object;
use crate::schedule::{Schedule, ScheduleError};

/// What a command does; the last segment of its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CommandKind {
    /// Ends the permission. Always granted.
    Terminate,
    /// Sends at other times.
    UpdateTransmissionSchedule,
    /// Stops or resumes sending.
    SetTransmissionEnabled,
}

impl CommandKind {
    /// All of them.
    pub const ALL: [Self; 3] = [
        Self::Terminate,
        Self::UpdateTransmissionSchedule,
        Self::SetTransmissionEnabled,
    ];

    /// The action's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Terminate => "TERMINATE",
            Self::UpdateTransmissionSchedule => "UPDATE_TRANSMISSION_SCHEDULE",
            Self::SetTransmissionEnabled => "SET_TRANSMISSION_ENABLED",
        }
    }
}

impl fmt::Display for CommandKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No such command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no command: there are TERMINATE, UPDATE_TRANSMISSION_SCHEDULE and SET_TRANSMISSION_ENABLED"
)]
pub struct UnknownCommand(String);

impl FromStr for CommandKind {
    type Err = UnknownCommand;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| UnknownCommand(text.to_owned()))
    }
}

/// A command for a home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Ends the permission.
    Terminate,
    /// Sends at other times: a cron expression, checked by [`Command::check`].
    UpdateTransmissionSchedule(String),
    /// Stops or resumes sending.
    SetTransmissionEnabled(bool),
}

/// Why a command is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The household has not agreed to it.
    #[error(
        "the data need does not grant the command {0}: it is not among its allowedPermissionCommands"
    )]
    NotGranted(CommandKind),
    /// The home would not understand the schedule.
    #[error("{0}")]
    Schedule(#[from] ScheduleError),
}

/// Why a text is no command.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Not the JSON of a command; homes refuse unknown keys.
    #[error("not a command: {0}")]
    Json(#[from] serde_json::Error),
    /// A key that this action needs.
    #[error("the command {0} needs the key {1}")]
    Missing(CommandKind, &'static str),
    /// A key that this action does not have.
    #[error("the command {0} has no key {1}")]
    Superfluous(CommandKind, &'static str),
}

/// A command on the wire. The order of keys is that of the framework.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    action: CommandKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region_connector_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    permission_id: Option<PermissionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transmission_schedule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
}

impl Command {
    /// What it does.
    #[must_use]
    pub const fn kind(&self) -> CommandKind {
        match self {
            Self::Terminate => CommandKind::Terminate,
            Self::UpdateTransmissionSchedule(_) => CommandKind::UpdateTransmissionSchedule,
            Self::SetTransmissionEnabled(_) => CommandKind::SetTransmissionEnabled,
        }
    }

    /// The action's name: the last segment of the topic.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// Whether the household has agreed to be told this, and its home would understand.
    pub fn check(&self, need: &DataNeed) -> Result<(), Refused> {
        let kind = self.kind();
        let granted =
            kind == CommandKind::Terminate || need.allowed_permission_commands.contains(&kind);
        if !granted {
            return Err(Refused::NotGranted(kind));
        }
        if let Self::UpdateTransmissionSchedule(schedule) = self {
            schedule.parse::<Schedule>()?;
        }
        Ok(())
    }

    /// The message for `…/command/{action}`. Homes refuse keys beyond these.
    #[must_use]
    pub fn payload(&self, permission: PermissionId) -> Vec<u8> {
        let (transmission_schedule, enabled) = match self {
            Self::Terminate => (None, None),
            Self::UpdateTransmissionSchedule(schedule) => (Some(schedule.clone()), None),
            Self::SetTransmissionEnabled(enabled) => (None, Some(*enabled)),
        };
        let wire = Wire {
            action: self.kind(),
            region_connector_id: Some(REGION_CONNECTOR.to_owned()),
            permission_id: Some(permission),
            transmission_schedule,
            enabled,
        };
        // An object of strings and a boolean is always JSON.
        serde_json::to_vec(&wire).unwrap_or_default()
    }

    /// Reads a command from JSON: its `action` and what belongs to that, with or without the two ids of the wire
    /// format. Unknown and superfluous keys are refused.
    pub fn parse(json: &[u8]) -> Result<Self, CommandError> {
        let Object(wire): Object<Wire> = serde_json::from_slice(json)?;
        let kind = wire.action;
        let schedule = wire.transmission_schedule;
        let missing = |key| CommandError::Missing(kind, key);
        if schedule.is_some() && kind != CommandKind::UpdateTransmissionSchedule {
            return Err(CommandError::Superfluous(kind, "transmissionSchedule"));
        }
        if wire.enabled.is_some() && kind != CommandKind::SetTransmissionEnabled {
            return Err(CommandError::Superfluous(kind, "enabled"));
        }
        match kind {
            CommandKind::Terminate => Ok(Self::Terminate),
            CommandKind::UpdateTransmissionSchedule => schedule
                .map(Self::UpdateTransmissionSchedule)
                .ok_or_else(|| missing("transmissionSchedule")),
            CommandKind::SetTransmissionEnabled => wire
                .enabled
                .map(Self::SetTransmissionEnabled)
                .ok_or_else(|| missing("enabled")),
        }
    }
}

/// The message for `…/termination`, which homes before 2026-06-02 wait for: the bare id.
#[must_use]
pub fn termination_payload(permission: PermissionId) -> Vec<u8> {
    permission.to_string().into_bytes()
}

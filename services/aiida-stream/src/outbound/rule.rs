//! Whether a message may be published, and what is published for it. No I/O.

use std::fmt;

use jiff::civil::Date;
use permission::command::termination_payload;
use permission::topic::{Channel, Topics};
use permission::{Command, CommandKind, Direction, Schema, Status};
use storage::aiida::outgoing::{Kind, Newer, Outgoing};
use storage::aiida::permission::Permission;

use super::link::Packet;

/// Why a message is not published, in words for the eligible party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    /// Its name or its bytes are nothing that homes know.
    Unknown,
    /// The household has not agreed to it.
    NotCovered,
    /// A newer one says otherwise, or was published before it.
    Superseded,
    /// The home may not be told it where the permission stands.
    Status(Status),
    /// The first day has not begun.
    NotYet(Date),
    /// The last day is over.
    Over(Date),
    /// The broker will never take it.
    Broker(String),
}

impl Reason {
    /// An earlier run may have published it and been cut off before it could say so, after the broker's retained
    /// messages of a home that is shut out were cleared. As long as the home can connect that is still to come,
    /// and an empty message would only puzzle it.
    pub(super) const fn must_leave_nothing(&self) -> bool {
        matches!(self, Self::Status(status) if !status.needs_iam())
    }

    /// For numbers by reason.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::NotCovered => "not_covered",
            Self::Superseded => "superseded",
            Self::Status(_) => "status",
            Self::NotYet(_) => "not_yet",
            Self::Over(_) => "over",
            Self::Broker(_) => "broker",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("it is no command and no data that homes know"),
            Self::NotCovered => f.write_str("the data need does not cover it"),
            Self::Superseded => f.write_str("a newer one took its place"),
            Self::Status(status) => write!(f, "the permission is {status}"),
            Self::NotYet(first) => write!(f, "the first day of the permission is {first}"),
            Self::Over(last) => write!(f, "the last day of the permission was {last}"),
            Self::Broker(words) => write!(f, "the broker does not take it: {words}"),
        }
    }
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Command(CommandKind),
    Inbound(Schema),
}

/// Checks everything that does not change any more: the message itself, against what was agreed to.
fn content(message: &Outgoing, permission: &Permission) -> Result<Content, Reason> {
    let need = &permission.data_need;
    match message.kind {
        Kind::Command => {
            let command = Command::parse(&message.payload).map_err(|_| Reason::Unknown)?;
            if command.name() != message.name {
                return Err(Reason::Unknown);
            }
            command.check(need).map_err(|_| Reason::NotCovered)?;
            Ok(Content::Command(command.kind()))
        }
        Kind::Inbound => {
            let schema = Schema::from_name(&message.name).ok_or(Reason::Unknown)?;
            let covered = need.direction == Direction::Inbound && need.schemas.contains(&schema);
            if covered {
                Ok(Content::Inbound(schema))
            } else {
                Err(Reason::NotCovered)
            }
        }
    }
}

/// Whether the home may be told this as the permission stands today (UTC). A home that is being terminated is
/// told nothing but that; one that is shut out is told nothing.
pub(super) fn standing(
    message: &Outgoing,
    permission: &Permission,
    today: Date,
) -> Result<(), Reason> {
    let status = permission.status;
    if is_end(message) {
        return if status.needs_iam() && status != Status::Accepted {
            Ok(())
        } else {
            Err(Reason::Status(status))
        };
    }
    if status != Status::Accepted {
        return Err(Reason::Status(status));
    }
    match (permission.starts_on, permission.ends_on) {
        (Some(first), _) if today < first => Err(Reason::NotYet(first)),
        (_, Some(last)) if last < today => Err(Reason::Over(last)),
        _ => Ok(()),
    }
}

fn is_end(message: &Outgoing) -> bool {
    message.kind == Kind::Command && message.name == CommandKind::Terminate.name()
}

/// Whether another message makes this one pointless. A command states how the home is to be, so only the newest
/// counts. Data is published one after the other, because each may matter to a home that is there; only what is
/// late (its transaction committed after a newer one's) would overwrite what the home has.
fn superseded(message: &Outgoing, newer: Newer) -> bool {
    newer.published || (newer.waiting && message.kind == Kind::Command)
}

/// What to publish for a message, or why nothing.
pub(super) fn packets(
    message: &Outgoing,
    newer: Newer,
    permission: &Permission,
    today: Date,
    retain_inbound: bool,
) -> Result<Vec<Packet>, Reason> {
    let content = content(message, permission)?;
    standing(message, permission, today)?;
    if superseded(message, newer) {
        return Err(Reason::Superseded);
    }
    // Commands are retained: a home's session ends with its connection.
    let retained = matches!(content, Content::Command(_)) || retain_inbound;
    let packet = |(channel, payload)| Packet {
        topic: Topics::of(message.permission).topic(channel).to_string(),
        payload,
        retained,
    };
    Ok(channels(message, content).into_iter().map(packet).collect())
}

/// Channels and bytes. The end is told in both ways: nothing says which of them a home of 2026 knows, and the
/// access rules let each home hear only what it may subscribe to.
fn channels(message: &Outgoing, content: Content) -> Vec<(Channel, Vec<u8>)> {
    let payload = message.payload.clone();
    match content {
        Content::Command(kind @ CommandKind::Terminate) => vec![
            (Channel::Command(kind), payload),
            (
                Channel::Termination,
                termination_payload(message.permission),
            ),
        ],
        Content::Command(kind) => vec![(Channel::Command(kind), payload)],
        Content::Inbound(schema) => vec![(Channel::DataInbound(schema), payload)],
    }
}

/// What makes the broker forget a message that it may have kept.
pub(super) fn forgetting(message: &Outgoing, permission: &Permission) -> Vec<Packet> {
    let Ok(content) = content(message, permission) else {
        // Never published.
        return Vec::new();
    };
    let packet = |(channel, _)| Packet {
        topic: Topics::of(message.permission).topic(channel).to_string(),
        payload: Vec::new(),
        retained: true,
    };
    channels(message, content).into_iter().map(packet).collect()
}

#[cfg(test)]
mod tests;

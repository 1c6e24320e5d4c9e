//! What may be stored: each message is held against the permission of its **topic**. A payload can name another
//! permission, connection or data need; then it is refused, because the broker has checked the topic and nobody has
//! checked the payload.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use permission::message::{MessageError, Named, Record, StatusMessage};
use permission::topic::{Channel, Topic, TopicError};
use permission::{Direction, PermissionId, Schema, Status};
use storage::aiida::stream::binding::Binding;
use storage::aiida::stream::ingest::{self, NewMessage, NewReading};
use storage::aiida::stream::refusal::{Message, Refused};
use storage::kinds::AiidaStatus;

use super::arrival::Arrival;
use super::bindings::KNOWN_FOR;
use crate::partitions::{day_of, oldest};

/// How far a home's clock may be ahead of ours.
const AHEAD: SignedDuration = SignedDuration::from_mins(10);

/// Why a message is refused, in a word for tables and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Not a topic that homes publish on.
    Topic,
    /// No such permission.
    UnknownPermission,
    /// It is not accepted, or had ended when the message was sent.
    NotLive,
    /// Before its first or after its last day.
    OutsideTimeFrame,
    /// The data need does not cover the schema of the topic.
    Schema,
    /// The home is to receive, not to send.
    Inbound,
    /// The payload names another permission.
    OtherPermission,
    /// The payload names another connection.
    OtherConnection,
    /// The payload names another data need.
    OtherDataNeed,
    /// It cannot be read.
    Malformed,
    /// More bytes than are taken.
    TooLarge,
    /// More values than are taken.
    TooManyValues,
    /// Its time is in the future.
    Future,
    /// Its time is before what is kept.
    TooOld,
    /// A status that a home does not decide.
    Status,
    /// The database takes others, but not this one.
    NotStorable,
}

impl Reason {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::UnknownPermission => "unknown-permission",
            Self::NotLive => "not-live",
            Self::OutsideTimeFrame => "outside-time-frame",
            Self::Schema => "schema",
            Self::Inbound => "inbound",
            Self::OtherPermission => "other-permission",
            Self::OtherConnection => "other-connection",
            Self::OtherDataNeed => "other-data-need",
            Self::Malformed => "malformed",
            Self::TooLarge => "too-large",
            Self::TooManyValues => "too-many-values",
            Self::Future => "future",
            Self::TooOld => "too-old",
            Self::Status => "status",
            Self::NotStorable => "not-storable",
        }
    }
}

/// What becomes of a message.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// To be stored.
    Store(Box<Admitted>),
    /// To be handed on.
    Status(AiidaStatus),
    /// To be counted, and kept to look at.
    Refuse(Refused),
    /// Known already: nothing to do.
    Known,
}

/// A message to be stored.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) message: NewMessage,
    /// It names no time of its own: it stands under that of its arrival.
    pub(crate) timeless: bool,
}

/// What is taken at all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) values: usize,
    pub(crate) retention: Duration,
}

/// The permission that a topic names, if it names one.
pub(crate) fn permission_of(topic: &Result<Topic, TopicError>) -> Option<PermissionId> {
    match topic {
        Ok(topic) => Some(topic.permission),
        Err(error) => error.permission(),
    }
}

/// Decides. `binding` is what is known of the permission of `topic`.
pub(crate) fn judge(
    arrival: &mut Arrival,
    topic: &Result<Topic, TopicError>,
    binding: Option<&Binding>,
    limits: Limits,
) -> Verdict {
    let decided = match (topic, binding) {
        _ if arrival.oversized => Err(Reason::TooLarge),
        (Err(TopicError::Schema(_)), Some(_)) => Err(Reason::Schema),
        (Err(_), _) => Err(Reason::Topic),
        (Ok(_), None) => Err(Reason::UnknownPermission),
        (Ok(topic), Some(binding)) => match topic.channel {
            Channel::DataOutbound(schema) => data(arrival, binding, schema, limits),
            Channel::Acknowledgement(schema) => acknowledgement(arrival, binding, schema, limits),
            Channel::Status => status(arrival, binding),
            Channel::DataInbound(_) | Channel::Command(_) | Channel::Termination => {
                Err(Reason::Topic)
            }
        },
    };
    // It may be a household's that was erased: then nothing is kept of it.
    let is_nobodys = binding.is_none() && permission_of(topic).is_some();
    decided.unwrap_or_else(|reason| {
        Verdict::Refuse(Refused {
            permission: binding.map(|binding| binding.permission),
            reason: reason.name(),
            received_at: arrival.received_at,
            message: (!is_nobodys).then(|| Message {
                topic: std::mem::take(&mut arrival.topic),
                payload: std::mem::take(&mut arrival.payload),
            }),
        })
    })
}

fn data(
    arrival: &mut Arrival,
    binding: &Binding,
    schema: Schema,
    limits: Limits,
) -> Result<Verdict, Reason> {
    live(binding, arrival.received_at)?;
    if binding.data_need.direction == Direction::Inbound {
        return Err(Reason::Inbound);
    }
    if !binding.data_need.schemas.contains(&schema) {
        return Err(Reason::Schema);
    }
    store(arrival, binding, ingest::Channel::Data, schema, limits)
}

/// Homes acknowledge documents only where the data need asks for it.
fn acknowledgement(
    arrival: &mut Arrival,
    binding: &Binding,
    schema: Schema,
    limits: Limits,
) -> Result<Verdict, Reason> {
    live(binding, arrival.received_at)?;
    if !binding.data_need.acknowledgement_required {
        return Err(Reason::Schema);
    }
    store(
        arrival,
        binding,
        ingest::Channel::Acknowledgement,
        schema,
        limits,
    )
}

/// Data may flow now, or could until the permission ended or its last day was over: what was sent before that may have
/// waited at the broker, which has acknowledged it to the home. [`store`] looks at its time.
fn live(binding: &Binding, now: Timestamp) -> Result<(), Reason> {
    if binding.status != Status::Accepted && binding.ended_at.is_none() {
        return Err(Reason::NotLive);
    }
    let Some(starts_on) = binding.starts_on else {
        return Err(Reason::OutsideTimeFrame);
    };
    if day_of(now) < starts_on {
        return Err(Reason::OutsideTimeFrame);
    }
    Ok(())
}

fn store(
    arrival: &mut Arrival,
    binding: &Binding,
    channel: ingest::Channel,
    schema: Schema,
    limits: Limits,
) -> Result<Verdict, Reason> {
    let record = Record::parse(schema, &arrival.payload).map_err(|error| unread(&error))?;
    agrees(&record.named, binding)?;
    if record.readings.len() > limits.values {
        return Err(Reason::TooManyValues);
    }
    let sent_at = record.sent_at.unwrap_or(arrival.received_at);
    // For as long as a permission is remembered as it was, it must make no difference when, and by which replica, a
    // message is looked at.
    let after = binding.ended_at.map(|end| sent_at.duration_since(end));
    if after.is_some_and(|after| Duration::try_from(after).is_ok_and(|after| after > KNOWN_FOR)) {
        return Err(Reason::NotLive);
    }
    in_time(sent_at, arrival.received_at, binding, limits.retention)?;
    // A document of today may hold what was measured before the household agreed.
    for reading in &record.readings {
        if reading.measured_at != sent_at {
            in_time(
                reading.measured_at,
                arrival.received_at,
                binding,
                limits.retention,
            )?;
        }
    }
    let readings = record.readings.into_iter().map(|reading| NewReading {
        measured_at: reading.measured_at,
        obis: reading.obis,
        value: reading.value.to_string(),
        unit: reading.unit,
        quality: reading.quality,
    });
    let payload = std::mem::take(&mut arrival.payload);
    Ok(Verdict::Store(Box::new(Admitted {
        timeless: record.sent_at.is_none(),
        message: NewMessage {
            permission: binding.permission,
            sent_at,
            channel,
            schema: schema.name(),
            digest: ingest::digest(channel, schema.name(), &payload),
            payload,
            readings: readings.collect(),
        },
    })))
}

const fn unread(error: &MessageError) -> Reason {
    match error {
        MessageError::Large => Reason::TooLarge,
        MessageError::Values => Reason::TooManyValues,
        _ => Reason::Malformed,
    }
}

/// What a payload names is what its topic stands for, wherever it names anything.
fn agrees(named: &Named, binding: &Binding) -> Result<(), Reason> {
    let Binding {
        permission,
        data_need,
        connection_id,
        ..
    } = binding;
    match named.contradiction(*permission, data_need.id, connection_id) {
        None => Ok(()),
        Some("permissionId") => Err(Reason::OtherPermission),
        Some("dataNeedId") => Err(Reason::OtherDataNeed),
        Some(_) => Err(Reason::OtherConnection),
    }
}

/// By the message's own time. Homes send late what they could not send, so the past is fine as long as it is kept
/// and the permission covers it.
fn in_time(
    sent_at: Timestamp,
    now: Timestamp,
    binding: &Binding,
    retention: Duration,
) -> Result<(), Reason> {
    if sent_at > now.saturating_add(AHEAD).unwrap_or(now) {
        return Err(Reason::Future);
    }
    if sent_at < oldest(now, retention) {
        return Err(Reason::TooOld);
    }
    let day = day_of(sent_at);
    let before = binding.starts_on.is_some_and(|start| day < start);
    let after = binding.ends_on.is_some_and(|end| day > end);
    if before || after {
        return Err(Reason::OutsideTimeFrame);
    }
    Ok(())
}

/// Hands on what a home alone decides. Retained messages come again with every connection: what the permission
/// already is needs no job, and an empty one only says that the retained one is gone.
fn status(arrival: &Arrival, binding: &Binding) -> Result<Verdict, Reason> {
    if arrival.payload.is_empty() {
        return Ok(Verdict::Known);
    }
    let message = StatusMessage::parse(&arrival.payload).map_err(|error| unread(&error))?;
    agrees(&message.named, binding)?;
    if message.named.permissions.is_empty() {
        return Err(Reason::Malformed);
    }
    if !message.is_acted_on() {
        return Err(Reason::Status);
    }
    if binding.status == message.status || binding.status.next().is_empty() {
        return Ok(Verdict::Known);
    }
    Ok(Verdict::Status(AiidaStatus {
        permission: binding.permission,
        status: message.status,
    }))
}

//! What a home would send at a step if it behaved.

use std::sync::PoisonError;

use jiff::Timestamp;
use serde_json::json;

use super::Step;
use crate::Schema;
use crate::meter::Reading;
use crate::record;
use crate::status::{HomeStatus, StatusMessage};
use crate::stream::Shared;

/// A message and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    /// As the step has it: the broker keeps what is told of the status.
    pub(super) retain: bool,
}

/// One message of each schema, by a clock that shows `at`.
pub(super) fn good(shared: &Shared, step: Step, at: Timestamp) -> Vec<Message> {
    match step {
        Step::Data => records(shared, at),
        Step::Acknowledgement => acknowledgement(shared, at).into_iter().collect(),
        Step::Termination => status(shared, HomeStatus::ExternallyTerminated, at)
            .into_iter()
            .collect(),
        _ => status(shared, HomeStatus::Revoked, at)
            .into_iter()
            .collect(),
    }
}

/// What tells a status.
pub(super) fn status(shared: &Shared, status: HomeStatus, at: Timestamp) -> Option<Message> {
    let message = StatusMessage {
        connection_id: &shared.origin.connection,
        data_need_id: shared.need.id,
        timestamp: at,
        status,
        permission_id: shared.permission,
        eddie_id: shared.eddie,
    };
    Some(Message {
        topic: shared.credentials.status_topic.clone(),
        payload: serde_json::to_vec(&message).ok()?,
        retain: true,
    })
}

fn records(shared: &Shared, at: Timestamp) -> Vec<Message> {
    let reading: Reading = {
        let mut meter = shared.meter.lock().unwrap_or_else(PoisonError::into_inner);
        meter.read(at)
    };
    let schemas = shared.need.schemas.iter();
    let record = |schema: &Schema| {
        let document = shared.random.uuid();
        let payload = record::write(*schema, &shared.origin, &reading, document).ok()?;
        Some(Message {
            topic: schema.topic_below(&shared.credentials.data_topic),
            payload,
            retain: false,
        })
    };
    schemas.filter_map(record).collect()
}

fn acknowledgement(shared: &Shared, at: Timestamp) -> Option<Message> {
    let base = shared.credentials.acknowledgement_topic.as_ref()?;
    let received = json!({ "MarketDocument": { "mRID": shared.random.uuid() } }).to_string();
    let payload = record::acknowledge(
        Schema::MinMaxEnvelope,
        &shared.origin,
        received.as_bytes(),
        at,
        shared.random.uuid(),
    )?;
    Some(Message {
        topic: Schema::Acknowledgement.topic_below(base),
        payload,
        retain: false,
    })
}

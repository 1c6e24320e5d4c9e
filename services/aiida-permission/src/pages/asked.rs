//! What a data need asks for, in words for a household.

use jiff::Timestamp;
use pages::Words;
use permission::data_need::{DataNeed, TimeFrame};
use permission::{CommandKind, Direction, Schema};

use super::meaning::meaning;
use super::schedule;

/// One thing that flows.
pub(super) struct Flow {
    pub(super) what: String,
    /// The code of a value, for who knows it.
    pub(super) code: Option<String>,
}

/// What flows: documents, then the values of the meter by name.
pub(super) fn what(words: &Words, need: &DataNeed) -> Vec<Flow> {
    let tags = match need.direction {
        Direction::Outbound => need.data_tags.as_slice(),
        Direction::Inbound => &[],
    };
    let mut keys: Vec<&str> = need
        .schemas
        .iter()
        .map(|schema| document(need.direction, *schema, tags.is_empty()))
        .collect();
    keys.dedup();
    let documents = keys.into_iter().map(|key| Flow {
        what: words.say(key),
        code: None,
    });
    let values = tags.iter().map(|tag| Flow {
        what: meaning(words, tag.as_str()),
        code: Some(tag.to_string()),
    });
    documents.chain(values).collect()
}

const fn document(direction: Direction, schema: Schema, is_all: bool) -> &'static str {
    match (direction, schema) {
        (
            Direction::Outbound,
            Schema::SmartMeterP1Raw | Schema::SmartMeterP1CimV104 | Schema::SmartMeterP1CimV112,
        ) => {
            if is_all {
                "what-readings-all"
            } else {
                "what-readings"
            }
        }
        (Direction::Outbound, Schema::MinMaxEnvelopeCimV112) => "what-limits-passed",
        (Direction::Outbound, _) => "what-messages-passed",
        (Direction::Inbound, Schema::MinMaxEnvelopeCimV112) => "what-limits",
        (Direction::Inbound, _) => "what-messages",
    }
}

/// How often the home sends. Nothing for a home that only receives.
pub(super) fn often(words: &Words, need: &DataNeed, now: Timestamp) -> Option<String> {
    match need.direction {
        Direction::Outbound => schedule::say(words, &need.transmission_schedule, now),
        Direction::Inbound => None,
    }
}

/// The days; `None` when they are over.
pub(super) fn when(words: &Words, frame: Option<TimeFrame>) -> String {
    match frame {
        Some(TimeFrame {
            start,
            end: Some(end),
        }) => words.say_with(
            "when-range",
            &[
                ("start", words.date(start).into()),
                ("end", words.date(end).into()),
            ],
        ),
        Some(TimeFrame { start, end: None }) => {
            words.say_with("when-open", &[("start", words.date(start).into())])
        }
        None => words.say("when-over"),
    }
}

/// What the household lets itself be told.
pub(super) fn commands(words: &Words, need: &DataNeed) -> Vec<String> {
    need.allowed_permission_commands
        .iter()
        .filter_map(|command| match command {
            CommandKind::UpdateTransmissionSchedule => Some("command-schedule"),
            CommandKind::SetTransmissionEnabled => Some("command-pause"),
            CommandKind::Terminate => None,
        })
        .map(|key| words.say(key))
        .collect()
}

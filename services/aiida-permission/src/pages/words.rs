//! What is asked and where it stands, in words for a household.

use jiff::Timestamp;
use permission::data_need::{DataNeed, TimeFrame};
use permission::{CommandKind, Direction, Schema, Status};

use super::view::Stand;

/// What flows.
pub(super) fn what(need: &DataNeed) -> Vec<String> {
    let mut lines: Vec<String> = need
        .schemas
        .iter()
        .map(|schema| document(need.direction, *schema).to_owned())
        .collect();
    lines.dedup();
    if need.direction == Direction::Outbound {
        lines.extend(need.data_tags.iter().map(|tag| {
            let tag = tag.to_string();
            match value(&tag) {
                Some(words) => format!("{words} ({tag})"),
                None => format!("the value {tag}"),
            }
        }));
    }
    lines
}

fn document(direction: Direction, schema: Schema) -> &'static str {
    match (direction, schema) {
        (Direction::Outbound, Schema::SmartMeterP1Raw) => {
            "readings of your smart meter, as it sends them"
        }
        (Direction::Outbound, Schema::SmartMeterP1CimV104 | Schema::SmartMeterP1CimV112) => {
            "readings of your smart meter, in a standard form"
        }
        (Direction::Outbound, Schema::MinMaxEnvelopeCimV112) => {
            "limits that your home has received, passed on"
        }
        (Direction::Outbound, _) => "messages of a device in your home, passed on",
        (Direction::Inbound, Schema::MinMaxEnvelopeCimV112) => {
            "limits for how much your home takes or feeds in, sent to your home"
        }
        (Direction::Inbound, _) => "messages for a device, sent to your home",
    }
}

/// The values of a meter by OBIS code, those that are asked for most.
fn value(obis: &str) -> Option<&'static str> {
    Some(match obis {
        "1-0:1.8.0" => "energy taken from the grid",
        "1-0:2.8.0" => "energy fed into the grid",
        "1-0:1.7.0" => "power taken at the moment",
        "1-0:2.7.0" => "power fed in at the moment",
        "1-0:32.7.0" | "1-0:52.7.0" | "1-0:72.7.0" => "voltage",
        "1-0:31.7.0" | "1-0:51.7.0" | "1-0:71.7.0" => "current",
        "1-0:14.7.0" => "frequency",
        "1-0:13.7.0" => "power factor",
        "0-0:96.1.0" => "number of the meter",
        _ => return None,
    })
}

/// How often the home sends; a regular schedule in words. Nothing for a home that only receives.
pub(super) fn how_often(need: &DataNeed, now: Timestamp) -> Option<String> {
    if need.direction == Direction::Inbound {
        return None;
    }
    let schedule = &need.transmission_schedule;
    let mut times = Vec::new();
    let mut at = now;
    for _ in 0..5 {
        at = schedule.next_after(at)?;
        times.push(at.as_second());
    }
    let gaps: Vec<i64> = times
        .windows(2)
        .filter_map(|pair| Some(pair.last()? - pair.first()?))
        .collect();
    let first = *gaps.first()?;
    if gaps.iter().any(|gap| *gap != first) {
        return Some(format!("at set times ({schedule})"));
    }
    let (count, unit) = match first {
        gap if gap % 86_400 == 0 => (gap / 86_400, "day"),
        gap if gap % 3_600 == 0 => (gap / 3_600, "hour"),
        gap if gap % 60 == 0 => (gap / 60, "minute"),
        gap => (gap, "second"),
    };
    Some(match count {
        1 => format!("every {unit}"),
        count => format!("every {count} {unit}s"),
    })
}

/// The days; `None` when they are over.
pub(super) fn when(frame: Option<TimeFrame>) -> String {
    match frame {
        Some(TimeFrame {
            start,
            end: Some(end),
        }) => format!("from {start} to {end}"),
        Some(TimeFrame { start, end: None }) => format!("from {start} until you withdraw it"),
        None => "the days it was meant for are over".to_owned(),
    }
}

/// What the household lets itself be told.
pub(super) fn commands(need: &DataNeed) -> Vec<&'static str> {
    need.allowed_permission_commands
        .iter()
        .filter_map(|command| match command {
            CommandKind::UpdateTransmissionSchedule => Some("change how often your home sends"),
            CommandKind::SetTransmissionEnabled => Some("pause the sending and resume it"),
            CommandKind::Terminate => None,
        })
        .collect()
}

/// A state and what it means.
pub(super) fn stand(stand: Stand, operator: &str) -> (&'static str, String) {
    match stand {
        Stand::Asked => (
            "waiting for you",
            "Scan the code with your AIIDA, look at the request there, and decide.".to_owned(),
        ),
        Stand::Expired => (
            "expired",
            "Nobody has answered in time. Nothing is shared.".to_owned(),
        ),
        Stand::Awaited => (
            "accepted",
            "Your AIIDA has accepted and is about to connect.".to_owned(),
        ),
        Stand::Silent => (
            "accepted, but not connected",
            "Your AIIDA has accepted, but nothing has arrived from it. If it does not show this request as active, \
             remove it there and ask for a new code here."
                .to_owned(),
        ),
        Stand::Unseen => (
            "accepted",
            "Your AIIDA has accepted. For this it only receives, so we cannot see from here whether it is connected. \
             If it does not show this request as active, remove it there and ask for a new code here."
                .to_owned(),
        ),
        Stand::Active => (
            "active",
            "You can withdraw it in your AIIDA at any time.".to_owned(),
        ),
        Stand::Over(status) => over(status, operator),
    }
}

fn over(status: Status, operator: &str) -> (&'static str, String) {
    let (state, explained) = match status {
        Status::Rejected => ("declined", "You have declined. Nothing is shared."),
        Status::Unfulfillable => (
            "not possible",
            "Your AIIDA cannot deliver this. Nothing is shared.",
        ),
        Status::Revoked => (
            "withdrawn",
            "You have withdrawn it in your AIIDA. Nothing more is shared.",
        ),
        Status::Fulfilled => (
            "completed",
            "The agreed time is over. Nothing more is shared.",
        ),
        Status::Terminated
        | Status::RequiresExternalTermination
        | Status::FailedToTerminate
        | Status::ExternallyTerminated => {
            return (
                "ended",
                format!("{operator} has ended it. Nothing more is shared."),
            );
        }
        _ => ("closed", "Nothing is shared."),
    };
    (state, explained.to_owned())
}

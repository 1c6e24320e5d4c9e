//! Events as the eligible party reads them (WHATWG HTML, "Server-sent events").

use std::fmt::Write as _;

use actix_web::web::Bytes;
use jiff::Timestamp;
use permission::Status;
use serde::Serialize;
use storage::aiida::live::LiveReading;

/// Milliseconds after which a reader comes back when the stream broke off.
const COME_BACK: u32 = 2000;

/// The first lines of a stream.
pub(super) fn greeting() -> Bytes {
    format!("retry: {COME_BACK}\n\n").into()
}

/// A sign of life: a comment, which readers pass over.
pub(super) const fn heartbeat() -> Bytes {
    Bytes::from_static(b": alive\n\n")
}

/// Why no more will come on this stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum End {
    /// The permission brings no more readings.
    Permission,
    /// The API key was revoked.
    Key,
    /// This process stops: the reader comes back to another.
    Restart,
}

#[derive(Serialize)]
struct EndData {
    reason: End,
}

pub(super) fn end(reason: End) -> Bytes {
    event(None, "end", &EndData { reason })
}

#[derive(Serialize)]
struct StatusData {
    status: &'static str,
}

pub(super) fn status(status: Status) -> Bytes {
    let status = status.name();
    event(None, "status", &StatusData { status })
}

#[derive(Serialize)]
struct ReadingData<'a> {
    measured_at: Timestamp,
    obis: &'a str,
    /// Text, because a JSON number loses digits in most readers.
    value: &'a str,
    unit: &'a str,
}

pub(super) fn reading(reading: &LiveReading) -> Bytes {
    let data = ReadingData {
        measured_at: reading.measured.at,
        obis: &reading.measured.obis,
        value: &reading.measured.value,
        unit: &reading.measured.unit,
    };
    event(Some(&id(reading)), "reading", &data)
}

/// The same for the same reading on every stream, so that a reader can tell what it has seen: microseconds of
/// the storing, the record, and the place in it.
fn id(reading: &LiveReading) -> String {
    let mut id = format!("{}-", reading.received_at.as_microsecond());
    for byte in reading.digest.iter().take(8) {
        // Writing to a string does not fail.
        let _: std::fmt::Result = write!(id, "{byte:02x}");
    }
    let _: std::fmt::Result = write!(id, "-{}", reading.nr);
    id
}

/// The time in an id that a reader sends back; `None` for anything that was never ours.
pub(super) fn time_of(id: &str) -> Option<Timestamp> {
    let (micros, _) = id.split_once('-')?;
    Timestamp::from_microsecond(micros.parse().ok()?).ok()
}

fn event(id: Option<&str>, name: &str, data: &impl Serialize) -> Bytes {
    // Our own structs of text and times always become JSON, in one line.
    let data = serde_json::to_string(data).unwrap_or_default();
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("{id}event: {name}\ndata: {data}\n\n").into()
}

#[cfg(test)]
mod tests {
    use storage::aiida::reading::Measured;

    use super::*;

    #[test]
    fn events_are_what_readers_of_event_streams_expect() {
        let received_at = Timestamp::from_microsecond(1_790_000_000_123_456).unwrap();
        let event = reading(&LiveReading {
            received_at,
            digest: vec![0, 1, 2, 3, 4, 5, 6, 255, 9, 9],
            nr: 2,
            measured: Measured {
                at: "2026-06-01T12:00:05.5Z".parse().unwrap(),
                obis: "1-0:1.7.0".to_owned(),
                value: "0.995".to_owned(),
                unit: "k\nW".to_owned(),
            },
        });
        assert_eq!(
            event,
            "id: 1790000000123456-00010203040506ff-2\nevent: reading\ndata: \
             {\"measured_at\":\"2026-06-01T12:00:05.5Z\",\"obis\":\"1-0:1.7.0\",\"value\":\"0.995\",\
             \"unit\":\"k\\nW\"}\n\n"
        );
        assert_eq!(
            status(Status::ExternallyTerminated),
            "event: status\ndata: {\"status\":\"EXTERNALLY_TERMINATED\"}\n\n"
        );
        assert_eq!(
            end(End::Permission),
            "event: end\ndata: {\"reason\":\"permission\"}\n\n"
        );
        assert_eq!(
            time_of("1790000000123456-00010203040506ff-2"),
            Some(received_at)
        );
    }

    #[test]
    fn ids_that_were_never_ours_mean_nothing() {
        for id in [
            "",
            "-",
            "1790000000123456",
            "x-1-2",
            "99999999999999999999-a-0",
        ] {
            assert_eq!(time_of(id), None, "{id:?}");
        }
    }
}

//! Named moments on an axis of time, round in local time.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan, Zoned};

use crate::frame::XTick;

/// No more named moments than fit beside each other.
const MOST: i64 = 9;

/// How far apart moments are, and how they are written.
struct Step {
    span: Span,
    seconds: i64,
    format: &'static str,
}

/// About 2 to 9 moments from `from` to `until`.
pub(crate) fn between(from: Timestamp, until: Timestamp, zone: &TimeZone) -> Vec<XTick> {
    let length = until.duration_since(from).as_secs();
    let Some(step) = steps()
        .into_iter()
        .find(|step| length / step.seconds < MOST)
    else {
        return Vec::new();
    };
    let mut at = start(&from.to_zoned(zone.clone()), step.seconds);
    let mut ticks = Vec::new();
    // Bounded: a zone whose clocks jump cannot keep this going.
    for _ in 0..(4 * MOST) {
        let Ok(moment) = at.to_zoned(zone.clone()) else {
            break;
        };
        let stamp = moment.timestamp();
        if stamp > until {
            break;
        }
        if stamp >= from {
            ticks.push(XTick {
                at: stamp.duration_since(from).as_secs_f64(),
                label: moment.strftime(step.format).to_string(),
                minor: ticks.len() % 2 == 1 && length / step.seconds > 4,
                line: true,
            });
        }
        let Ok(next) = at.checked_add(step.span) else {
            break;
        };
        at = next;
    }
    ticks
}

fn steps() -> Vec<Step> {
    let step = |span: Span, seconds, format| Step {
        span,
        seconds,
        format,
    };
    let mut steps = Vec::new();
    for seconds in [1, 5, 10, 30] {
        steps.push(step(seconds.seconds(), seconds, "%H:%M:%S"));
    }
    for minutes in [1, 2, 5, 10, 15, 30] {
        steps.push(step(minutes.minutes(), minutes * 60, "%H:%M"));
    }
    for hours in [1, 2, 3, 6, 12] {
        steps.push(step(hours.hours(), hours * 3600, "%H:%M"));
    }
    for days in [1, 2, 7] {
        steps.push(step(days.days(), days * 86_400, "%-d %b"));
    }
    for months in [1, 2, 3, 6, 12, 24, 60, 120, 240, 600] {
        steps.push(step(months.months(), months * 2_629_800, "%b %Y"));
    }
    steps
}

/// The round local time at or before a moment: a day's begin for parts of days, a month's for months.
fn start(from: &Zoned, seconds: i64) -> DateTime {
    let day = from.date();
    match seconds {
        ..3_600 => DateTime::from_parts(day, jiff::civil::time(from.hour(), 0, 0, 0)),
        3_600..=604_800 => day.to_datetime(jiff::civil::Time::midnight()),
        _ => day
            .first_of_month()
            .to_datetime(jiff::civil::Time::midnight()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(from: &str, until: &str) -> Vec<String> {
        let zone = TimeZone::get("America/Los_Angeles").unwrap();
        let ticks = between(from.parse().unwrap(), until.parse().unwrap(), &zone);
        ticks.into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn moments_are_round_in_local_time() {
        assert_eq!(
            labels("2026-03-02T08:00:00Z", "2026-03-03T08:00:00Z"),
            [
                "00:00", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "00:00"
            ]
        );
        assert_eq!(
            labels("2026-03-02T08:03:20Z", "2026-03-02T08:13:20Z"),
            ["00:04", "00:06", "00:08", "00:10", "00:12"]
        );
        assert_eq!(
            labels("2026-01-15T08:00:00Z", "2026-07-15T08:00:00Z")
                .first()
                .unwrap(),
            "Feb 2026"
        );
    }

    #[test]
    fn a_day_of_25_hours_has_round_hours() {
        let names = labels("2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z");
        assert_eq!(
            names,
            [
                "00:00", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "00:00"
            ]
        );
    }

    #[test]
    fn a_century_and_a_second_have_some() {
        assert!(labels("1970-01-01T00:00:00Z", "2069-01-01T00:00:00Z").len() >= 2);
        assert!(labels("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z").len() >= 2);
    }
}

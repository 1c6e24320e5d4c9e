//! When data may flow, and when a home sends.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::unnecessary_wraps,
    reason = "tests fail loudly"
)]

mod support;

use jiff::civil::{Date, date};
use permission::data_need::{Duration, TimeFrame, TimeFrameError};
use permission::{DataNeed, Schedule, ScheduleError};
use proptest::prelude::*;
use serde_json::json;
use support::{need, with};

fn duration(kind: &str, start: Option<&str>, end: Option<&str>) -> DataNeed {
    need(json!({"duration": {"type": kind, "start": start, "end": end}}))
}

fn frame(start: Date, end: Option<Date>) -> Result<TimeFrame, TimeFrameError> {
    Ok(TimeFrame { start, end })
}

#[test]
fn relative_durations_count_from_the_day_of_asking() {
    let relative = |start, end| duration("relativeDuration", start, end);
    let today = date(2028, 1, 31);
    let cases = [
        (Some("P0D"), Some("P10D"), today, Some(date(2028, 2, 10))),
        (
            Some("P1M"),
            Some("P1Y"),
            date(2028, 2, 29),
            Some(date(2029, 1, 31)),
        ),
        (None, Some("P1Y2M3W4D"), today, Some(date(2029, 4, 25))),
        (Some("P2D"), None, date(2028, 2, 2), None),
        (None, None, today, None),
        (Some("P0D"), Some("P0D"), today, Some(today)),
    ];
    for (start, end, first, last) in cases {
        assert_eq!(
            relative(start, end).resolve(today),
            frame(first, last),
            "{start:?} {end:?}"
        );
    }
    let far = relative(None, Some("P7000Y"));
    assert_eq!(
        far.resolve(date(3000, 1, 1)),
        Err(TimeFrameError::Far("P7000Y".into()))
    );
}

#[test]
fn absolute_durations_begin_today_at_the_earliest_and_must_not_be_over() {
    let need = duration("absoluteDuration", Some("2026-03-01"), Some("2026-03-31"));
    let end = date(2026, 3, 31);
    assert_eq!(
        need.resolve(date(2026, 2, 1)),
        frame(date(2026, 3, 1), Some(end))
    );
    assert_eq!(
        need.resolve(date(2026, 3, 9)),
        frame(date(2026, 3, 9), Some(end))
    );
    assert_eq!(need.resolve(end), frame(end, Some(end)));
    assert_eq!(
        need.resolve(date(2026, 4, 1)),
        Err(TimeFrameError::Over(end))
    );
    let open = duration("absoluteDuration", None, None);
    assert_eq!(open.resolve(end), frame(end, None));
}

#[test]
fn a_time_frame_includes_its_last_day() {
    let frame = TimeFrame {
        start: date(2026, 3, 1),
        end: Some(date(2026, 3, 2)),
    };
    let days = [
        date(2026, 2, 28),
        date(2026, 3, 1),
        date(2026, 3, 2),
        date(2026, 3, 3),
    ];
    assert_eq!(
        days.map(|day| frame.contains(day)),
        [false, true, true, false]
    );
    assert_eq!(
        days.map(|day| frame.is_over(day)),
        [false, false, false, true]
    );
    let open = TimeFrame { end: None, ..frame };
    assert!(open.contains(date(9999, 1, 1)) && !open.is_over(date(9999, 1, 1)));
}

#[test]
fn periods_are_whole_days_to_come() {
    for text in ["P0D", "P10D", "P1M", "P1Y", "P2W", "P1Y2M3D"] {
        let need = duration("relativeDuration", None, Some(text));
        match need.duration {
            Duration::Relative { end, .. } => assert_eq!(end.unwrap().as_str(), text),
            Duration::Absolute { .. } => panic!("{text}"),
        }
    }
    for text in [
        "", "P", "1D", "P1", "PD", "P-1D", "-P1D", "P1D1M", "PT1H", "P1DT1H", "P99999D", "p1d",
        "P1D ", "P1.5D",
    ] {
        let document = with(json!({"duration": {"type": "relativeDuration", "end": text}}));
        assert!(DataNeed::from_value(document).is_err(), "{text:?}");
    }
}

#[test]
fn schedules_have_seconds_and_nothing_that_homes_do_not_know() {
    for text in [
        "*/5 * * * * *",
        "0 0 12 * * MON-FRI",
        "0,30 1-5 * * JAN,FEB ?",
        "0 0 0 L * *",
    ] {
        assert_eq!(text.parse::<Schedule>().unwrap().as_str(), text);
    }
    let error = |text: &str| text.parse::<Schedule>().expect_err(text);
    assert_eq!(error("* * * * *"), ScheduleError::Fields);
    assert_eq!(error("* * * * * * *"), ScheduleError::Fields);
    assert_eq!(error("@daily"), ScheduleError::Form);
    assert_eq!(error("* * * * * +MON"), ScheduleError::Form);
    assert_eq!(error("*  * * * * *"), ScheduleError::Form);
    assert_eq!(error(""), ScheduleError::Form);
    assert_eq!(error(&"1,".repeat(100)), ScheduleError::Long);
    // Found by fuzzing: the first two were looked for through three thousand years.
    for text in [
        ", * * * * *",
        "* , * * * *",
        "5,,6 * * * * *",
        "0 0 0 1, * *",
    ] {
        assert_eq!(error(text), ScheduleError::Form, "{text}");
    }
    assert!(matches!(error("61 * * * * *"), ScheduleError::Cron(_)));
    assert_eq!(error("0 0 0 30 2 *"), ScheduleError::Never);
}

#[test]
fn the_next_time_of_a_schedule() {
    let schedule: Schedule = "*/5 * * * * *".parse().unwrap();
    let next = schedule.next_after("2026-11-21T23:59:57.5Z".parse().unwrap());
    assert_eq!(next.unwrap().to_string(), "2026-11-22T00:00:00Z");
    let next = schedule.next_after("2026-11-22T00:00:00Z".parse().unwrap());
    assert_eq!(next.unwrap().to_string(), "2026-11-22T00:00:05Z");
}

#[test]
fn the_last_time_of_a_schedule() {
    for (schedule, before, last) in [
        (
            "*/5 * * * * *",
            "2026-11-22T00:00:02.5Z",
            "2026-11-22T00:00:00Z",
        ),
        (
            "*/5 * * * * *",
            "2026-11-22T00:00:00Z",
            "2026-11-21T23:59:55Z",
        ),
        (
            "0 0 6 1 * *",
            "2026-11-22T00:00:00Z",
            "2026-11-01T06:00:00Z",
        ),
        (
            "0 0 0 29 2 *",
            "2026-11-22T00:00:00Z",
            "2024-02-29T00:00:00Z",
        ),
    ] {
        let schedule: Schedule = schedule.parse().unwrap();
        let found = schedule.last_before(before.parse().unwrap());
        assert_eq!(found.unwrap().to_string(), last, "{schedule}");
    }
}

proptest! {
    #[test]
    fn junk_in_a_schedule_does_not_panic(
        text in "[0-9*/,?#LWa-zA-Z@+ -]{0,30}|(([0-9*/,?#LW-]|MON|JAN){1,4} ){5}([0-9*/,?#LW-]|SUN){1,4}",
    ) {
        if let Ok(schedule) = text.parse::<Schedule>() {
            let after = "2026-11-21T00:00:00Z".parse().unwrap();
            let next = schedule.next_after(after);
            prop_assert!(next.is_some(), "{}", text);
            // What comes round comes round again within 40 years, whatever the calendar skips.
            let later = "2066-11-21T00:00:00Z".parse().unwrap();
            prop_assert!(schedule.last_before(later) >= next, "{}", text);
        }
    }
}

//! When a home sends: a cron expression, against a matcher that knows only lists, ranges and steps.
#![no_main]

use std::collections::BTreeSet;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use permission::Schedule;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Unstructured::new(bytes);
    let second = bytes
        .int_in_range(1_700_000_000_i64..=2_000_000_000)
        .unwrap_or(1_700_000_000);
    let Ok(text) = std::str::from_utf8(bytes.take_rest()) else {
        return;
    };
    let Ok(schedule) = text.parse::<Schedule>() else {
        return;
    };
    assert_eq!(schedule.as_str(), text);
    let after = Timestamp::from_second(second).unwrap();
    let next = schedule.next_after(after).expect("a schedule comes round");
    assert!(next > after && next.subsec_nanosecond() == 0);
    // From just before it, it is the next again.
    let before = next.checked_sub(SignedDuration::from_secs(1)).unwrap();
    assert_eq!(schedule.next_after(before), Some(next));
    if let Some(fields) = Fields::read(text) {
        assert!(fields.match_at(next), "{text} at {next}");
        for nr in 1..400 {
            let between = after.checked_add(SignedDuration::from_secs(nr)).unwrap();
            assert!(
                between >= next || !fields.match_at(between),
                "{text}: {between} was left out"
            );
        }
    }
});

/// The six fields as the numbers that they let through.
struct Fields([BTreeSet<i8>; 6]);

impl Fields {
    /// None where the expression has more than lists, ranges and steps of numbers, or restricts both kinds of days.
    fn read(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split(' ').collect();
        let [second, minute, hour, day, month, weekday] = fields[..] else {
            return None;
        };
        if !matches!(day, "*" | "?") && !matches!(weekday, "*" | "?") {
            return None;
        }
        let mut weekday = numbers(weekday, 0, 7)?;
        if weekday.remove(&7) {
            weekday.insert(0);
        }
        Some(Self([
            numbers(second, 0, 59)?,
            numbers(minute, 0, 59)?,
            numbers(hour, 0, 23)?,
            numbers(day, 1, 31)?,
            numbers(month, 1, 12)?,
            weekday,
        ]))
    }

    fn match_at(&self, time: Timestamp) -> bool {
        let time: DateTime = TimeZone::UTC.to_datetime(time);
        let found = [
            time.second(),
            time.minute(),
            time.hour(),
            time.day(),
            time.month(),
            time.weekday().to_sunday_zero_offset(),
        ];
        self.0
            .iter()
            .zip(found)
            .all(|(allowed, found)| allowed.contains(&found))
    }
}

/// `*`, `?`, `a`, `a-b`, each but the last but one with `/step`, separated by commas.
fn numbers(field: &str, least: i8, most: i8) -> Option<BTreeSet<i8>> {
    let mut numbers = BTreeSet::new();
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            None => (part, 1),
            Some((range, step)) => (range, step.parse::<u8>().ok()?),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (first.parse().ok()?, last.parse().ok()?),
            None if matches!(range, "*" | "?") => (least, most),
            None if part.contains('/') => return None,
            None => (range.parse().ok()?, range.parse().ok()?),
        };
        if first > last || first < least || last > most || step == 0 {
            return None;
        }
        numbers.extend((first..=last).step_by(usize::from(step)));
    }
    Some(numbers)
}

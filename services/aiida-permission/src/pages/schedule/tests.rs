use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use permission::Schedule;
use proptest::prelude::*;

use super::*;
use crate::pages::texts;

fn now() -> Timestamp {
    "2026-03-02T10:20:30Z".parse().unwrap()
}

#[test]
fn schedules_are_sentences_in_both_languages() {
    let texts = texts().unwrap();
    for (schedule, en, de) in [
        ("* * * * * *", "every second", "jede Sekunde"),
        ("*/1 * * * * *", "every second", "jede Sekunde"),
        ("*/5 * * * * *", "every 5 seconds", "alle 5 Sekunden"),
        ("3-59/10 * * * * ?", "every 10 seconds", "alle 10 Sekunden"),
        (
            "*/7 * * * * *",
            "about every 7 seconds",
            "etwa alle 7 Sekunden",
        ),
        (
            "0,1,30 * * * * *",
            "3 times a minute",
            "3-mal in der Minute",
        ),
        ("0 * * * * *", "every minute", "jede Minute"),
        ("30 */15 * * * *", "every 15 minutes", "alle 15 Minuten"),
        ("0 0,30 * * * *", "every 30 minutes", "alle 30 Minuten"),
        ("0 0,10 * * * *", "2 times an hour", "2-mal in der Stunde"),
        ("*/20 0 * * * *", "3 times an hour", "3-mal in der Stunde"),
        ("0 7 * * * *", "every hour", "jede Stunde"),
        ("0 0 */2 * * *", "every 2 hours", "alle 2 Stunden"),
        (
            "0 0 8,20 * * *",
            "at 08:00 and 20:00 (UTC), every day",
            "um 08:00 und 20:00 Uhr (UTC), täglich",
        ),
        (
            "0 30 6 * * MON-FRI",
            "at 06:30 (UTC), Monday to Friday",
            "um 06:30 Uhr (UTC), Montag bis Freitag",
        ),
        (
            "0 */5 6-21 * * *",
            "every 5 minutes, between 06:00 and 22:00 (UTC)",
            "alle 5 Minuten, zwischen 06:00 und 22:00 Uhr (UTC)",
        ),
        (
            "0 0 0 1,15 * *",
            "at 00:00 (UTC), on day 1 and 15 of each month",
            "um 00:00 Uhr (UTC), am 1. und 15. jedes Monats",
        ),
        (
            "*/10 * * * * 0,6",
            "every 10 seconds, Saturday and Sunday",
            "alle 10 Sekunden, Samstag und Sonntag",
        ),
        (
            "0 */10 1,2,20 * * mon,wed,sat",
            "18 times a day, Monday, Wednesday and Saturday",
            "18-mal am Tag, Montag, Mittwoch und Samstag",
        ),
        (
            "0 0 12 1-20 * *",
            "at 12:00 (UTC), on 20 days of each month",
            "um 12:00 Uhr (UTC), an 20 Tagen jedes Monats",
        ),
        (
            "0 0 0 1 1 *",
            "at set times, next on January 1, 2027, 12:00 AM UTC",
            "zu bestimmten Zeiten, das nächste Mal am 1. Januar 2027, 00:00 UTC",
        ),
        (
            "0 0 9 * * MON#2",
            "at set times, next on March 9, 2026, 9:00 AM UTC",
            "zu bestimmten Zeiten, das nächste Mal am 9. März 2026, 09:00 UTC",
        ),
    ] {
        let schedule: Schedule = schedule.parse().unwrap();
        for (language, wanted) in [("en", en), ("de", de)] {
            let words = texts.in_language(language).unwrap();
            let said = say(&words, &schedule, now());
            assert_eq!(said.as_deref(), Some(wanted), "{schedule} in {language}");
        }
    }
}

/// Whether the home sends at this second, by what we have read.
fn sends(fields: &Fields, at: DateTime) -> bool {
    let number = |it: i8| u8::try_from(it).unwrap();
    fields.seconds.contains(&number(at.second()))
        && fields.minutes.contains(&number(at.minute()))
        && fields.hours.contains(&number(at.hour()))
        && match &fields.days {
            Days::Every => true,
            Days::OfWeek(days) => days.contains(&number(at.weekday().to_monday_one_offset())),
            Days::OfMonth(days) => days.contains(&number(at.day())),
        }
}

fn field(most: u8) -> impl Strategy<Value = String> {
    prop_oneof![
        Just("*".to_owned()),
        (1..=30_u8).prop_map(|step| format!("*/{step}")),
        (0..=most).prop_map(|one| one.to_string()),
        (0..=most, 0..=most).prop_map(|(a, b)| format!("{},{}", a.min(b), a.max(b))),
        (0..=most, 0..=most, 1..=9_u8).prop_map(|(a, b, step)| format!(
            "{}-{}/{step}",
            a.min(b),
            a.max(b)
        )),
    ]
}

fn days() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("* * *"),
        Just("? * MON-FRI"),
        Just("* * 0,6"),
        Just("* 1-12 sat"),
        Just("* * 5-7"),
        Just("1,15 * ?"),
        Just("*/2 * *"),
        Just("31 * *"),
        Just("1 * MON"),
        Just("* 6-8 *"),
    ]
}

proptest! {
    /// What is told is what the home does: the times of a schedule and those of its sentence are the same.
    #[test]
    fn a_sentence_is_about_the_times_at_which_the_home_sends(
        seconds in field(59), minutes in field(59), hours in field(23), days in days(),
    ) {
        let Ok(schedule) = format!("{seconds} {minutes} {hours} {days}").parse::<Schedule>() else {
            return Ok(());
        };
        let texts = texts().unwrap();
        for words in texts.languages() {
            let said = say(words, &schedule, now()).unwrap();
            prop_assert!(!said.is_empty() && !said.contains('*'), "{}", said);
        }
        let Some(fields) = Fields::read(schedule.as_str()) else {
            return Ok(());
        };
        let mut at = now();
        for _ in 0..30 {
            let next = schedule.next_after(at).unwrap();
            let civil = |at: Timestamp| at.to_zoned(TimeZone::UTC).datetime();
            prop_assert!(sends(&fields, civil(next)), "{} at {}", schedule, next);
            // Nothing of ours in between that the home does not know.
            let gap = next.as_second() - at.as_second();
            for second in 1..gap.min(4000) {
                let between = Timestamp::from_second(at.as_second() + second).unwrap();
                prop_assert!(!sends(&fields, civil(between)), "{} not at {}", schedule, between);
            }
            at = next;
        }
    }
}

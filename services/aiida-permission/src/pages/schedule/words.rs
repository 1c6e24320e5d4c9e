//! The sentence, in the language of the page.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pages::Words;
use permission::Schedule;

use super::{Days, Fields, Rhythm, Set, Step, Told, Unit};

/// Days of a month that a sentence can name.
const MOST_DAYS: usize = 5;

/// How often a home sends. Nothing where the schedule never comes round.
pub(in crate::pages) fn say(words: &Words, schedule: &Schedule, now: Timestamp) -> Option<String> {
    if let Some(fields) = Fields::read(schedule.as_str()) {
        return Some(sentence(words, &fields.told()));
    }
    let next = schedule.next_after(now)?.to_zoned(TimeZone::UTC);
    Some(words.say_with("often-set", &[("time", words.time(&next).into())]))
}

fn sentence(words: &Words, told: &Told) -> String {
    let mut text = rhythm(words, &told.rhythm);
    if let Some((from, until)) = told.between {
        let variables = [
            ("rhythm", text.into()),
            ("from", clock(from, 0).into()),
            ("until", clock(until, 0).into()),
        ];
        text = words.say_with("often-between", &variables);
    }
    let days = match &told.days {
        // What comes round within the day does so on every day.
        Days::Every if !matches!(told.rhythm, Rhythm::At(_)) => return text,
        Days::Every => words.say("days-every"),
        Days::OfWeek(days) => week(words, days),
        Days::OfMonth(days) => month(words, days),
    };
    words.say_with(
        "often-on",
        &[("rhythm", text.into()), ("days", days.into())],
    )
}

fn rhythm(words: &Words, rhythm: &Rhythm) -> String {
    match rhythm {
        Rhythm::Every(Step { count, is_about }, unit) => {
            let key = match unit {
                Unit::Second => "often-seconds",
                Unit::Minute => "often-minutes",
                Unit::Hour | Unit::Day => "often-hours",
            };
            let text = words.say_with(key, &[("count", (*count).into())]);
            if *is_about {
                words.say_with("often-about", &[("rhythm", text.into())])
            } else {
                text
            }
        }
        Rhythm::Times(times, unit) => {
            let key = match unit {
                Unit::Second | Unit::Minute => "often-a-minute",
                Unit::Hour => "often-an-hour",
                Unit::Day => "often-a-day",
            };
            let times = words.number(i64::try_from(*times).unwrap_or(i64::MAX));
            words.say_with(key, &[("count", times.into())])
        }
        Rhythm::At(times) => {
            let times: Vec<String> = times
                .iter()
                .map(|(hour, minute)| clock(*hour, *minute))
                .collect();
            words.say_with("often-at", &[("times", list(words, &times).into())])
        }
    }
}

fn clock(hour: u8, minute: u8) -> String {
    format!("{hour:02}:{minute:02}")
}

fn week(words: &Words, days: &Set) -> String {
    let name = |day: u8| words.say(&format!("weekday-{day}"));
    match (days.first(), days.last()) {
        (Some(&first), Some(&last))
            if days.len() > 2 && days.len() == usize::from(last - first) + 1 =>
        {
            let variables = [("first", name(first).into()), ("last", name(last).into())];
            words.say_with("days-range", &variables)
        }
        _ => {
            let names: Vec<String> = days.iter().map(|day| name(*day)).collect();
            list(words, &names)
        }
    }
}

fn month(words: &Words, days: &Set) -> String {
    if days.len() > MOST_DAYS {
        return words.say_with("days-count", &[("count", days.len().into())]);
    }
    let days: Vec<String> = days
        .iter()
        .map(|day| words.say_with("days-day", &[("day", day.to_string().into())]))
        .collect();
    words.say_with("days-month", &[("days", list(words, &days).into())])
}

/// `a, b and c`.
fn list(words: &Words, items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => words.say_with(
            "list-and",
            &[
                ("first", first.join(", ").into()),
                ("last", last.as_str().into()),
            ],
        ),
    }
}

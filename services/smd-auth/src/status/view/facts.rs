//! What a customer may want to know at the end: what was delivered, that access is closed, the receipt number, and how
//! to have it erased.

use jiff::tz::TimeZone;
use pages::Words;
use storage::smd::authorization::Stage;
use storage::smd::progress::Progress;
use storage::smd::receipt::Receipt;

use super::Fact;
use crate::Service;

pub(super) fn of<'a>(service: &'a Service, words: &Words, progress: &Progress) -> Vec<Fact<'a>> {
    let operator = service.operator.name.as_str();
    let receipt = Fact {
        name: words.say("receipt"),
        text: words.say_with("receipt-text", &[("operator", operator.into())]),
        number: Some(Receipt::of(progress.id).to_string()),
        contact: None,
    };
    if !progress.is_delivered() {
        // Whoever asks what went wrong is found by it.
        return if progress.is_final() && progress.stage != Stage::Superseded {
            vec![receipt]
        } else {
            Vec::new()
        };
    }
    let fact = |name: &str, text| Fact {
        name: words.say(name),
        text,
        number: None,
        contact: None,
    };
    let retention = &service.config.gateway.retention;
    vec![
        fact("done-what", delivered(service, words, progress)),
        fact("done-authorization", words.say("done-authorization-text")),
        receipt,
        fact(
            "done-kept",
            words.say_with(
                "done-kept-text",
                &[
                    ("files", retention.retention_files_days.into()),
                    ("days", retention.retention_readings_days.into()),
                ],
            ),
        ),
        Fact {
            contact: service.operator.contact.as_ref(),
            ..fact(
                "done-erasure",
                words.say_with("done-erasure-text", &[("operator", operator.into())]),
            )
        },
    ]
}

fn delivered(service: &Service, words: &Words, progress: &Progress) -> String {
    let operator = service.operator.name.as_str();
    match progress.history {
        Some((from, until)) => {
            let (from, until) = (day(&service.zone, from), last_day(&service.zone, until));
            words.say_with(
                "done-what-text",
                &[
                    ("meters", progress.usage_points.into()),
                    ("from", words.date(from).into()),
                    ("until", words.date(until).into()),
                ],
            )
        }
        None => words.say_with("done-what-erased", &[("operator", operator.into())]),
    }
}

fn day(zone: &TimeZone, at: jiff::Timestamp) -> jiff::civil::Date {
    at.to_zoned(zone.clone()).date()
}

/// The end of the history is the first instant after it.
fn last_day(zone: &TimeZone, until: jiff::Timestamp) -> jiff::civil::Date {
    let before = until
        .checked_sub(jiff::SignedDuration::from_secs(1))
        .unwrap_or(until);
    day(zone, before)
}

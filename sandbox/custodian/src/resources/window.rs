//! What a query asks for: a range of interval times, or a result that was announced.

use jiff::Timestamp;
use jiff::civil::Date;
use url::form_urlencoded;
use uuid::Uuid;

use super::Refusal;
use crate::model::{Calendar, DayRange};

/// The parameters that resources understand; others are passed over, as PG&E does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Window {
    min: Option<Timestamp>,
    max: Option<Timestamp>,
    pub(super) correlation: Option<Uuid>,
}

impl Window {
    pub(super) fn parse(query: &str) -> Result<Self, Refusal> {
        let mut window = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "published-min" => window.min = Some(instant(&value)?),
                "published-max" => window.max = Some(instant(&value)?),
                "correlationID" => {
                    let id = value
                        .parse()
                        .map_err(|_| Refusal::BadRequest("correlationID is no UUID"))?;
                    window.correlation = Some(id);
                }
                _ => {}
            }
        }
        match (window.min, window.max) {
            (Some(min), Some(max)) if min > max => Err(Refusal::BadRequest(
                "published-min lies after published-max",
            )),
            _ => Ok(window),
        }
    }

    /// Whole local days, both ends included: a max on the first second of a day asks for that day.
    pub(super) fn days(&self, calendar: &Calendar) -> DayRange {
        DayRange::new(
            self.min.map_or(Date::MIN, |min| calendar.day_of(min)),
            self.max.map_or(Date::MAX, |max| calendar.day_of(max)),
        )
    }
}

/// Epoch seconds or ISO 8601 with an offset.
fn instant(text: &str) -> Result<Timestamp, Refusal> {
    let seconds = text
        .parse::<i64>()
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    seconds
        .or_else(|| text.parse().ok())
        .ok_or(Refusal::BadRequest(
            "a time is neither epoch seconds nor ISO 8601",
        ))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn both_forms_name_whole_local_days() {
        let calendar = Calendar::pacific().unwrap();
        // Midnight Pacific of 2026-03-08 (the day the clocks go forward) and of 2026-03-10.
        let expected = DayRange::new(date(2026, 3, 8), date(2026, 3, 10));
        for query in [
            "published-min=1772956800&published-max=1773126000",
            "published-min=2026-03-08T08:00:00Z&published-max=2026-03-10T07:00:00Z",
            "published-min=2026-03-09T06:59:59Z&published-max=2026-03-11T06:59:59Z&other=1",
        ] {
            assert_eq!(
                Window::parse(query).unwrap().days(&calendar),
                expected,
                "{query}"
            );
        }
        let day_before = Window::parse("published-max=2026-03-10T06:59:59Z").unwrap();
        assert_eq!(day_before.days(&calendar).last, date(2026, 3, 9));
    }

    #[test]
    fn nonsense_is_refused() {
        for query in [
            "published-min=yesterday",
            "published-min=2&published-max=1",
            "correlationID=7",
        ] {
            assert!(
                matches!(Window::parse(query), Err(Refusal::BadRequest(_))),
                "{query}"
            );
        }
    }
}

//! Times, lengths and amounts as people read them.

use charts::rounded;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

/// `Sun 8 Mar 2026, 01:00 -08:00`: local time with the offset it has at that moment.
#[must_use]
pub fn moment(at: Timestamp, zone: &TimeZone) -> String {
    let local = at.to_zoned(zone.clone());
    local.strftime("%a %-d %b %Y, %H:%M %:z").to_string()
}

/// `8 Mar 2026`.
pub(crate) fn day(day: Date) -> String {
    day.strftime("%-d %b %Y").to_string()
}

/// `8 Mar 2026 to 7 Mar 2027`, or the one where both are the same.
pub(crate) fn range(first: &str, last: &str) -> String {
    if first == last {
        first.to_owned()
    } else {
        format!("{first} to {last}")
    }
}

/// The local day of a moment.
pub(crate) fn day_of(at: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(at).date()
}

/// The local day that ends at or holds the last moment before an end.
pub(crate) fn last_day(until: Timestamp, zone: &TimeZone) -> Date {
    // Daily gas intervals start a second after midnight: their end belongs to the day before.
    let inside = until.checked_sub(jiff::SignedDuration::from_secs(2));
    day_of(inside.unwrap_or(until), zone)
}

/// `15 minutes`, `1 hour`, `3 days`, `2 h 15 min`.
pub(crate) fn length(seconds: i64) -> String {
    let many = |count: i64, unit: &str| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {unit}{plural}")
    };
    match seconds {
        ..60 => many(seconds, "second"),
        _ if seconds % 86_400 == 0 => many(seconds / 86_400, "day"),
        60..3_600 if seconds % 60 == 0 => many(seconds / 60, "minute"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..172_800 if seconds % 3_600 == 0 => many(seconds / 3_600, "hour"),
        3_600..172_800 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// `1,234 intervals`.
pub(crate) fn count(number: u64, unit: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {unit}{plural}", rounded(number.into(), 0))
}

/// A part of a whole: `0 %`, `< 0.1 %`, `12.3 %`. What is not all never reads as 100 %.
pub(crate) fn percent(part: i64, whole: i64) -> String {
    if part <= 0 || whole <= 0 {
        return "0 %".to_owned();
    }
    let tenths = part.saturating_mul(1_000) / whole;
    match tenths {
        0 => "< 0.1 %".to_owned(),
        1_000.. => "100 %".to_owned(),
        _ => format!("{} %", rounded(Decimal::new(tenths, 1), 1)),
    }
}

/// Wh as kWh, W as kW.
pub(crate) fn kilo(value: Decimal) -> Decimal {
    value.checked_div(Decimal::ONE_THOUSAND).unwrap_or(value)
}

/// The letters of a currency by ISO 4217 number, where they are known here.
pub(crate) fn currency(number: u16) -> Option<&'static str> {
    Some(match number {
        36 => "AUD",
        124 => "CAD",
        756 => "CHF",
        826 => "GBP",
        840 => "USD",
        978 => "EUR",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_well() {
        for (seconds, text) in [
            (1, "1 second"),
            (899, "14 min 59 s"),
            (900, "15 minutes"),
            (3_600, "1 hour"),
            (90_000, "25 hours"),
            (8_100, "2 h 15 min"),
            (86_400, "1 day"),
            (264_600, "3 d 1 h"),
        ] {
            assert_eq!(length(seconds), text);
        }
    }

    #[test]
    fn shares_do_not_flatter() {
        assert_eq!(percent(0, 10), "0 %");
        assert_eq!(percent(1, 100_000), "< 0.1 %");
        assert_eq!(percent(99_999, 100_000), "99.9 %");
        assert_eq!(percent(7, 7), "100 %");
        assert_eq!(percent(1, 0), "0 %");
        assert_eq!(percent(1, 8), "12.5 %");
    }

    #[test]
    fn moments_tell_the_repeated_hour_apart() {
        let zone = TimeZone::get("America/Los_Angeles").unwrap();
        let at = |text: &str| moment(text.parse().unwrap(), &zone);
        assert_eq!(at("2026-11-01T08:30:00Z"), "Sun 1 Nov 2026, 01:30 -07:00");
        assert_eq!(at("2026-11-01T09:30:00Z"), "Sun 1 Nov 2026, 01:30 -08:00");
    }
}

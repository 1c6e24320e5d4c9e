//! How single values are spelled in a cell.

use std::borrow::Cow;

use espi::{ReadingQuality, UnitOfMeasure};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A text cell that no spreadsheet takes for a formula, also if it trims the
/// cell first. For text only: a number may start with a minus.
#[must_use]
pub fn text(cell: &str) -> Cow<'_, str> {
    let formula = cell.trim_start().starts_with(['=', '+', '-', '@']);
    if formula || cell.starts_with(['\t', '\r', '\n']) {
        format!("'{cell}").into()
    } else {
        cell.into()
    }
}

/// RFC 3339 with the offset that the zone has at that moment.
pub(super) fn local_time(start: Timestamp, zone: &TimeZone) -> String {
    start.display_with_offset(zone.to_offset(start)).to_string()
}

/// The name of a unit as the table writes it: `Wh`, `therm`, `m3 compensated`, `uom-<code>` for
/// codes without a name (ESPI `UnitSymbolKind`).
#[must_use]
pub fn unit(unit: UnitOfMeasure) -> Cow<'static, str> {
    match unit.code() {
        31 => "J".into(),
        120 => "ft3 compensated".into(),
        121 => "ft3 uncompensated".into(),
        166 => "m3 uncompensated".into(),
        167 => "m3 compensated".into(),
        _ => unit.symbol(),
    }
}

/// Quality codes in words, by code, each once.
pub(super) fn quality(codes: &[u16]) -> String {
    let mut codes = codes.to_vec();
    codes.sort_unstable();
    codes.dedup();
    let words: Vec<_> = codes.into_iter().map(quality_word).collect();
    words.join(" ")
}

/// The word for a quality code as the table writes it: `validated`, `raw`, `quality-<code>` for
/// codes without a name (ESPI `QualityOfReading`).
#[must_use]
pub fn quality_word(code: u16) -> Cow<'static, str> {
    let word = match ReadingQuality::from_code(code) {
        ReadingQuality::Valid => "valid",
        ReadingQuality::Edited => "edited",
        ReadingQuality::EstimatedReferenceDay => "estimated-reference-day",
        ReadingQuality::EstimatedInterpolation => "estimated-interpolation",
        ReadingQuality::Questionable => "questionable",
        ReadingQuality::Derived => "derived",
        ReadingQuality::Projected => "projected",
        ReadingQuality::Mixed => "mixed",
        ReadingQuality::Raw => "raw",
        ReadingQuality::WeatherNormalized => "weather-normalized",
        ReadingQuality::OtherQuality => "other",
        ReadingQuality::Validated => "validated",
        ReadingQuality::Verified => "verified",
        ReadingQuality::RevenueQuality => "revenue-quality",
        ReadingQuality::Other(code) => return format!("quality-{code}").into(),
    };
    word.into()
}

/// What a quality code means, in a sentence (ESPI `QualityOfReading`).
#[must_use]
pub fn quality_meaning(code: u16) -> &'static str {
    match ReadingQuality::from_code(code) {
        ReadingQuality::Valid => "Passed the utility's checks.",
        ReadingQuality::Edited => "Replaced or approved by a person.",
        ReadingQuality::EstimatedReferenceDay => "Estimated from a day like it.",
        ReadingQuality::EstimatedInterpolation => "Estimated from its neighbours.",
        ReadingQuality::Questionable => "Failed a check.",
        ReadingQuality::Derived => "Calculated, not measured.",
        ReadingQuality::Projected => "Forecast, not measured.",
        ReadingQuality::Mixed => "Put together from values of several qualities.",
        ReadingQuality::Raw => "As the meter sent it, not checked.",
        ReadingQuality::WeatherNormalized => "Adjusted for the weather.",
        ReadingQuality::OtherQuality => "Of another quality than ESPI has names for.",
        ReadingQuality::Validated => "Passed the utility's checks, which may have estimated it.",
        ReadingQuality::Verified => "Failed a check, and was found right.",
        ReadingQuality::RevenueQuality => "Good enough to bill by.",
        ReadingQuality::Other(_) => "ESPI has no name for this code.",
    }
}

/// One cell for two flows: one value if they agree, else both with `-` for none.
pub(super) fn pair(delivered: &str, received: &str) -> String {
    if delivered == received {
        return delivered.to_owned();
    }
    let or_dash = |piece| if str::is_empty(piece) { "-" } else { piece };
    format!("{} / {}", or_dash(delivered), or_dash(received))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_starts_a_formula_is_neutralised() {
        for bad in [
            "=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", " =1", "\u{b}+1", "\u{a0}@x",
        ] {
            assert_eq!(text(bad), format!("'{bad}"));
        }
        for good in ["5391320451", "a=b", "", "'=1", "validated / raw"] {
            assert_eq!(text(good), good);
        }
    }

    #[test]
    fn local_times_carry_the_offset_of_their_moment() {
        let zone = TimeZone::get("America/Los_Angeles").unwrap();
        let at = |text: &str| local_time(text.parse().unwrap(), &zone);
        assert_eq!(at("2019-11-03T08:00:00Z"), "2019-11-03T01:00:00-07:00");
        assert_eq!(at("2019-11-03T09:00:00Z"), "2019-11-03T01:00:00-08:00");
        assert_eq!(at("2019-07-01T07:00:01Z"), "2019-07-01T00:00:01-07:00");
    }

    #[test]
    fn qualities_are_words_in_the_order_of_their_codes() {
        assert_eq!(quality(&[]), "");
        assert_eq!(
            quality(&[19, 8, 19]),
            "estimated-reference-day revenue-quality"
        );
        assert_eq!(quality(&[77]), "quality-77");
        let named = (0..=19).filter(|code| !quality(&[*code]).starts_with("quality-"));
        assert_eq!(named.count(), 14);
    }

    #[test]
    fn two_flows_share_a_cell() {
        assert_eq!(pair("validated", "validated"), "validated");
        assert_eq!(pair("validated", "raw"), "validated / raw");
        assert_eq!(pair("1", ""), "1 / -");
        assert_eq!(pair("", ""), "");
    }

    #[test]
    fn units_have_names() {
        for (code, name) in [
            (72, "Wh"),
            (169, "therm"),
            (42, "m3"),
            (119, "ft3"),
            (132, "Btu"),
            (167, "m3 compensated"),
            (999, "uom-999"),
        ] {
            assert_eq!(unit(UnitOfMeasure::from_code(code)), name);
        }
    }
}

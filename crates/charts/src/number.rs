//! Numbers as people read them.

use rust_decimal::{Decimal, RoundingStrategy};

/// With a comma at the thousands: `12,345.6`. Trailing zeros go.
#[must_use]
pub fn grouped(value: Decimal) -> String {
    let text = value.normalize().to_string();
    let (sign, text) = text
        .strip_prefix('-')
        .map_or(("", text.as_str()), |rest| ("\u{2212}", rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut out = String::from(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// To so many digits behind the point, halves away from zero, thousands with a comma.
#[must_use]
pub fn rounded(value: Decimal, digits: u32) -> String {
    grouped(value.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        for (value, text) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("999", "999"),
            ("1000", "1,000"),
            ("-1234567.8900", "\u{2212}1,234,567.89"),
            ("0.05", "0.05"),
        ] {
            assert_eq!(grouped(value.parse().unwrap()), text);
        }
        assert_eq!(rounded("1234.565".parse().unwrap(), 2), "1,234.57");
        assert_eq!(rounded("0.04".parse().unwrap(), 1), "0");
    }
}

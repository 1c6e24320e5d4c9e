//! Exact decimal scaling: what a value and its power-of-ten multiplier say, to the last digit.

use rust_decimal::Decimal;

/// `value × 10^multiplier`, exact and normalised (no trailing zeros after the point).
///
/// `None` when the result needs more digits than a [`Decimal`] holds (28), which no 48-bit value
/// with ESPI's multipliers (−12 to 9) does.
#[must_use]
pub fn scaled(value: i64, multiplier: i8) -> Option<Decimal> {
    scaled_wide(i128::from(value), multiplier)
}

/// The same for a sum of many values.
#[must_use]
pub fn scaled_wide(value: i128, multiplier: i8) -> Option<Decimal> {
    if value == 0 {
        return Some(Decimal::ZERO);
    }
    if multiplier < 0 {
        // Trailing zeros are taken off first, so that 1000 × 10^-30 still fits.
        let mut value = value;
        let mut scale = u32::from(multiplier.unsigned_abs());
        while scale > 0 && value % 10 == 0 {
            value /= 10;
            scale -= 1;
        }
        return Decimal::try_from_i128_with_scale(value, scale).ok();
    }
    let factor = 10_i128.checked_pow(u32::from(multiplier.unsigned_abs()))?;
    let product = value.checked_mul(factor)?;
    Decimal::try_from_i128_with_scale(product, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: i64, multiplier: i8) -> Option<String> {
        scaled(value, multiplier).map(|d| d.to_string())
    }

    #[test]
    fn pge_electricity_is_in_thousandths_and_gas_in_hundred_millionths() {
        assert_eq!(text(1_060_900, -3).as_deref(), Some("1060.9"));
        assert_eq!(text(103_659_540, -8).as_deref(), Some("1.0365954"));
        assert_eq!(text(12_000, -3).as_deref(), Some("12"));
        assert_eq!(text(0, -8).as_deref(), Some("0"));
    }

    #[test]
    fn negative_values_and_positive_multipliers() {
        assert_eq!(text(-86_400, -3).as_deref(), Some("-86.4"));
        assert_eq!(text(7, 3).as_deref(), Some("7000"));
        assert_eq!(
            text(-140_737_488_355_328, 9).as_deref(),
            Some("-140737488355328000000000")
        );
    }

    #[test]
    fn the_extremes_of_48_bits_are_exact_at_every_multiplier_of_espi() {
        for value in [-140_737_488_355_328_i64, 140_737_488_355_327] {
            for multiplier in -12..=9 {
                let back = scaled(value, multiplier).unwrap();
                let expected = scaled_wide(i128::from(value), multiplier).unwrap();
                assert_eq!(back, expected);
                assert_eq!(back, back.normalize(), "{value} {multiplier}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_none_and_not_rounded() {
        assert_eq!(scaled(i64::MAX, 127), None);
        assert_eq!(scaled(i64::MAX, -128), None);
        assert_eq!(
            text(1000, -30),
            None.or(Some("0.000000000000000000000000001".into()))
        );
    }
}

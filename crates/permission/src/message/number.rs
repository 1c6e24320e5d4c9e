//! Numbers and times from text, exactly.

use jiff::Timestamp;
use rust_decimal::Decimal;

/// A number as JSON writes it (homes write them in strings as well): sign, digits, fraction, exponent. None when it
/// is something else, or cannot be kept exactly.
pub(super) fn decimal(text: &str) -> Option<Decimal> {
    let (base, exponent) = match text.split_once(['e', 'E']) {
        None => (text, 0),
        Some((base, exponent)) => (base, signed(exponent)?),
    };
    let unsigned = base.strip_prefix('-').unwrap_or(base);
    let (whole, fraction) = match unsigned.split_once('.') {
        None => (unsigned, None),
        Some((whole, fraction)) => (whole, Some(fraction)),
    };
    if !digits(whole) || !fraction.is_none_or(digits) {
        return None;
    }
    shifted(Decimal::from_str_exact(base).ok()?, exponent)
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn signed(text: &str) -> Option<i32> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    (digits(unsigned) && unsigned.len() <= 3).then(|| text.parse().ok())?
}

/// Moves the point by `exponent` places, without losing a digit.
fn shifted(value: Decimal, exponent: i32) -> Option<Decimal> {
    if value.is_zero() {
        return Some(value);
    }
    let scale = i32::try_from(value.scale()).ok()? - exponent;
    if scale >= 0 {
        let mut value = value;
        value.set_scale(u32::try_from(scale).ok()?).ok()?;
        return Some(value);
    }
    let mut value = value;
    value.set_scale(0).ok()?;
    for _ in scale..0 {
        value = value.checked_mul(Decimal::TEN)?;
    }
    Some(value)
}

/// RFC 3339, or seconds since 1970 with or without a fraction.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    match decimal(text) {
        Some(seconds) => epoch(seconds),
        None => text.parse().ok(),
    }
}

/// Nanoseconds are kept, what is finer is cut off.
fn epoch(seconds: Decimal) -> Option<Timestamp> {
    let nanoseconds = seconds.checked_mul(Decimal::from(1_000_000_000))?.trunc();
    let nanoseconds: i128 = nanoseconds.try_into().ok()?;
    Timestamp::from_nanosecond(nanoseconds).ok()
}

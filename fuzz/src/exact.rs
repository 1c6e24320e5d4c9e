//! Numbers as text, compared without any arithmetic of the product.

/// A decimal number: equal for equal numbers, however they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exact {
    negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    /// Power of ten of the last digit.
    exponent: i64,
}

impl Exact {
    /// Reads sign, digits, fraction, exponent. None: no such number.
    pub fn read(text: &str) -> Option<Self> {
        let (base, exponent) = match text.split_once(['e', 'E']) {
            None => (text, 0),
            Some((base, exponent)) => (base, exponent.parse::<i64>().ok()?),
        };
        let (negative, base) = match base.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, base),
        };
        let (whole, fraction) = base.split_once('.').unwrap_or((base, ""));
        let digits = format!("{whole}{fraction}");
        if whole.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self::new(
            negative,
            &digits,
            exponent - i64::try_from(fraction.len()).ok()?,
        ))
    }

    /// `value × 10^exponent`.
    pub fn scaled(value: i128, exponent: i64) -> Self {
        Self::new(value < 0, &value.unsigned_abs().to_string(), exponent)
    }

    fn new(negative: bool, digits: &str, exponent: i64) -> Self {
        let short = digits.trim_end_matches('0');
        let zeros = i64::try_from(digits.len() - short.len()).unwrap_or(i64::MAX);
        let short = short.trim_start_matches('0');
        if short.is_empty() {
            return Self {
                negative: false,
                digits: String::new(),
                exponent: 0,
            };
        }
        Self {
            negative,
            digits: short.to_owned(),
            exponent: exponent + zeros,
        }
    }

    /// Whether a decimal of 96 bits and at most 28 places surely holds it.
    pub fn surely_fits(&self) -> bool {
        let digits = i64::try_from(self.digits.len()).unwrap_or(i64::MAX);
        self.exponent >= -28 && digits + self.exponent.max(0) <= 28
    }
}

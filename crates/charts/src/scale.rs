//! The vertical axis: from where to where, and which values are named.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::number::grouped;

/// A range that ends on round values, with the round values in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) ticks: Vec<(f64, String)>,
}

/// About so many named values above the lowest.
const TICKS: u32 = 5;

impl Scale {
    /// Covers the values and 0.
    pub(crate) fn covering(values: impl Iterator<Item = Decimal> + Clone) -> Self {
        let low = drawable(values.clone().min().unwrap_or_default().min(Decimal::ZERO));
        let high = drawable(values.max().unwrap_or_default().max(Decimal::ZERO));
        let step = nice_step((high - low) / Decimal::from(TICKS));
        let mut at = (low / step).floor() * step;
        let mut ticks = vec![(float(at), grouped(at))];
        while at < high || ticks.len() < 2 {
            at += step;
            ticks.push((float(at), grouped(at)));
        }
        let from = ticks.first().map_or(0.0, |tick| tick.0);
        let to = ticks.last().map_or(1.0, |tick| tick.0);
        Self { from, to, ticks }
    }
}

/// Within a range in which sums and products of a few values cannot overflow, which `Decimal`'s operators answer with
/// a panic. What is beyond it is drawn at its end.
pub(crate) fn drawable(value: Decimal) -> Decimal {
    let most = Decimal::from(1_000_000_000_000_000_i64);
    value.clamp(-most, most)
}

/// The smallest of 1, 2, 5, 10, … in any power of ten that is not below the value; 1 for nothing.
pub(crate) fn nice_step(at_least: Decimal) -> Decimal {
    let at_least = drawable(at_least);
    if at_least <= Decimal::ZERO {
        return Decimal::ONE;
    }
    let mut power = Decimal::ONE;
    while power > at_least && power.scale() < 12 {
        power /= Decimal::TEN;
    }
    loop {
        let steps = [1, 2, 5].map(|factor| power * Decimal::from(factor));
        if let Some(step) = steps.into_iter().find(|step| *step >= at_least) {
            return step.normalize();
        }
        power *= Decimal::TEN;
    }
}

/// For drawing only.
pub(crate) fn float(value: Decimal) -> f64 {
    drawable(value).to_f64().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(values: &[&str]) -> Vec<String> {
        let values: Vec<Decimal> = values.iter().map(|v| v.parse().unwrap()).collect();
        let scale = Scale::covering(values.iter().copied());
        scale.ticks.into_iter().map(|tick| tick.1).collect()
    }

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        assert_eq!(ticks(&["612.4", "3"]), ["0", "200", "400", "600", "800"]);
        assert_eq!(ticks(&["0.031"]), ["0", "0.01", "0.02", "0.03", "0.04"]);
        assert_eq!(
            ticks(&["-30", "55"]),
            ["\u{2212}40", "\u{2212}20", "0", "20", "40", "60"]
        );
        assert_eq!(ticks(&[]), ["0", "1"]);
        assert_eq!(ticks(&["0"]), ["0", "1"]);
        assert_eq!(ticks(&["4000"]), ["0", "1,000", "2,000", "3,000", "4,000"]);
    }

    #[test]
    fn extremes_end() {
        let huge = [Decimal::MAX, Decimal::MIN];
        assert!(Scale::covering(huge.iter().copied()).ticks.len() <= 20);
        let tiny = Decimal::new(1, 28);
        assert!(nice_step(tiny) >= tiny);
    }
}

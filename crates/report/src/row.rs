//! What goes in.

use jiff::Timestamp;
use rust_decimal::Decimal;

/// One row of a table: an interval of a usage point.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Its id.
    pub usage_point: &'a str,
    /// Start of the interval.
    pub start: Timestamp,
    /// Seconds.
    pub duration: u32,
    /// From the grid, or gas.
    pub delivered: Option<Amount<'a>>,
    /// Back to the grid.
    pub received: Option<Amount<'a>>,
}

/// One flow of an interval.
#[derive(Debug, Clone, Copy)]
pub struct Amount<'a> {
    /// In the unit, exact. Electricity is in Wh.
    pub value: Decimal,
    /// As the table writes it.
    pub unit: &'a str,
    /// One side of a net reading: the interval's other flow is 0, not unknown.
    pub net: bool,
    /// ESPI's quality codes of the interval, or its reading type's.
    pub quality: &'a [u16],
    /// In units of the currency.
    pub cost: Option<Decimal>,
    /// ISO 4217 number.
    pub currency: Option<u16>,
}

impl Amount<'_> {
    /// ESPI `QualityOfReading`: estimated from a reference day, by interpolation, or projected.
    pub(crate) fn is_estimated(&self) -> bool {
        self.quality.iter().any(|code| matches!(code, 8 | 9 | 12))
    }
}

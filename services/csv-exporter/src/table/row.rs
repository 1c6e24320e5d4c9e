//! One row, and how a reading becomes a part of it.

use espi::{Qualities, Reading, UsagePointId};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::selection::{Chosen, Role};
use super::{Columns, Table, TableError, cells};

/// Costs are stated in 1/100000 of the currency (ESPI).
const COST_EXPONENT: i8 = -5;

/// What identifies a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) usage_point: UsagePointId,
    pub(super) start: Timestamp,
    pub(super) duration: u32,
}

/// A row that may still receive its other flow.
pub(super) struct Row {
    pub(super) key: Key,
    /// Gas, or electricity from the grid.
    pub(super) delivered: Option<Piece>,
    pub(super) received: Option<Piece>,
}

/// One flow's part of a row.
pub(super) struct Piece {
    pub(super) series: usize,
    value: Decimal,
    unit: String,
    quality: String,
    tou: String,
    cost: Option<i64>,
    /// For the report: the codes behind `quality`, and what the cost is in.
    codes: Qualities,
    currency: Option<u16>,
    net: bool,
}

impl Row {
    pub(super) fn cells(
        &self,
        table: Table,
        columns: Columns,
        zone: &TimeZone,
    ) -> Result<Vec<String>, TableError> {
        let value = |piece: &Option<Piece>| {
            piece
                .as_ref()
                .map_or_else(String::new, |piece| piece.value.to_string())
        };
        let mut cells = vec![
            cells::text(self.key.usage_point.as_str()).into_owned(),
            cells::local_time(self.key.start, zone),
            value(&self.delivered),
        ];
        if table == Table::Electricity {
            cells.push(value(&self.received));
        }
        if columns == Columns::Full {
            cells.push(self.key.start.to_string());
            cells.push(self.key.duration.to_string());
            cells.push(self.shared(|piece| &piece.unit));
            cells.push(self.shared(|piece| &piece.quality));
            cells.push(self.shared(|piece| &piece.tou));
            cells.push(self.cost()?);
        }
        Ok(cells)
    }

    /// A cell that both flows have a say in.
    fn shared(&self, of: impl Fn(&Piece) -> &str) -> String {
        let cell = match (&self.delivered, &self.received) {
            (Some(delivered), Some(received)) => cells::pair(of(delivered), of(received)),
            (Some(only), None) | (None, Some(only)) => of(only).to_owned(),
            (None, None) => String::new(),
        };
        cells::text(&cell).into_owned()
    }

    /// The row as the report takes it.
    pub(super) fn observed(&self) -> report::Row<'_> {
        report::Row {
            usage_point: self.key.usage_point.as_str(),
            start: self.key.start,
            duration: self.key.duration,
            delivered: self.delivered.as_ref().map(Piece::observed),
            received: self.received.as_ref().map(Piece::observed),
        }
    }

    fn cost(&self) -> Result<String, TableError> {
        let pieces = || self.delivered.iter().chain(&self.received);
        let costs = || pieces().filter_map(|piece| piece.cost);
        let Some(series) = pieces()
            .find(|piece| piece.cost.is_some())
            .map(|piece| piece.series)
        else {
            return Ok(String::new());
        };
        let sum = costs().map(i128::from).sum();
        espi::scale::scaled_wide(sum, COST_EXPONENT)
            .map(|cost| cost.to_string())
            .ok_or(TableError::Digits {
                series,
                start: self.key.start,
            })
    }
}

impl Piece {
    fn observed(&self) -> report::Amount<'_> {
        let cost = self.cost.map(i128::from);
        report::Amount {
            value: self.value,
            unit: &self.unit,
            net: self.net,
            quality: &self.codes,
            cost: cost.and_then(|cost| espi::scale::scaled_wide(cost, COST_EXPONENT)),
            currency: self.currency,
        }
    }
}

/// A reading as one flow's part of a row, and whether that flow is the one back to the grid.
pub(super) fn piece(
    series: usize,
    chosen: &Chosen,
    reading: &Reading,
) -> Result<(bool, Piece), TableError> {
    let digits = || TableError::Digits {
        series,
        start: reading.start,
    };
    let kind = &chosen.reading_type;
    let (received, raw) = match chosen.role {
        Role::Received => (true, reading.value),
        Role::Net if reading.value < 0 => (true, reading.value.checked_neg().ok_or_else(digits)?),
        Role::Delivered | Role::Gas | Role::Net => (false, reading.value),
    };
    let multiplier = kind.power_of_ten_multiplier.unwrap_or(0);
    let mut codes = reading.quality.clone();
    // ESPI: the reading type's quality holds where a reading states none.
    if let Some(code) = kind.default_quality.filter(|_| codes.is_empty()) {
        codes.push(code);
    }
    let tou = reading
        .tou
        .or(kind.tou)
        .map_or_else(String::new, |tou| tou.to_string());
    let piece = Piece {
        series,
        value: espi::scaled(raw, multiplier).ok_or_else(digits)?,
        unit: kind
            .uom
            .map_or_else(String::new, |unit| cells::unit(unit).into_owned()),
        quality: cells::quality(&codes),
        tou,
        cost: reading.cost,
        codes,
        currency: kind.currency,
        net: chosen.role == Role::Net,
    };
    Ok((received, piece))
}

//! What a client must end up with: per usage point and flow, how many readings and their exact
//! sum. Computed from the model, never from a feed, so that feeds can be checked against it.

use serde::{Deserialize, Serialize};

use super::{Customer, DayRange, Model, ModelError};

/// The truth about one flow of one usage point over some days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowTruth {
    /// The usage point's id.
    pub usage_point: String,
    /// ESPI `commodity`: 1 electricity, 7 natural gas.
    pub commodity: u16,
    /// ESPI `flowDirection`: 1 delivered, 19 received from the customer.
    pub flow: u16,
    /// ESPI `uom`: 72 Wh, 169 therm.
    pub unit: u16,
    /// ESPI `powerOfTenMultiplier`.
    pub multiplier: i8,
    /// How many readings.
    pub count: u64,
    /// The exact sum of their values, before the multiplier.
    pub sum: i64,
    /// The exact sum of their costs in 1/100000 dollar; absent when no reading has one.
    pub cost: Option<i64>,
    /// The start of the first reading in epoch seconds; absent when there is none.
    pub first: Option<i64>,
    /// The start of the last reading in epoch seconds; absent when there is none.
    pub last: Option<i64>,
}

impl Model {
    /// The truth about `customer` on these days; days before the customer moved in have nothing.
    /// One item per usage point and flow, in the order of the customer's lists.
    pub fn truth(&self, customer: &Customer, days: DayRange) -> Result<Vec<FlowTruth>, ModelError> {
        let days = DayRange::new(days.first.max(customer.since), days.last);
        let mut truths = Vec::new();
        for point in &customer.usage_points {
            for series in &point.series {
                let mut truth = FlowTruth {
                    usage_point: point.id.clone(),
                    commodity: point.commodity.code(),
                    flow: series.direction.code(),
                    unit: point.commodity.unit(),
                    multiplier: point.commodity.multiplier(),
                    count: 0,
                    sum: 0,
                    cost: None,
                    first: None,
                    last: None,
                };
                for day in days.days() {
                    for reading in self.day(series, day)? {
                        truth.count += 1;
                        truth.sum += reading.value;
                        if let Some(cost) = reading.cost {
                            truth.cost = Some(truth.cost.unwrap_or(0) + cost);
                        }
                        truth.first.get_or_insert(reading.start);
                        truth.last = Some(reading.start);
                    }
                }
                truths.push(truth);
            }
        }
        Ok(truths)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_year_has_every_quarter_hour_once_per_flow() {
        let model = Model::new(3, date(2026, 11, 20)).unwrap();
        let year = DayRange::new(date(2025, 11, 18), date(2026, 11, 17));
        let truth = model.truth(&model.customers()[0], year).unwrap();
        let counts: Vec<_> = truth
            .iter()
            .map(|t| (t.commodity, t.flow, t.count))
            .collect();
        assert_eq!(
            counts,
            [(1, 1, 35_040), (1, 1, 35_040), (1, 19, 35_040), (7, 1, 365)]
        );
        assert!(truth.iter().all(|t| t.sum > 0));
    }

    #[test]
    fn neighbouring_ranges_add_up() {
        let model = Model::new(3, date(2026, 11, 20)).unwrap();
        let customer = &model.customers()[1];
        let truth = |first, last| model.truth(customer, DayRange::new(first, last)).unwrap();
        let whole = truth(date(2026, 3, 1), date(2026, 3, 31));
        let (one, two) = (
            truth(date(2026, 3, 1), date(2026, 3, 8)),
            truth(date(2026, 3, 9), date(2026, 3, 31)),
        );
        for ((whole, one), two) in whole.iter().zip(&one).zip(&two) {
            assert_eq!(whole.sum, one.sum + two.sum);
            assert_eq!(whole.count, one.count + two.count);
        }
    }

    #[test]
    fn nothing_before_the_customer_moved_in() {
        let model = Model::new(3, date(2026, 11, 20)).unwrap();
        let newcomer = model.customer("newcomer").unwrap();
        let before = newcomer.since.yesterday().unwrap();
        let none = model
            .truth(newcomer, DayRange::new(date(2026, 1, 1), before))
            .unwrap();
        assert_eq!((none[0].count, none[0].sum, none[0].first), (0, 0, None));
        let first = model
            .truth(newcomer, DayRange::new(date(2026, 1, 1), newcomer.since))
            .unwrap();
        assert_eq!(first[0].count, 96);
    }
}

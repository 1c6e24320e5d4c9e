//! A crowd: any number of further customers who are all alike, for tests that need many at once.

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::ModelError;
use super::people::{Customer, Kind, Person, customer};

/// `members` customers with the keys `{prefix}-1`, `{prefix}-2`… Each has a home and gas and three
/// years of history; those who are `asynchronous` get their batches later.
pub(super) fn crowd(
    seed: u64,
    first_day: Date,
    prefix: &str,
    members: u16,
    asynchronous: bool,
) -> Result<Vec<Customer>, ModelError> {
    let person = |number| Person {
        key: format!("{prefix}-{number}"),
        name: format!("Fictional {prefix} member {number}"),
        street: "5 INVENTED WAY",
        purpose: "one of many",
        asynchronous,
        history: 37.months(),
        kinds: &[Kind::Home, Kind::Gas],
    };
    (1..=members)
        .map(|number| customer(seed, first_day, person(number)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::civil::date;

    use super::super::Model;

    #[test]
    fn every_member_is_somebody_else() {
        let model = Model::new(1, date(2026, 11, 20)).unwrap();
        let alone = model.customers().len();
        let model = model.with_crowd(300, 20).unwrap();
        assert_eq!(model.customers().len(), alone + 320);
        let numbers: BTreeSet<&str> = model
            .customers()
            .iter()
            .flat_map(|it| it.usage_points.iter().map(|point| point.id.as_str()))
            .collect();
        let points: usize = model
            .customers()
            .iter()
            .map(|it| it.usage_points.len())
            .sum();
        assert_eq!(numbers.len(), points);
        assert!(!model.customer("crowd-300").unwrap().asynchronous);
        assert!(model.customer("later-20").unwrap().asynchronous);
    }
}

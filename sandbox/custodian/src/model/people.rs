//! The fictional customers: who they are, what they have, and the numbers that PG&E would give
//! them. Names and addresses are made up and say so.

use std::fmt;

use jiff::civil::Date;
use jiff::{Span, ToSpan as _};

use super::ModelError;
use super::usage::Hash;

/// What a usage point measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commodity {
    /// Electricity, in quarter hours.
    Electricity,
    /// Natural gas, in days.
    Gas,
}

impl Commodity {
    /// ESPI `commodity`.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Electricity => 1,
            Self::Gas => 7,
        }
    }

    /// ESPI `ServiceCategory/kind`.
    #[must_use]
    pub const fn service_kind(self) -> u16 {
        match self {
            Self::Electricity => 0,
            Self::Gas => 1,
        }
    }

    /// ESPI `uom`: 72 is Wh, 169 is therm.
    #[must_use]
    pub const fn unit(self) -> u16 {
        match self {
            Self::Electricity => 72,
            Self::Gas => 169,
        }
    }

    /// ESPI `powerOfTenMultiplier` as PG&E has it.
    #[must_use]
    pub const fn multiplier(self) -> i8 {
        match self {
            Self::Electricity => -3,
            Self::Gas => -8,
        }
    }

    /// Seconds in an interval.
    #[must_use]
    pub const fn interval(self) -> u32 {
        match self {
            Self::Electricity => 900,
            Self::Gas => 86_400,
        }
    }
}

impl fmt::Display for Commodity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Electricity => "Electricity",
            Self::Gas => "Natural gas",
        })
    }
}

/// The direction of a flow, as ESPI `flowDirection` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the grid to the customer.
    Delivered,
    /// From the customer to the grid.
    Received,
}

impl Direction {
    /// ESPI `flowDirection`.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Delivered => 1,
            Self::Received => 19,
        }
    }
}

/// How the readings of a series come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A home that takes from the grid only; its readings carry a cost.
    Home,
    /// What a home with panels takes from the grid.
    SolarImport,
    /// What a home with panels gives to the grid; its readings carry a credit.
    SolarExport,
    /// Gas for heating and cooking.
    Gas,
}

/// One flow of one usage point: what ESPI calls a meter reading.
#[derive(Debug, Clone)]
pub struct Series {
    /// The id of the meter reading. It means nothing, on purpose: PG&E's ids changed once, and a
    /// client that decodes them is to fail here.
    pub id: String,
    /// The direction of the flow.
    pub direction: Direction,
    /// True when feeds give the reading type after the blocks that need it.
    pub late_type: bool,
    pub(super) shape: Shape,
    pub(super) hash: Hash,
}

/// One service agreement.
#[derive(Debug, Clone)]
pub struct UsagePoint {
    /// Ten digits.
    pub id: String,
    /// What it measures.
    pub commodity: Commodity,
    /// Words for the customer's page.
    pub title: &'static str,
    /// PG&E's name of the tariff.
    pub tariff: &'static str,
    /// Its flows; two for a solar home, with the same starts.
    pub series: Vec<Series>,
}

/// A fictional customer.
#[derive(Debug, Clone)]
pub struct Customer {
    /// What tests and the control pages call the customer.
    pub key: String,
    /// The name as the customer wrote it.
    pub name: String,
    /// Ten digits, asked for at login.
    pub account: String,
    /// A street that does not exist.
    pub street: &'static str,
    /// What this customer is there to show.
    pub purpose: &'static str,
    /// True when a batch of this customer is answered with 202 and a notification.
    pub asynchronous: bool,
    /// The first day with usage.
    pub since: Date,
    /// The service agreements.
    pub usage_points: Vec<UsagePoint>,
}

impl Customer {
    /// The usage point with this id.
    #[must_use]
    pub fn usage_point(&self, id: &str) -> Option<&UsagePoint> {
        self.usage_points.iter().find(|point| point.id == id)
    }
}

/// A kind of usage point that a customer may have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Home,
    Solar,
    Gas,
}

/// What a customer is made from.
pub(super) struct Person {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) street: &'static str,
    pub(super) purpose: &'static str,
    pub(super) asynchronous: bool,
    pub(super) history: Span,
    pub(super) kinds: &'static [Kind],
}

fn people() -> Vec<Person> {
    let three_years = || 37.months();
    vec![
        Person {
            key: "fable".to_owned(),
            name: "Fenella Fable".to_owned(),
            street: "1 INVENTED WAY",
            purpose: "a plain home, a solar home and gas",
            asynchronous: false,
            history: three_years(),
            kinds: &[Kind::Home, Kind::Solar, Kind::Gas],
        },
        Person {
            key: "awkward".to_owned(),
            name: "O'Brien & Söhne / \"Test\" <Solar>".to_owned(),
            street: "2 INVENTED WAY",
            purpose: "a name that no file system likes",
            asynchronous: false,
            history: three_years(),
            kinds: &[Kind::Solar, Kind::Gas],
        },
        Person {
            key: "later".to_owned(),
            name: "Lateral Orchards (fictional)".to_owned(),
            street: "3 INVENTED WAY",
            purpose: "batches come later, with a notification",
            asynchronous: true,
            history: three_years(),
            kinds: &[Kind::Home, Kind::Solar, Kind::Gas],
        },
        Person {
            key: "newcomer".to_owned(),
            name: "Nova Newcomer".to_owned(),
            street: "4 INVENTED WAY",
            purpose: "moved in 100 days ago: nothing before",
            asynchronous: false,
            history: 100.days(),
            kinds: &[Kind::Home],
        },
    ]
}

pub(super) fn customers(seed: u64, first_day: Date) -> Result<Vec<Customer>, ModelError> {
    let all = people().into_iter();
    all.map(|person| customer(seed, first_day, person))
        .collect()
}

/// The customer that a person is under this seed, with a history that ends on `first_day`.
pub(super) fn customer(seed: u64, first_day: Date, person: Person) -> Result<Customer, ModelError> {
    let hash = Hash::of(seed).with_text(&person.key);
    let since = first_day
        .checked_sub(person.history)
        .map_err(ModelError::Day)?;
    let usage_points = (1_u8..)
        .zip(person.kinds)
        .map(|(position, kind)| usage_point(hash, position, *kind))
        .collect();
    Ok(Customer {
        account: number(hash.with_text("account"), 0),
        key: person.key,
        name: person.name,
        street: person.street,
        purpose: person.purpose,
        asynchronous: person.asynchronous,
        since,
        usage_points,
    })
}

/// Ten digits, different for different positions.
fn number(hash: Hash, position: u8) -> String {
    format!(
        "{}{:08}{}",
        hash.below(8) + 1,
        hash.with(1).below(100_000_000),
        position % 10
    )
}

fn usage_point(customer: Hash, position: u8, kind: Kind) -> UsagePoint {
    let hash = customer.with(u64::from(position));
    let id = number(hash.with_text("agreement"), position);
    let series = |shape, direction, late_type| Series {
        id: format!(
            "{:016x}",
            hash.with_text("reading")
                .with(u64::from(Direction::code(direction)))
                .value()
        ),
        direction,
        late_type,
        shape,
        // Import and export of one home come from one hash, because one is what the other is not.
        hash: hash.with_text("series"),
    };
    match kind {
        Kind::Home => UsagePoint {
            id,
            commodity: Commodity::Electricity,
            title: "Electricity, home",
            tariff: "HETOUC",
            series: vec![series(Shape::Home, Direction::Delivered, false)],
        },
        Kind::Solar => UsagePoint {
            id,
            commodity: Commodity::Electricity,
            title: "Electricity, home with solar panels",
            tariff: "HSBP",
            series: vec![
                series(Shape::SolarImport, Direction::Delivered, false),
                series(Shape::SolarExport, Direction::Received, true),
            ],
        },
        Kind::Gas => UsagePoint {
            id,
            commodity: Commodity::Gas,
            title: "Natural gas, home",
            tariff: "HG1",
            series: vec![series(Shape::Gas, Direction::Delivered, false)],
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::civil::date;

    use super::*;

    #[test]
    fn numbers_are_ten_digits_and_unique() {
        for seed in [0, 1, 42] {
            let customers = customers(seed, date(2026, 11, 20)).unwrap();
            let mut seen = BTreeSet::new();
            for customer in &customers {
                for number in customer
                    .usage_points
                    .iter()
                    .map(|p| &p.id)
                    .chain([&customer.account])
                {
                    assert_eq!(number.len(), 10, "{number}");
                    assert!(number.bytes().all(|b| b.is_ascii_digit()));
                    assert!(seen.insert(number.clone()), "{number} twice");
                }
            }
        }
    }

    #[test]
    fn another_seed_gives_other_numbers() {
        let day = date(2026, 11, 20);
        let (one, other) = (customers(1, day).unwrap(), customers(2, day).unwrap());
        assert_ne!(one[0].usage_points[0].id, other[0].usage_points[0].id);
        assert_eq!(
            one[0].usage_points[0].id,
            customers(1, day).unwrap()[0].usage_points[0].id
        );
    }
}

//! The runs that the table asks for.

use std::collections::BTreeSet;
use std::fmt;

use custodian::faults::{Fault, Rule};

use crate::impossible::IMPOSSIBLE;
use crate::kinds::Kind;
use crate::places::Place;
use crate::table::{End, Lasting, Row, TABLE};

/// One customer's journey with one fault in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
    /// Absent: it acts once.
    pub(crate) lasting: Option<Lasting>,
    pub(crate) end: End,
}

/// Who else may be under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Company {
    Anybody,
    Throttled,
    Nobody,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:?}", self.kind, self.place)?;
        match self.lasting {
            None => f.write_str(", once"),
            Some(Lasting::Always) => f.write_str(", always"),
            Some(Lasting::Times(times)) => write!(f, ", {times} times"),
        }
    }
}

impl Case {
    /// How often the fault acts; absent: always.
    pub(crate) fn times(self) -> Option<u64> {
        match self.lasting {
            None => Some(1),
            Some(Lasting::Times(times)) => Some(times),
            Some(Lasting::Always) => None,
        }
    }

    /// With whom it may be under way. Our own token is everybody's, and whoever is throttled closes the
    /// budget for all: that keeps others from the very request at which their own fault waits.
    pub(crate) fn company(self) -> Company {
        let with_our_token = [Place::Authorization, Place::Delete, Place::Confirm];
        let is_throttled = matches!(
            self.kind.fault(),
            Fault::Status {
                status: 429 | 503,
                ..
            }
        );
        match (self.kind, self.place) {
            (Kind::Expired, place) if with_our_token.contains(&place) => Company::Nobody,
            (_, Place::Confirm) if is_throttled => Company::Nobody,
            _ if is_throttled => Company::Throttled,
            _ => Company::Anybody,
        }
    }

    /// What the custodian is told for this customer: the fault first, then what leads to its step.
    pub(crate) fn rules(self, customer: &str) -> Vec<Rule> {
        let (step, from) = self.place.step();
        let own = Rule {
            from,
            times: self.times(),
            ..Rule::new(step, self.kind.fault())
        };
        let mut rules = vec![own];
        rules.extend(self.place.leads_there());
        for rule in &mut rules {
            rule.customer = Some(customer.to_owned());
        }
        rules
    }
}

fn once(row: &Row, place: Place, kind: Kind) -> Case {
    Case {
        place,
        kind,
        lasting: None,
        end: row.once,
    }
}

fn pairs() -> impl Iterator<Item = (&'static Row, Place, Kind)> {
    TABLE.iter().flat_map(|row| {
        let places = row.places.iter();
        places.flat_map(move |place| row.kinds.iter().map(move |kind| (row, *place, *kind)))
    })
}

/// Every pair once, and once more lasting where that is something else.
pub(crate) fn all() -> Vec<Case> {
    pairs()
        .flat_map(|(row, place, kind)| {
            let passing = once(row, place, kind);
            let lasting = row.lasting.map(|(lasting, end)| Case {
                lasting: Some(lasting),
                end,
                ..passing
            });
            [Some(passing), lasting]
        })
        .flatten()
        .collect()
}

/// Each row once: with the next of its pairs whose step and fault have come least so far. Each step and
/// each fault comes at least once.
pub(crate) fn selection() -> Vec<Case> {
    let mut chosen: Vec<Case> = Vec::new();
    let often = |chosen: &[Case], place: Place, kind: Kind| {
        let of_kind = chosen.iter().filter(|it| it.kind == kind).count();
        let at_place = chosen.iter().filter(|it| it.place == place).count();
        (of_kind, at_place)
    };
    for row in TABLE {
        let of_row = pairs().filter(|(it, ..)| std::ptr::eq(*it, row));
        let rarest = of_row.min_by_key(|(_, place, kind)| often(&chosen, *place, *kind));
        chosen.extend(rarest.map(|(row, place, kind)| once(row, place, kind)));
    }
    for kind in Kind::ALL {
        if chosen.iter().all(|it| it.kind != kind) {
            let of_kind = pairs().filter(|(_, _, it)| *it == kind);
            let rarest = of_kind.min_by_key(|(_, place, kind)| often(&chosen, *place, *kind));
            chosen.extend(rarest.map(|(row, place, kind)| once(row, place, kind)));
        }
    }
    chosen
}

/// Only those whose names contain what `FAULTS` says, to look at one of them.
#[expect(
    clippy::disallowed_methods,
    reason = "a filter for whoever looks for a fault, not a setting of a program"
)]
pub(crate) fn narrowed(cases: Vec<Case>) -> Vec<Case> {
    let wanted = std::env::var("FAULTS").unwrap_or_default();
    let cases = cases.into_iter();
    cases
        .filter(|case| case.to_string().contains(&wanted))
        .collect()
}

#[test]
fn every_pair_is_in_the_table_or_impossible() {
    let mut seen = BTreeSet::new();
    let impossible = IMPOSSIBLE.iter().flat_map(|(places, kinds, reason)| {
        assert!(!reason.is_empty());
        let places = places.iter();
        places.flat_map(|place| kinds.iter().map(|kind| (*place, *kind)))
    });
    let listed = pairs().map(|(_, place, kind)| (place, kind));
    for (place, kind) in listed.chain(impossible) {
        assert!(
            seen.insert((place, kind)),
            "{kind:?} at {place:?} is there twice"
        );
    }
    for place in Place::ALL {
        for kind in Kind::ALL {
            // What happens to notifications happens at no request, and the other way round.
            let belongs = kind.is_of_notifications() == (place == Place::Notification);
            let is_there = seen.contains(&(place, kind));
            assert_eq!(belongs, is_there, "{kind:?} at {place:?}");
        }
    }
}

#[test]
fn the_selection_has_each_step_and_each_fault_and_is_no_longer_than_that_takes() {
    let selection = selection();
    for place in Place::ALL {
        assert!(selection.iter().any(|it| it.place == place), "{place:?}");
    }
    for kind in Kind::ALL {
        assert!(selection.iter().any(|it| it.kind == kind), "{kind:?}");
    }
    assert!(selection.len() < 80, "{} cases", selection.len());
}

//! Faults on demand: rules, given at run time, that make the custodian misbehave at a certain request.
//!
//! A [`Rule`] names a [`Step`] of the journey, which of its occurrences, perhaps one customer or one
//! authorization, and a [`Fault`]. The gateway asks the [`Faults`] about every request before it is
//! answered, and the notifier about every notification; the first rule that fits acts, and every rule
//! counts what it has seen. `act` carries a fault out, with `body` and `rewrite` for what arrives.

mod act;
mod body;
mod fault;
mod line;
mod rewrite;
mod step;

use serde::{Deserialize, Serialize};

pub(crate) use act::{Victim, act};
pub use fault::{Fault, Moment, News};
pub(crate) use line::Line;
pub(crate) use step::Asked;
pub use step::Step;

/// When to do what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// At which request, or at a notification.
    pub at: Step,
    /// From which of the occurrences that fit on; the first is 1.
    #[serde(default = "first")]
    pub from: u64,
    /// So many times; absent: from then on always.
    #[serde(default)]
    pub times: Option<u64>,
    /// Only requests about this customer's authorizations, by key.
    #[serde(default)]
    pub customer: Option<String>,
    /// Only requests about this authorization.
    #[serde(default)]
    pub authorization: Option<u64>,
    /// What happens then.
    pub fault: Fault,
}

const fn first() -> u64 {
    1
}

impl Rule {
    /// From the first occurrence on, always, for everybody.
    #[must_use]
    pub const fn new(at: Step, fault: Fault) -> Self {
        Self {
            at,
            from: 1,
            times: None,
            customer: None,
            authorization: None,
            fault,
        }
    }

    /// Whether it can ever act: a fault of notifications at a notification, any other elsewhere.
    fn check(&self) -> Result<(), String> {
        let of_notifications = matches!(self.fault, Fault::Notification { .. });
        if of_notifications != (self.at == Step::Notification) {
            return Err(format!("{:?} does not happen at {:?}", self.fault, self.at));
        }
        if self.from == 0 || self.times == Some(0) {
            return Err("occurrences are counted from 1".to_owned());
        }
        Ok(())
    }

    fn fits(&self, asked: &Asked) -> bool {
        let same = |wanted: Option<&str>, is: Option<&str>| wanted.is_none() || wanted == is;
        self.at == asked.step
            && same(self.customer.as_deref(), asked.customer.as_deref())
            && (self.authorization.is_none() || self.authorization == asked.authorization)
    }
}

/// A rule and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultReport {
    /// Its number, for `DELETE /sandbox/faults?id=`.
    pub id: u64,
    /// The rule.
    pub rule: Rule,
    /// How many requests fitted.
    pub seen: u64,
    /// How many of them it acted on.
    pub fired: u64,
}

/// All rules.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<FaultReport>,
    given: u64,
}

impl Faults {
    /// Adds a rule; its number.
    pub(crate) fn add(&mut self, rule: Rule) -> Result<u64, String> {
        rule.check()?;
        self.given += 1;
        self.rules.push(FaultReport {
            id: self.given,
            rule,
            seen: 0,
            fired: 0,
        });
        Ok(self.given)
    }

    /// All of them, in the order in which they were given.
    pub(crate) fn all(&self) -> &[FaultReport] {
        &self.rules
    }

    /// Takes back one rule, or all; how many there were.
    pub(crate) fn remove(&mut self, id: Option<u64>) -> usize {
        let before = self.rules.len();
        self.rules.retain(|kept| id.is_some_and(|id| id != kept.id));
        before - self.rules.len()
    }

    /// What is to go wrong with this request. Every rule that fits counts it, the first one that is due
    /// acts.
    pub(crate) fn strike(&mut self, asked: &Asked) -> Option<Fault> {
        let mut struck = None;
        for kept in self.rules.iter_mut().filter(|kept| kept.rule.fits(asked)) {
            kept.seen += 1;
            let due = kept.seen >= kept.rule.from
                && kept.rule.times.is_none_or(|times| kept.fired < times);
            if due && struck.is_none() {
                kept.fired += 1;
                struck = Some(kept.rule.fault.clone());
            }
        }
        struck
    }
}

#[cfg(test)]
mod tests {
    use crate::ledger::RequestKind;

    use super::*;

    fn asked(customer: &str, authorization: u64) -> Asked {
        Asked {
            step: Step::Request(RequestKind::UsagePoints),
            authorization: Some(authorization),
            customer: Some(customer.to_owned()),
        }
    }

    fn rule(fault: Fault) -> Rule {
        Rule::new(Step::Request(RequestKind::UsagePoints), fault)
    }

    #[test]
    fn a_rule_acts_from_an_occurrence_on_so_many_times() {
        let mut faults = Faults::default();
        let second_and_third = Rule {
            from: 2,
            times: Some(2),
            customer: Some("fable".to_owned()),
            ..rule(Fault::Page)
        };
        faults.add(second_and_third).unwrap();
        let mut struck = || faults.strike(&asked("fable", 1)).is_some();
        assert_eq!(
            [(); 5].map(|()| struck()),
            [false, true, true, false, false]
        );
        assert_eq!(faults.strike(&asked("newcomer", 2)), None);
        assert_eq!((faults.all()[0].seen, faults.all()[0].fired), (5, 2));
        assert_eq!(faults.remove(Some(7)), 0);
        assert_eq!(faults.remove(None), 1);
    }

    #[test]
    fn the_first_rule_that_is_due_acts_and_the_others_count() {
        let mut faults = Faults::default();
        let once = Rule {
            times: Some(1),
            ..rule(Fault::Page)
        };
        faults.add(once).unwrap();
        let of_one = Rule {
            authorization: Some(1),
            ..rule(Fault::Json)
        };
        faults.add(of_one).unwrap();
        assert_eq!(faults.strike(&asked("fable", 1)), Some(Fault::Page));
        assert_eq!(faults.strike(&asked("fable", 1)), Some(Fault::Json));
        assert_eq!(faults.strike(&asked("fable", 2)), None);
        assert_eq!(faults.all()[1].seen, 2);
    }

    #[test]
    fn what_can_never_happen_is_refused() {
        let news = Fault::Notification {
            news: News::Garbage,
            instead: true,
        };
        assert!(Faults::default().add(rule(news.clone())).is_err());
        let mut faults = Faults::default();
        assert!(
            faults
                .add(Rule::new(Step::Notification, Fault::Page))
                .is_err()
        );
        assert!(faults.add(Rule::new(Step::Notification, news)).is_ok());
        let never = Rule {
            from: 0,
            ..rule(Fault::Page)
        };
        assert!(faults.add(never).is_err());
    }

    #[test]
    fn rules_are_written_as_the_documentation_has_them() {
        let text = r#"{"at":"token-refresh","times":1,"customer":"fable","fault":{"do":"reset","moment":"processed"}}"#;
        let rule: Rule = serde_json::from_str(text).unwrap();
        assert_eq!(rule.at, Step::TokenRefresh);
        let moment = Moment::Processed;
        assert_eq!(rule.fault, Fault::Reset { moment });
        let text =
            r#"{"at":"batch-usage-point","fault":{"do":"status","status":503,"retry_after":7}}"#;
        let rule: Rule = serde_json::from_str(text).unwrap();
        assert_eq!(rule.at, Step::Request(RequestKind::BatchUsagePoint));
        let wrong = r#"{"at":"batch-usage-point","fault":{"do":"page"},"typo":1}"#;
        assert!(serde_json::from_str::<Rule>(wrong).is_err());
    }
}

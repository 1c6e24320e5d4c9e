//! Misbehaviour on demand: a home does what it is told to do wrong, when it reaches the step, and goes on as it
//! should. What the other side said to it stands in the permission's report.
//!
//! [`Step`] × [`Fault`] is a [`Misdeed`]; not each pair makes sense. `handshake` speaks HTTP, the others MQTT by
//! [`crate::Rogue`]: `login`, `subscribe`, and `publish` with what `message` makes and `spoil` spoils.

mod fault;
mod handshake;
mod login;
mod message;
mod publish;
mod spoil;
mod step;
mod subscribe;

use std::fmt;
use std::str::FromStr;

use futures_util::future::BoxFuture;
use serde::Serialize;
use uuid::Uuid;

use crate::Answer;
use crate::stream::Shared;

pub use fault::Fault;
pub(crate) use handshake::{Door, When};
pub use step::Step;

/// What a home is to do wrong.
#[derive(Debug, Clone, Default)]
pub struct Mischief {
    /// What, and when.
    pub misdeeds: Vec<Misdeed>,
    /// In whose name. None: somebody who does not exist.
    pub victim: Option<Victim>,
    /// The broker's listener without TLS, `host:port`. None: the one of the credentials, where it has no TLS.
    pub broker: Option<String>,
    /// Messages of a flood; 0 is five hundred.
    pub flood: usize,
}

/// Somebody else.
#[derive(Debug, Clone)]
pub struct Victim {
    /// The permission.
    pub permission: Uuid,
    /// The eligible party's name for the customer.
    pub connection: String,
    /// The data need.
    pub data_need: Uuid,
    /// The token of its code, where it has become known.
    pub token: Option<String>,
}

/// A fault at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Misdeed {
    /// When.
    pub step: Step,
    /// What.
    pub fault: Fault,
}

/// A misdeed, and what was said to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Done {
    /// The misdeed.
    #[serde(flatten)]
    pub misdeed: Misdeed,
    /// The other side's answers, in their order.
    pub answers: Vec<Answer>,
}

/// No such misdeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no misdeed: write STEP/FAULT with one of {steps} and one of {faults}", steps = names(&Step::ALL.map(Step::name)), faults = names(&Fault::ALL.map(Fault::name)))]
pub struct UnknownMisdeed(String);

fn names(names: &[&str]) -> String {
    names.join(", ")
}

impl fmt::Display for Misdeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.step.name(), self.fault.name())
    }
}

impl FromStr for Misdeed {
    type Err = UnknownMisdeed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pair = text.split_once('/');
        pair.and_then(|(step, fault)| {
            Some(Self {
                step: Step::ALL.into_iter().find(|it| it.name() == step)?,
                fault: Fault::ALL.into_iter().find(|it| it.name() == fault)?,
            })
        })
        .ok_or_else(|| UnknownMisdeed(text.to_owned()))
    }
}

impl Mischief {
    /// The faults of a step, in the order in which they were asked for.
    pub(crate) fn at(&self, step: Step) -> Vec<Fault> {
        let misdeeds = self.misdeeds.iter().filter(|it| it.step == step);
        misdeeds.map(|it| it.fault).collect()
    }

    pub(crate) fn has(&self, step: Step, fault: Fault) -> bool {
        self.misdeeds.contains(&Misdeed { step, fault })
    }

    fn victim(&self) -> Victim {
        let nobody = Victim {
            permission: Uuid::from_u128(0x0bad_0bad),
            connection: "somebody else".to_owned(),
            data_need: Uuid::from_u128(0x0bad_0bae),
            token: None,
        };
        self.victim.clone().unwrap_or(nobody)
    }

    const fn flood(&self) -> usize {
        if self.flood == 0 { 500 } else { self.flood }
    }
}

/// Does what is to be done wrong at a step after the yes, and notes the answers.
pub(crate) fn carry_out(shared: &Shared, step: Step) -> BoxFuture<'_, ()> {
    // Boxed: it is a part of the streamer's future, and larger than all the rest of it.
    Box::pin(each(shared, step))
}

async fn each(shared: &Shared, step: Step) {
    for fault in shared.mischief.at(step) {
        let answers = match step {
            // Before the yes there is nothing to share: `handshake` is called by itself.
            Step::Details | Step::Answer => continue,
            // The home simply does not react.
            Step::Command => Vec::new(),
            Step::Connect => login::carry_out(shared, fault).await,
            Step::Ended => login::after_the_end(shared).await,
            Step::Subscribe => subscribe::carry_out(shared, fault).await,
            Step::Data | Step::Acknowledgement | Step::Status | Step::Termination => {
                publish::carry_out(shared, step, fault).await
            }
        };
        shared.report.misdeed(Done {
            misdeed: Misdeed { step, fault },
            answers,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misdeeds_are_named() {
        for step in Step::ALL {
            for fault in Fault::ALL {
                let misdeed = Misdeed { step, fault };
                assert_eq!(misdeed.to_string().parse(), Ok(misdeed));
            }
        }
        for wrong in [
            "",
            "data",
            "data/",
            "data/nothing",
            "nowhere/flood",
            "data flood",
        ] {
            assert!(wrong.parse::<Misdeed>().is_err(), "{wrong}");
        }
    }
}

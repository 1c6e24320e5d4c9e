//! One case: a home with a permission of its own does one thing wrong.

use end_to_end::houses::{House, LIMITS, QUIET, QUIET_2025, World};
use home::{Answer, Fault, Generation, HomeError, Mischief, Misdeed, Options, Step, Victim};
use serde_json::json;

use crate::expect::Expect;
use crate::table::{Row, row};

/// Messages of a flood.
pub(crate) const FLOOD: usize = 300;

/// What is to be played.
pub(crate) struct Planned {
    misdeeds: Vec<Misdeed>,
    expect: Expect,
    generation: Generation,
}

/// What was played.
pub(crate) struct Case {
    pub(crate) misdeed: Misdeed,
    pub(crate) generation: Generation,
    pub(crate) expect: Expect,
    pub(crate) house: House,
    pub(crate) scanned: Result<(), HomeError>,
}

/// Every case that is chosen, by its number and its generation.
pub(crate) fn all(chosen: impl Fn(usize, Generation) -> bool) -> Vec<Planned> {
    let mut planned = Vec::new();
    for generation in Generation::ALL {
        let mut ended = None;
        let pairs = Step::ALL
            .into_iter()
            .flat_map(|step| Fault::ALL.map(|fault| Misdeed { step, fault }));
        for (number, misdeed) in pairs.enumerate() {
            let Some(Row::Plays(expect)) = row(misdeed.step, misdeed.fault) else {
                continue;
            };
            if misdeed.step == Step::Ended {
                // One home tries them all: none of them gets anywhere.
                let all = ended.get_or_insert_with(|| Planned {
                    misdeeds: Vec::new(),
                    expect,
                    generation,
                });
                all.misdeeds.push(misdeed);
                continue;
            }
            // Homes of 2025 know no commands and no inbound data; the next generation takes their turn.
            let able = |one: Generation| match misdeed.step {
                Step::Command => one == Generation::June2026,
                Step::Acknowledgement => one != Generation::November2025,
                _ => true,
            };
            let is_turn = chosen(number, generation)
                || (generation == Generation::June2026
                    && Generation::ALL
                        .into_iter()
                        .any(|one| chosen(number, one) && !able(one)));
            if able(generation) && is_turn {
                planned.push(Planned {
                    misdeeds: vec![misdeed],
                    expect,
                    generation,
                });
            }
        }
        planned.extend(ended);
    }
    // What waits longest begins first.
    let waits = |one: &Planned| matches!(one.misdeeds[0].fault, Fault::HalfOpen | Fault::Late);
    planned.sort_by_key(|one| !waits(one));
    planned
}

impl Planned {
    /// A home scans and does everything; answers when nothing more is to come from it.
    pub(crate) async fn play(self, world: &World, victim: Victim) -> Case {
        let misdeed = self.misdeeds[0];
        let need = match (misdeed.step, self.generation) {
            (Step::Acknowledgement, _) => LIMITS,
            (_, Generation::November2025) => QUIET_2025,
            _ => QUIET,
        };
        let mischief = Mischief {
            misdeeds: self.misdeeds,
            victim: Some(victim),
            broker: Some(world.stack.broker().unwrap().plain.clone()),
            flood: FLOOD,
        };
        let change = |options| Options {
            mischief,
            ..options
        };
        let house = world.visitor(self.generation, need, change).await;
        let scanned = house.home.scan(house.code(self.generation)).await.map(drop);
        let case = Case {
            misdeed,
            generation: self.generation,
            expect: self.expect,
            house,
            scanned,
        };
        case.go_on(world).await;
        case
    }
}

impl Case {
    /// What the other side does to bring the misdeed about.
    async fn go_on(&self, world: &World) {
        let id = self.house.permission;
        match (self.misdeed.step, self.misdeed.fault) {
            (Step::Termination, _) => {
                world.party.terminate(id).await.unwrap();
                self.done().await;
            }
            (Step::Command, _) => {
                let pause = json!({ "action": "SET_TRANSMISSION_ENABLED", "enabled": false });
                world.party.command(id, &pause).await.unwrap();
                self.done().await;
            }
            (Step::Connect, Fault::Late) => self.too_late(world).await,
            (Step::Ended, _) => {
                self.house.home.revoke(id).await.unwrap();
                world.assert_shut_out(&self.house).await;
                self.house.home.misbehave(id, Step::Ended).await.unwrap();
            }
            _ => {}
        }
    }

    /// Waits until the misdeed is done.
    async fn done(&self) {
        self.house
            .until(&self.name(), |home| !home.misdeeds.is_empty())
            .await;
    }

    /// The time frame is over before the home connects.
    async fn too_late(&self, world: &World) {
        let id = self.house.permission;
        let over = format!(
            "UPDATE aiida.permission SET starts_on = current_date - 2, ends_on = current_date - 2 WHERE id = '{id}';
             UPDATE jobs.schedule SET due_at = now() WHERE kind = 'aiida.timeout'"
        );
        world.stack.sql(&over).await.unwrap();
        world.until_status(id, "FULFILLED").await;
        let gone = format!("SELECT removed_at IS NOT NULL FROM aiida.permission WHERE id = '{id}'");
        world.until(&gone).await;
        let refused = self.house.home.connect_late(id).await;
        assert!(
            matches!(refused, Err(HomeError::FirstConnect { .. })),
            "{refused:?}"
        );
    }

    /// What the other side said, misdeed by misdeed.
    pub(crate) fn answers(&self) -> Vec<(Misdeed, Vec<Answer>)> {
        let done = self.house.report().misdeeds;
        done.into_iter()
            .map(|one| (one.misdeed, one.answers))
            .collect()
    }

    pub(crate) fn name(&self) -> String {
        format!("{} of {}", self.misdeed, self.generation)
    }
}

//! kill −9 of each service at random moments, again and again; the next one starts at once. A service is killed
//! while it starts, while it works, and while others are away.

use demo::{BoxError, SERVICES};
use serde_json::Value;

use crate::breaker::Breaker;
use crate::load::Breaking;
use crate::world::Setup;

/// Milliseconds between two kills, of whatever service.
const APART: (u64, u64) = (150, 600);
/// Kills of each service that are sure to meet some job.
const ENOUGH: u32 = 50;

pub(super) fn plan(kills: u32) -> (Setup, Box<Breaking>) {
    (
        Setup::default(),
        Box::new(move |breaker| break_it(breaker, kills)),
    )
}

fn break_it(breaker: &mut Breaker, kills: u32) -> Result<(), BoxError> {
    for _ in 0..kills {
        for service in breaker.dice.shuffled(SERVICES) {
            breaker.kill(service.name)?;
            breaker.stack.launch(service.name)?;
            breaker.pause(APART.0, APART.1);
        }
    }
    breaker.stack.until_ready()?;
    let rescued = breaker.number(
        "SELECT count(*) FROM jobs.job WHERE EXISTS (SELECT FROM unnest(errors) e WHERE e LIKE '%vanished%')",
    )?;
    breaker
        .notes
        .insert("jobs_of_killed_workers".to_owned(), Value::from(rescued));
    // With few kills it may be that none of them met a job.
    if kills >= ENOUGH {
        breaker.claims.note(
            "jobs of killed workers were run again",
            rescued > 0,
            rescued,
        );
    }
    Ok(())
}

//! The broker crashes. With its store it brings back what it had acknowledged; without it, what nobody had taken from
//! it yet is lost, which is counted.

use std::time::{Duration, Instant};

use demo::BoxError;

use crate::breaker::Breaker;
use crate::load::Breaking;
use crate::world::Setup;

/// How often it crashes and comes back.
const TIMES: u32 = 15;
/// The sandbox broker writes what it queues within a quarter of a second. Homes send at the full second: it is killed
/// when they are silent, so that what it had acknowledged is on its disk or with us. (With EMQX the same limit is that
/// of its durable sessions: see docs/reliability.md.)
const WRITTEN: Duration = Duration::from_millis(450);
/// How long it stays away, in milliseconds.
const OUTAGE: (u64, u64) = (50, 3_000);
/// Messages stored between two crashes.
const WORK: i64 = 20;
/// Without its store, and with nobody to take the messages: milliseconds for which they gather in it.
const GATHER: (u64, u64) = (2_500, 4_000);

pub(super) fn plan_with_store() -> (Setup, Box<Breaking>) {
    (Setup::default(), Box::new(with_store))
}

pub(super) fn plan_without_store() -> (Setup, Box<Breaking>) {
    let setup = Setup {
        may_lose: true,
        ..Setup::default()
    };
    (setup, Box::new(without_store))
}

fn with_store(breaker: &mut Breaker) -> Result<(), BoxError> {
    for time in 0..TIMES {
        breaker.until_more(WORK, 0)?;
        // Every third time nobody takes the messages: they are in the broker's store alone.
        let away = time % 3 == 2;
        if away {
            breaker.stack.kill("aiida-stream")?;
            breaker.pause(GATHER.0, GATHER.1);
        }
        until_silent();
        breaker.stack.kill_broker()?;
        breaker.pause(OUTAGE.0, OUTAGE.1);
        breaker.stack.restart_broker()?;
        if away {
            breaker.stack.launch("aiida-stream")?;
        }
        breaker.did("broker killed, back with its store");
    }
    breaker.until_more(WORK, 1)
}

fn without_store(breaker: &mut Breaker) -> Result<(), BoxError> {
    for time in 0..TIMES {
        breaker.until_more(WORK, 0)?;
        let away = time % 3 == 2;
        if away {
            breaker.stack.kill("aiida-stream")?;
            breaker.pause(GATHER.0, GATHER.1);
        }
        breaker.stack.kill_broker()?;
        breaker.stack.lose_broker_store()?;
        breaker.stack.restart_broker()?;
        if away {
            breaker.stack.launch("aiida-stream")?;
        }
        breaker.did("broker killed, back without its store");
    }
    breaker.until_more(WORK, 1)
}

/// Waits for the middle of a second.
fn until_silent() {
    use service_kit::clock::{Clock as _, SystemClock};
    let started = Instant::now();
    let is_silent = || {
        let since = SystemClock.now().subsec_millisecond();
        u128::try_from(since).is_ok_and(|since| since > WRITTEN.as_millis() && since < 800)
    };
    while !is_silent() && started.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

//! The steady load: homes that stream all the time, homes that come and go, customers who authorize one after the
//! other, and one who often takes the consent back. It begins before anything is broken and ends after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use demo::history::Owed;
use demo::load::{Load, Outcome, Street};
use demo::{BoxError, Claims, Site, Stack};

use crate::breaker::Breaker;
use crate::dice::Dice;
use crate::summary::Summary;
use crate::visitors::{self, Visit, Visits};
use crate::withdrawals::{self, Withdrawals};
use crate::{invariants, rest, world};

/// What each customer is owed, however much is broken.
pub(crate) const OWED: Owed = Owed {
    months: world::MONTHS,
    within: Duration::from_mins(5),
};
/// Customers who authorize again and again; see [`withdrawals`] for one more.
const CUSTOMERS: [&str; 3] = ["fable", "awkward", "newcomer"];
/// How many homes accept at once when they move in.
const PARALLEL: u16 = 3;

/// What a suite breaks while the load is on.
pub(crate) type Breaking = dyn FnOnce(&mut Breaker) -> Result<(), BoxError> + Send;

/// What the load saw.
struct Seen {
    street: Street,
    outcome: Outcome,
    withdrawals: Withdrawals,
    visits: Vec<Visit>,
}

/// How much load, and what may become of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) homes: u16,
    pub(crate) seed: u64,
    pub(crate) may_lose: bool,
    pub(crate) unnoticed: bool,
}

/// Puts the load on, breaks things, and looks at the books. The breaker comes back with the stack, for its logs.
pub(crate) async fn run(
    stack: Stack,
    plan: Plan,
    breaking: Box<Breaking>,
    summary: &mut Summary,
    say: &impl Fn(&str),
) -> Result<Breaker, BoxError> {
    let Plan { homes, seed, .. } = plan;
    let started = Instant::now();
    let site = stack.site().clone();
    let street = demo::load::move_in(&site, homes, PARALLEL).await?;
    say(&format!("{homes} homes stream; breaking begins"));
    let mut breaker = Breaker::new(stack, Dice::new(seed));
    let over = Arc::new(AtomicBool::new(false));
    let is_over = || over.load(Ordering::Relaxed);
    let (breaking, ended) = (
        tokio::task::spawn_blocking(move || {
            let outcome = breaking(&mut breaker);
            (breaker, outcome)
        }),
        Arc::clone(&over),
    );
    let breaking = async {
        let outcome = breaking.await;
        ended.store(true, Ordering::Relaxed);
        say("nothing more is broken; the load comes to its end");
        outcome
    };
    let load = Load {
        lasting: Duration::ZERO,
        homes,
        parallel: u16::try_from(CUSTOMERS.len())?,
        customers: CUSTOMERS.map(str::to_owned).into(),
        owed: OWED,
    };
    // Others than the breaker's, so that its moments do not depend on how quick the load is.
    let (mind, guests) = (Dice::new(seed ^ 1), Dice::new(seed ^ 2));
    let (broken, authorizations, withdrawals, visits) = tokio::join!(
        breaking,
        demo::load::walk_customers(&site, &load, &is_over, &|_: &str| {}),
        withdrawals::go_on(&site, &mind, &is_over),
        visitors::go_on(&site, &guests, &is_over),
    );
    let (mut breaker, outcome) = broken?;
    let outcome = match outcome {
        Ok(()) => {
            tokio::task::block_in_place(|| breaker.stack.until_ready()).map_err(BoxError::from)
        }
        Err(error) => Err(error),
    };
    let noted = outcome.map_err(|error| service_kit::config::chain(&*error));
    breaker.claims.take(
        "everything was broken as planned, and is back",
        |()| String::new(),
        noted,
    );
    let seen = Seen {
        street,
        outcome: Outcome {
            authorizations,
            ..Outcome::default()
        },
        withdrawals,
        visits: visits?,
    };
    look(&mut breaker, &site, seen, plan, summary).await?;
    summary.seconds = started.elapsed().as_secs();
    summary.done.clone_from(&breaker.done);
    summary.notes.append(&mut breaker.notes);
    Ok(breaker)
}

/// Everything comes to rest; then each account is looked at, and what must hold of the whole.
async fn look(
    breaker: &mut Breaker,
    site: &Site,
    seen: Seen,
    plan: Plan,
    summary: &mut Summary,
) -> Result<(), BoxError> {
    let mut claims = std::mem::take(&mut breaker.claims);
    let Seen {
        street,
        mut outcome,
        withdrawals,
        visits,
    } = seen;
    let stack = &mut breaker.stack;
    claims.append(rest::come(stack).await);
    demo::load::balance_customers(site, &mut outcome).await;
    street.balance(&mut outcome, plan.may_lose).await;
    let mut visits = visitors::balance(site, visits, plan.may_lose).await?;
    if plan.unnoticed {
        visits.claim_unnoticed(breaker.killed);
    }
    summary.stranded = visits.stranded();
    summary.notes.insert("went_wrong".to_owned(), visits.told());
    let Visits {
        claims: of_visits,
        accepted,
        acknowledged,
        lost,
        mut secrets,
        ..
    } = visits;
    claims.append(rest::come(stack).await);
    secrets.extend(site.personal().await?);
    claims.append(invariants::look(stack, site, &secrets).await?);

    claims.append(outcome.claims);
    claims.append(withdrawals.claims);
    claims.append(of_visits);
    summary.authorizations = u64::try_from(outcome.authorizations.len())?;
    summary.withdrawn = withdrawals.withdrawn;
    summary.authorizations += withdrawals.withdrawn + withdrawals.delivered;
    summary.homes = u64::try_from(outcome.homes.len())? + accepted;
    summary.messages = outcome
        .homes
        .iter()
        .map(|home| home.acknowledged)
        .sum::<u64>()
        + acknowledged;
    let missing = outcome.homes.iter().map(|home| home.missing).sum::<usize>();
    summary.lost = u64::try_from(missing)? + lost;
    if plan.may_lose {
        claims.note(
            "what the broker had and nobody else is lost without its store",
            summary.lost > 0,
            summary.lost,
        );
    }
    summary.requests = invariants::requests(site).await?;
    summary.take(&claims);
    Ok(())
}

/// Claims that hold of themselves are of no interest in a summary.
pub(crate) fn failed(claims: &Claims) -> Vec<String> {
    let failed = claims.failed();
    failed
        .iter()
        .map(|one| format!("{}: {}", one.claim, one.seen))
        .collect()
}

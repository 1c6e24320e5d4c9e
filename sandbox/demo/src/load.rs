//! A site under load while somebody else restarts its parts: homes that stream all the time, and customers who
//! authorize one after the other. At the end the books must balance for each of them.

mod customers;
mod ledger;
mod street;

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::history::Owed;
use crate::{BoxError, Claims, Site};

pub use customers::{Authorized, balance as balance_customers, walk as walk_customers};
pub use ledger::{Differences, compare};
pub use street::{HomeBook, Street, move_in};

/// How much, and for how long.
#[derive(Debug, Clone)]
pub struct Load {
    /// How long new customers begin; those who have begun are seen to their end.
    pub lasting: Duration,
    /// Homes that stream.
    pub homes: u16,
    /// How many homes accept at once, and how many customers authorize at once.
    pub parallel: u16,
    /// Keys of customers, each walked again and again.
    pub customers: Vec<String>,
    /// What each of them is owed.
    pub owed: Owed,
}

/// What became of the load.
#[derive(Debug, Default, Serialize)]
pub struct Outcome {
    /// What must hold.
    pub claims: Claims,
    /// One for each home.
    pub homes: Vec<HomeBook>,
    /// One for each authorization.
    pub authorizations: Vec<Authorized>,
}

/// Puts the load on. `see` is told when the homes stream, which is when the restarts may begin, and what happens.
pub async fn run(site: &Site, load: &Load, see: impl Fn(&str)) -> Result<Outcome, BoxError> {
    let mut outcome = Outcome::default();
    let street = street::move_in(site, load.homes, load.parallel).await?;
    see(&format!(
        "{} homes stream: restart what you like for {:?}",
        load.homes, load.lasting
    ));
    let started = Instant::now();
    let over = || started.elapsed() >= load.lasting;
    let walked = customers::walk(site, load, &over, &see);
    let (authorizations, ()) = tokio::join!(walked, tokio::time::sleep(load.lasting));
    see("the load is over: looking at the books");
    outcome.authorizations = authorizations;
    customers::balance(site, &mut outcome).await;
    street.balance(&mut outcome, false).await;
    Ok(outcome)
}

//! Customers who authorize one after the other, in several lanes. One customer is in one lane: a second
//! authorization would end the first.

use std::time::Instant;

use futures_util::future::join_all;
use serde::Serialize;

use super::{Load, Outcome};
use crate::history::{self, is_of};
use crate::{Claims, Site};

/// An authorization that was walked to its end, or failed on the way.
#[derive(Debug, Serialize)]
pub struct Authorized {
    /// Key of the customer.
    pub customer: String,
    /// Id at the custodian; none when the walk broke off.
    pub id: Option<u64>,
    /// Tables delivered.
    pub files: usize,
    /// Intervals in them.
    pub intervals: u64,
    /// From the first click to the last page.
    pub seconds: f64,
    #[serde(skip)]
    claims: Claims,
}

/// The customers of each lane.
fn lanes(load: &Load) -> Vec<Vec<&str>> {
    let number = usize::from(load.parallel).clamp(1, load.customers.len().max(1));
    let mut lanes = vec![Vec::new(); number];
    for (nr, key) in load.customers.iter().enumerate() {
        if let Some(lane) = lanes.get_mut(nr % number) {
            lane.push(key.as_str());
        }
    }
    lanes
}

/// Walks customers through until it is `over`; those who have begun are seen to their end.
pub async fn walk(
    site: &Site,
    load: &Load,
    over: &impl Fn() -> bool,
    see: &impl Fn(&str),
) -> Vec<Authorized> {
    let lanes = lanes(load);
    let walked = lanes.iter().map(async |lane| {
        let mut authorized = Vec::new();
        for key in lane.iter().cycle() {
            if over() {
                break;
            }
            let one = authorize(site, load, key, see).await;
            see(&format!(
                "{key}: {} files after {} s",
                one.files, one.seconds
            ));
            authorized.push(one);
        }
        authorized
    });
    join_all(walked).await.into_iter().flatten().collect()
}

async fn authorize(site: &Site, load: &Load, key: &str, see: &impl Fn(&str)) -> Authorized {
    let started = Instant::now();
    let mut authorized = Authorized {
        customer: key.to_owned(),
        id: None,
        files: 0,
        intervals: 0,
        seconds: 0.0,
        claims: Claims::default(),
    };
    let walked = history::walk(site, key, load.owed, |line| see(&format!("{key}: {line}"))).await;
    let claim = "the customer's page ends with 'delivered'";
    let seen = |_: &_| String::new();
    if let Some(history) = authorized.claims.take(claim, seen, walked) {
        authorized.id = Some(history.authorization.id);
        authorized.files = history.files.len();
        authorized.intervals = history.totals.intervals.values().sum();
        authorized.claims.append(history.claims);
    }
    authorized.seconds = (started.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    authorized
}

/// What each authorization claims, and that its files are still there, once.
pub async fn balance(site: &Site, outcome: &mut Outcome) {
    let claims = &mut outcome.claims;
    claims.note(
        "customers authorized under the load",
        !outcome.authorizations.is_empty(),
        outcome.authorizations.len(),
    );
    let listed = claims.take(
        "the download folder lists its files",
        |names: &Vec<String>| format!("{} files", names.len()),
        site.names().await,
    );
    let names = listed.unwrap_or_default();
    for (nr, one) in outcome.authorizations.iter_mut().enumerate() {
        let whose = format!("authorization {} ({})", nr + 1, one.customer);
        if let Some(id) = one.id.map(|id| id.to_string()) {
            let files = names.iter().filter(|name| is_of(name, &id)).count();
            one.claims.note(
                "one set of files at the end",
                files == one.files && files > 0,
                format!("{files} files, {} when it was delivered", one.files),
            );
        }
        claims.extend(&whose, std::mem::take(&mut one.claims));
    }
}

//! Homes of all generations that stream all the time, and the account of each at the end.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use home::{Generation, Options, PermissionReport};
use serde::Serialize;

use super::Outcome;
use super::ledger::{self, Differences};
use crate::house::House;
use crate::household::CUSTOMERS;
use crate::party::Party;
use crate::{BoxError, Claims, Site};

/// How quickly a home tries to come back, at the longest.
const RECONNECT: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(500);
/// How long what is missing may still come where it may be lost.
const BOUND: Duration = Duration::from_secs(5);

/// The account of a home.
#[derive(Debug, Default, Serialize)]
pub struct HomeBook {
    /// Which home.
    pub generation: String,
    /// Records made from its meter.
    pub made: u64,
    /// Records that the broker acknowledged.
    pub acknowledged: u64,
    /// Records that the broker refused by a reason code, which a home does not send again.
    pub refused_by_broker: u64,
    /// How often it connected.
    pub connects: u64,
    /// Readings that the API returns.
    pub stored: usize,
    /// Acknowledged readings that it does not.
    pub missing: usize,
    /// Readings that it returns more than once.
    pub twice: usize,
    /// Readings that it returns and the home never made.
    pub strange: usize,
}

/// Homes that stream.
pub struct Street {
    party: Party,
    houses: Vec<House>,
    patience: Duration,
}

/// Homes scan their codes and say yes, some at once.
pub async fn move_in(site: &Site, homes: u16, parallel: u16) -> Result<Street, BoxError> {
    let party = Party::new(site)?;
    let generations = Generation::ALL.into_iter().cycle();
    let moving = stream::iter((1..=homes).zip(generations)).map(|(nr, generation)| {
        let party = &party;
        async move {
            let name = format!("{CUSTOMERS}load-{nr}");
            let asked = party.ask(&name, &site.needs.live_raw).await?;
            let options = Options {
                keep_records: true,
                reconnect_at_most: RECONNECT,
                seed: u64::from(nr),
                ..House::options(site, generation)
            };
            House::scan(options, asked.code_for(generation)?).await
        }
    });
    let moved: Vec<Result<House, BoxError>> = moving
        .buffered(usize::from(parallel.max(1)))
        .collect()
        .await;
    Ok(Street {
        houses: moved.into_iter().collect::<Result<_, _>>()?,
        party,
        patience: site.patience,
    })
}

impl Street {
    /// Looks at every home's account, and ends its permission. What `may_lose` allows to be missing is counted in
    /// the homes' books, and is no fault.
    pub async fn balance(self, outcome: &mut Outcome, may_lose: bool) {
        let deadline = Instant::now() + if may_lose { BOUND } else { self.patience };
        for (nr, house) in self.houses.iter().enumerate() {
            let mut claims = Claims::default();
            let claim = "the home's account can be looked at";
            let book = self.account(house, deadline, may_lose, &mut claims).await;
            let seen = |book: &HomeBook| format!("{book:?}");
            let book = claims.take(claim, seen, book);
            outcome.claims.extend(&format!("home {}", nr + 1), claims);
            outcome.homes.extend(book);
        }
    }

    async fn account(
        &self,
        house: &House,
        deadline: Instant,
        may_lose: bool,
        claims: &mut Claims,
    ) -> Result<HomeBook, BoxError> {
        let limit = self.patience;
        let made = house.report()?.records;
        let told = |home: &PermissionReport| {
            home.connected && home.acknowledged + home.publish_refused >= made
        };
        claims.take(
            "connected again, and rid of all that it made under the load",
            |home: &PermissionReport| format!("{} connects", home.connects),
            until(house, limit, told).await,
        );
        // From here on it is told nothing more.
        house.home.go_offline().await;
        let (stored, differences) = self.settled(house, deadline).await?;
        let missing = if may_lose { differences.missing } else { 0 };
        claims.note(
            "every acknowledged reading is stored once, and no other",
            stored > 0
                && differences
                    == Differences {
                        missing,
                        ..Differences::default()
                    },
            format!("{stored} readings stored; {differences:?}"),
        );
        let report = house.report()?;
        self.end(house, claims).await?;
        Ok(HomeBook {
            generation: report_generation(house),
            made: report.records,
            acknowledged: report.acknowledged,
            refused_by_broker: report.publish_refused,
            connects: report.connects,
            stored,
            missing: differences.missing,
            twice: differences.twice,
            strange: differences.strange,
        })
    }

    /// How many readings there are and what is wrong with them, once nothing is missing or the deadline has passed.
    async fn settled(
        &self,
        house: &House,
        deadline: Instant,
    ) -> Result<(usize, Differences), BoxError> {
        loop {
            let stored = self.party.all_readings(house.permission).await?;
            let differences = ledger::compare(&house.home.sent(house.permission)?, &stored)?;
            if differences.missing == 0 || Instant::now() > deadline {
                return Ok((stored.len(), differences));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The household takes its consent back; nothing of it was ever refused.
    async fn end(&self, house: &House, claims: &mut Claims) -> Result<(), BoxError> {
        house.home.go_online().await;
        let sent = |home: &PermissionReport| home.connected && home.buffered == 0;
        until(house, self.patience, sent).await?;
        house.home.revoke(house.permission).await?;
        let gone = self
            .party
            .wait(house.permission, "the end at the broker", |it| {
                it.status == "REVOKED" && it.removed_at.is_some()
            })
            .await;
        let ended = claims.take(
            "its consent is taken back, and nothing of it is left at the broker",
            |_| String::new(),
            gone,
        );
        if let Some(state) = ended {
            claims.note(
                "none of its messages was refused",
                state.refusals.is_empty(),
                format!("{:?}", state.refusals),
            );
        }
        Ok(())
    }
}

fn report_generation(house: &House) -> String {
    house.home.report().generation.to_string()
}

/// Looks at a home until it is as wanted.
async fn until(
    house: &House,
    limit: Duration,
    wanted: impl Fn(&PermissionReport) -> bool,
) -> Result<PermissionReport, BoxError> {
    let started = Instant::now();
    loop {
        let report = house.report()?;
        if wanted(&report) {
            return Ok(report);
        }
        if started.elapsed() > limit {
            return Err(format!("not within {limit:?}: {report:?}").into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

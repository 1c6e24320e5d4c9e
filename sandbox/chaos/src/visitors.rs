//! Homes that come, stream for some seconds, and end: by the household, by the eligible party, by their time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use demo::load::compare;
use demo::party::Party;
use demo::{BoxError, Claims, House, Site};
use futures_util::future::join_all;
use home::{Generation, Home, HomeStatus, Options, PermissionReport, Record};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use service_kit::config::chain;
use uuid::Uuid;

use crate::dice::Dice;

/// How many come at once.
const LANES: u64 = 3;
/// How long an accepted home streams, in milliseconds.
const STAY: (u64, u64) = (1_500, 5_000);
const LOOK: Duration = Duration::from_millis(200);
/// How many of those that went wrong are told with their reasons.
const SHOWN: usize = 5;
/// What the names of these customers begin with; personal, for no log.
const CUSTOMERS: &str = "demo-customer-visit";

/// How a visit is meant to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Revoked,
    Terminated,
    Fulfilled,
}

/// How a visit went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Way {
    /// Nobody could be asked for a permission.
    NotAsked,
    /// The home's acceptance failed, which it does not repeat.
    Stranded,
    /// By the home's clock the permission's first day (UTC) was over: rightly, where the day changes or a clock jumps.
    Unfulfillable,
    /// The home streamed, and its end could not be reached.
    NotEnded,
}

/// A visit that went wrong, and why.
#[derive(Debug)]
struct Spoilt {
    way: Way,
    why: String,
}

impl Spoilt {
    fn new(way: Way, why: &(dyn std::error::Error + 'static)) -> Self {
        let why = chain(why);
        Self { way, why }
    }
}

/// A home that was here.
struct Guest {
    house: House,
    /// The state in which its permission must come to rest.
    rests: Result<&'static str, Spoilt>,
    /// What was shown to the household: opens doors, for no log.
    secrets: Vec<String>,
}

/// A visit that is over.
pub(crate) struct Visit {
    ended: Instant,
    guest: Result<Guest, BoxError>,
}

/// Homes come and go until it is over.
pub(crate) async fn go_on(
    site: &Site,
    dice: &Dice,
    over: &impl Fn() -> bool,
) -> Result<Vec<Visit>, BoxError> {
    let party = Party::new(site)?;
    let lanes = (0..LANES).map(async |lane| {
        let mut visits = Vec::new();
        let mut nr = 0;
        while !over() {
            nr += 1;
            let name = format!("{CUSTOMERS}-{lane}-{nr}");
            // Asking again after a service was away makes another permission: the first waits for its time-out.
            let guest = visit(site, &party, dice, &name).await;
            let (ended, failed) = (Instant::now(), guest.is_err());
            visits.push(Visit { ended, guest });
            if failed {
                tokio::time::sleep(LOOK).await;
            }
        }
        visits
    });
    Ok(join_all(lanes).await.into_iter().flatten().collect())
}

async fn visit(site: &Site, party: &Party, dice: &Dice, name: &str) -> Result<Guest, BoxError> {
    let generation = dice.one_of(&Generation::ALL).ok_or("no generation")?;
    let end = dice.one_of(&[End::Revoked, End::Terminated, End::Fulfilled]);
    let end = end.ok_or("no end")?;
    let stay = dice.milliseconds(STAY.0, STAY.1);
    let asked = party.ask(name, &site.needs.live_raw).await?;
    let permission = *asked.permission_ids.first().ok_or("no permission")?;
    let code = asked.code_for(generation)?;
    let options = Options {
        keep_records: true,
        reconnect_at_most: Duration::from_secs(1),
        ..House::options(site, generation)
    };
    let home = Home::start(options);
    let scanned = home.scan(code).await;
    let mut secrets = vec![name.to_owned(), asked.code.clone()];
    secrets.extend(asked.older_codes.iter().map(|older| older.code.clone()));
    secrets.extend(home.credentials(permission).map(|it| it.password));
    let house = House { home, permission };
    let rests = match scanned {
        Ok(_) if house.report()?.status == HomeStatus::Unfulfillable => Err(Spoilt {
            way: Way::Unfulfillable,
            why: permission.to_string(),
        }),
        Ok(_) => {
            tokio::time::sleep(stay).await;
            let ended = bring_to_an_end(party, &house, end).await;
            ended.map_err(|error| Spoilt::new(Way::NotEnded, &*error))
        }
        Err(error) => {
            // The eligible party ends what there may be of it.
            terminate(party, permission).await;
            Err(Spoilt::new(Way::Stranded, &error))
        }
    };
    house.home.stop().await;
    Ok(Guest {
        house,
        rests,
        secrets,
    })
}

/// The state in which it must come to rest.
async fn bring_to_an_end(party: &Party, house: &House, end: End) -> Result<&'static str, BoxError> {
    let (home, permission) = (&house.home, house.permission);
    match end {
        End::Revoked => {
            home.revoke(permission).await?;
            Ok("REVOKED")
        }
        End::Fulfilled => {
            home.fulfil(permission).await?;
            Ok("FULFILLED")
        }
        End::Terminated => {
            if !terminate(party, permission).await {
                return Err(format!("{permission} could not be terminated").into());
            }
            // What the broker did not acknowledge is not told again: such a permission waits for its time-out.
            let told = |home: &PermissionReport| home.told_end.is_some();
            if !until(house, Duration::from_secs(30), told).await {
                return Err(format!("{permission}: the home has not confirmed its end").into());
            }
            Ok("EXTERNALLY_TERMINATED")
        }
    }
}

/// Asks for the end until it is taken or cannot be had; the service may be away.
async fn terminate(party: &Party, permission: Uuid) -> bool {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(30) {
        match party.permission(permission).await {
            Ok(state) if state.status != "ACCEPTED" => {
                return state.status.contains("TERMINAT");
            }
            _ => {}
        }
        if party.terminate(permission).await.is_ok() {
            return true;
        }
        tokio::time::sleep(LOOK).await;
    }
    false
}

async fn until(house: &House, limit: Duration, wanted: impl Fn(&PermissionReport) -> bool) -> bool {
    let started = Instant::now();
    while started.elapsed() < limit {
        if house.report().is_ok_and(|report| wanted(&report)) {
            return true;
        }
        tokio::time::sleep(LOOK).await;
    }
    false
}

/// What the visits came to.
#[derive(Debug, Default)]
pub(crate) struct Visits {
    pub(crate) claims: Claims,
    /// Homes that streamed.
    pub(crate) accepted: u64,
    /// Visits that went wrong, and when they were over.
    spoilt: Vec<(Instant, Spoilt)>,
    /// Records that the broker acknowledged to them.
    pub(crate) acknowledged: u64,
    /// Readings of those that are not stored.
    pub(crate) lost: u64,
    pub(crate) secrets: Vec<String>,
}

/// When the eligible party ended it, if it did.
async fn terminated_at(party: &Party, permission: Uuid) -> Result<Option<Timestamp>, BoxError> {
    let events = party.events(permission).await?;
    let mut ends = events.iter().filter(|event| event.status == "TERMINATED");
    Ok(ends.next().map(|event| event.at))
}

/// Whether a raw record was made before a moment.
fn is_before(record: &Record, end: Timestamp) -> bool {
    let document: Option<Value> = serde_json::from_slice(&record.payload).ok();
    let made = document.and_then(|it| it.get("timestamp")?.as_str()?.parse::<Timestamp>().ok());
    made.is_some_and(|made| made < end)
}

/// Holds every visit's own account against what is stored and how its permission stands.
/// Where something may be lost, that is counted instead.
pub(crate) async fn balance(
    site: &Site,
    visits: Vec<Visit>,
    may_lose: bool,
) -> Result<Visits, BoxError> {
    let party = Party::new(site)?;
    let mut all = Visits::default();
    for Visit { ended, guest } in visits {
        let spoilt = match guest {
            Ok(guest) => all.account(&party, guest, may_lose).await?,
            Err(error) => Some(Spoilt::new(Way::NotAsked, &*error)),
        };
        all.spoilt.extend(spoilt.map(|spoilt| (ended, spoilt)));
    }
    let seen = format!("{} accepted, {:?}", all.accepted, all.by_way());
    all.claims
        .note("homes came and went", all.accepted > 0, seen);
    Ok(all)
}

impl Visits {
    /// The account of one home; answers what went wrong with its visit.
    async fn account(
        &mut self,
        party: &Party,
        guest: Guest,
        may_lose: bool,
    ) -> Result<Option<Spoilt>, BoxError> {
        self.secrets.extend(guest.secrets);
        if matches!(&guest.rests, Err(spoilt) if spoilt.way != Way::NotEnded) {
            return Ok(guest.rests.err());
        }
        let id = guest.house.permission;
        let mut sent = guest.house.home.sent(id)?;
        if let Some(end) = terminated_at(party, id).await? {
            // What it went on to send until it learnt of the end is refused.
            sent.acknowledged.retain(|record| is_before(record, end));
        }
        self.accepted += 1;
        self.acknowledged += u64::try_from(sent.acknowledged.len())?;
        let stored = party.all_readings(id).await?;
        let mut differences = compare(&sent, &stored)?;
        self.lost += u64::try_from(differences.missing)?;
        if may_lose {
            differences.missing = 0;
        }
        let state = party.permission(id).await?;
        if differences != demo::load::Differences::default() {
            let (stored, refusals) = (stored.len(), &state.refusals);
            let seen = format!("{id}: {stored} readings stored; {differences:?}; {refusals:?}");
            self.claims.note(
                "a visitor's acknowledged readings are stored once",
                false,
                seen,
            );
        }
        if let Ok(rests) = guest.rests
            && !may_lose
            && (state.status != rests || state.removed_at.is_none())
        {
            let seen = format!("{id}: {state:?}");
            self.claims.note(
                format!("a visitor's permission rests in {rests}"),
                false,
                seen,
            );
        }
        Ok(guest.rests.err())
    }

    /// How many went wrong in each way.
    fn by_way(&self) -> BTreeMap<Way, u64> {
        let mut ways: BTreeMap<Way, u64> = BTreeMap::new();
        for (_, spoilt) in &self.spoilt {
            *ways.entry(spoilt.way).or_default() += 1;
        }
        ways
    }

    /// Homes whose acceptance failed, which they do not repeat.
    pub(crate) fn stranded(&self) -> u64 {
        self.by_way().remove(&Way::Stranded).unwrap_or_default()
    }

    /// What went wrong, for the summary.
    pub(crate) fn told(&self) -> Value {
        let why = self.spoilt.iter().map(|(_, spoilt)| &spoilt.why);
        json!({ "visits": self.by_way(), "why": why.take(SHOWN).collect::<Vec<_>>() })
    }

    /// Claims that until something was killed that homes meet, each of them got in, streamed, and reached its end.
    pub(crate) fn claim_unnoticed(&mut self, killed: Option<Instant>) {
        let noticed = self.spoilt.iter().filter(|(ended, spoilt)| {
            spoilt.way != Way::Unfulfillable && killed.is_none_or(|killed| *ended < killed)
        });
        let noticed: Vec<&Spoilt> = noticed.map(|(_, spoilt)| spoilt).collect();
        let ways = self.by_way();
        // One in each lane, where the day changes just then.
        let late = ways.get(&Way::Unfulfillable).copied().unwrap_or_default();
        let shown = noticed.iter().take(SHOWN).collect::<Vec<_>>();
        self.claims.note(
            "every home got in, streamed and reached its end",
            noticed.is_empty() && late <= LANES,
            format!("{} accepted, {ways:?}: {shown:?}", self.accepted),
        );
    }
}

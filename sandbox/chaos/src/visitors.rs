//! Homes that come, stream for some seconds, and end: by the household, by the eligible party, by their time.

use std::time::{Duration, Instant};

use demo::load::compare;
use demo::party::Party;
use demo::{BoxError, Claims, House, Site};
use futures_util::future::join_all;
use home::{Generation, Home, Options, PermissionReport, Record};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::dice::Dice;

/// How many come at once.
const LANES: u64 = 3;
/// How long an accepted home streams, in milliseconds.
const STAY: (u64, u64) = (1_500, 5_000);
const LOOK: Duration = Duration::from_millis(200);
/// What the names of these customers begin with; personal, for no log.
const CUSTOMERS: &str = "demo-customer-visit";

/// How a visit is meant to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Revoked,
    Terminated,
    Fulfilled,
}

/// A home that was here.
pub(crate) struct Visit {
    house: House,
    /// The state in which its permission must come to rest; none when the home did not get that far.
    rests: Option<&'static str>,
    /// What was shown to the household: opens doors, for no log.
    secrets: Vec<String>,
}

/// Homes come and go until it is over. An error is one that nothing explains, in words.
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
            if let Ok(visit) = visit(site, &party, dice, &name).await {
                visits.push(visit);
            } else {
                tokio::time::sleep(LOOK).await;
            }
        }
        visits
    });
    Ok(join_all(lanes).await.into_iter().flatten().collect())
}

async fn visit(site: &Site, party: &Party, dice: &Dice, name: &str) -> Result<Visit, BoxError> {
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
    let rests = if scanned.is_ok() {
        tokio::time::sleep(stay).await;
        bring_to_an_end(party, &house, end).await
    } else {
        // Stranded: the eligible party ends what there may be of it.
        terminate(party, permission).await;
        None
    };
    house.home.stop().await;
    Ok(Visit {
        house,
        rests,
        secrets,
    })
}

/// The state in which it must come to rest, if that is known.
async fn bring_to_an_end(party: &Party, house: &House, end: End) -> Option<&'static str> {
    let (home, permission) = (&house.home, house.permission);
    match end {
        End::Revoked => home.revoke(permission).await.ok().map(|()| "REVOKED"),
        End::Fulfilled => home.fulfil(permission).await.ok().map(|()| "FULFILLED"),
        End::Terminated => {
            if !terminate(party, permission).await {
                return None;
            }
            // What the broker did not acknowledge is not told again: such a permission waits for its time-out.
            let told = |home: &PermissionReport| home.told_end.is_some();
            let confirmed = until(house, Duration::from_secs(30), told).await;
            confirmed.then_some("EXTERNALLY_TERMINATED")
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
    /// Homes whose acceptance failed, which they do not repeat.
    pub(crate) stranded: u64,
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
    for visit in visits {
        all.secrets.extend(visit.secrets);
        let id = visit.house.permission;
        let Ok(mut sent) = visit.house.home.sent(id) else {
            all.stranded += 1;
            continue;
        };
        if let Some(end) = terminated_at(&party, id).await? {
            // What it went on to send until it learnt of the end is refused.
            sent.acknowledged.retain(|record| is_before(record, end));
        }
        all.accepted += 1;
        all.acknowledged += u64::try_from(sent.acknowledged.len())?;
        let stored = party.all_readings(id).await?;
        let mut differences = compare(&sent, &stored)?;
        all.lost += u64::try_from(differences.missing)?;
        if may_lose {
            differences.missing = 0;
        }
        if differences != demo::load::Differences::default() {
            let refusals = party.permission(id).await?.refusals;
            let stored = stored.len();
            let seen = format!("{id}: {stored} readings stored; {differences:?}; {refusals:?}");
            all.claims.note(
                "a visitor's acknowledged readings are stored once",
                false,
                seen,
            );
        }
        if let Some(rests) = visit.rests.filter(|_| !may_lose) {
            let state = party.permission(id).await?;
            if state.status != rests || state.removed_at.is_none() {
                let seen = format!("{id}: {state:?}");
                all.claims.note(
                    format!("a visitor's permission rests in {rests}"),
                    false,
                    seen,
                );
            }
        }
    }
    let seen = format!("{} accepted, {} stranded", all.accepted, all.stranded);
    all.claims
        .note("homes came and went", all.accepted > 0, seen);
    Ok(all)
}

//! A customer's history from click to CSV, and everything that must be true of it at the end.

use std::time::{Duration, Instant};

use custodian::AuthorizationState;
use custodian::control::AuthorizationReport;
use custodian::model::{DayRange, FlowTruth};

use crate::check::{self, Totals};
use crate::{BoxError, Claims, Customer, Delivered, Site};

/// What a customer is owed.
#[derive(Debug, Clone, Copy)]
pub struct Owed {
    /// Months of history.
    pub months: i32,
    /// The longest that it may take.
    pub within: Duration,
}

impl Default for Owed {
    /// A year, within ten minutes.
    fn default() -> Self {
        Self {
            months: 12,
            within: Duration::from_mins(10),
        }
    }
}

/// What became of one authorization.
#[derive(Debug)]
pub struct History {
    /// Who authorized.
    pub customer: Customer,
    /// The files of this authorization.
    pub files: Vec<Delivered>,
    /// What is in them.
    pub totals: Totals,
    /// Days of 92 and of 100 quarter hours, each flow counted.
    pub short_and_long_days: (u64, u64),
    /// The authorization at the custodian.
    pub authorization: AuthorizationReport,
    /// From the first click to the last page.
    pub took: Duration,
    /// What must hold of it.
    pub claims: Claims,
}

/// Walks the customer with this key through, and looks at what was delivered. An error is a walk that did not come
/// to its end; a wrong delivery is a claim that does not hold.
pub async fn walk(
    site: &Site,
    key: &str,
    owed: Owed,
    see: impl FnMut(&str),
) -> Result<History, BoxError> {
    let started = Instant::now();
    let mut customer = Customer::new(site, key).await?;
    customer.authorize(site).await?;
    let end = customer.wait(owed.within, see).await?;
    let took = started.elapsed();
    if !end.contains("was delivered") {
        return Err(format!("the customer's page ends with: {end}").into());
    }
    let authorization = site.authorization_of(key).await?;
    let id = authorization.id.to_string();
    let files = site.download_where(|name| is_of(name, &id)).await?;
    let totals = check::totals(&files)?;
    let mut claims = Claims::default();
    claims.note(
        "one file for electricity, one for gas, a readme and a report",
        has_all_files(&customer, &files),
        format!("{:?}", endings(&files)),
    );
    let mut tables = files.iter().filter(|file| check::is_table(file));
    claims.take(
        "the columns are the documented ones",
        |()| String::new(),
        tables.try_for_each(check::columns),
    );
    claims.take(
        "every interval once, totals as the custodian generated them",
        |flows| format!("{} flows", flows.len()),
        compare(site, &authorization, owed.months, &totals).await,
    );
    claims.take(
        "no day is missing between the first and the last",
        |days| format!("{days} days of flows"),
        check::no_gaps(&totals),
    );
    let short_and_long_days = claims
        .take(
            "92 and 100 quarter hours when the clocks change, 96 otherwise",
            |(short, long)| format!("{short} and {long}"),
            check::clock_changes(&totals),
        )
        .unwrap_or_default();
    claims.note(
        "the authorization is ended at the custodian",
        (
            authorization.status,
            authorization.state,
            authorization.live_tokens,
        ) == (0, AuthorizationState::Deleted, 0),
        format!(
            "{:?}, status {}, {} live tokens",
            authorization.state, authorization.status, authorization.live_tokens
        ),
    );
    Ok(History {
        customer,
        files,
        totals,
        short_and_long_days,
        authorization,
        took,
        claims,
    })
}

/// Compares with what the custodian generated on the days that are owed. Which those are is fixed by a clock inside:
/// from outside, the last day that was delivered tells it, and the custodian when the customer authorized.
async fn compare(
    site: &Site,
    authorization: &AuthorizationReport,
    months: i32,
    totals: &Totals,
) -> Result<Vec<FlowTruth>, BoxError> {
    let last = totals.days.keys().map(|(_, day)| *day).max();
    let until = last.ok_or("nothing was delivered")?.tomorrow()?;
    let days = DayRange::owed(until, months, authorization.created)?;
    check::compare(site, &authorization.customer, days, totals).await
}

/// Whether a file belongs to the authorization with this id: names are customer, id and time.
#[must_use]
pub fn is_of(name: &str, id: &str) -> bool {
    name.contains(&format!("-{id}-"))
}

/// A table for each kind of service that the customer has, what explains and shows them, and no other.
fn has_all_files(customer: &Customer, files: &[Delivered]) -> bool {
    let has = |gas: bool| {
        let mut points = customer.known.usage_points.iter();
        points.any(|point| (point.commodity == check::GAS) == gas)
    };
    let tables = [(has(false), "electricity.csv"), (has(true), "gas.csv")];
    let beside = [(true, "readme.txt"), (true, "report.html")];
    let owed = tables.into_iter().chain(beside).filter(|(owed, _)| *owed);
    endings(files) == owed.map(|(_, name)| name).collect::<Vec<_>>()
}

/// What the files are, by the ends of their names, in order.
fn endings(files: &[Delivered]) -> Vec<String> {
    let mut endings: Vec<String> = files
        .iter()
        .filter_map(|file| file.name.rsplit('-').next())
        .map(str::to_owned)
        .collect();
    endings.sort_unstable();
    endings
}

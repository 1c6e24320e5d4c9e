//! The permissions behind a ticket with the last values that their homes have sent.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use pages::Words;
use permission::{PermissionId, Status};
use serde_json::{Value, json};
use storage::DatabaseError;
use storage::aiida::newest;
use storage::aiida::permission::{self as table, Permission};
use storage::aiida::reading::Measured;

use super::meaning::{amount, meaning};
use crate::Service;

/// Values of one record that are shown.
const MOST: i64 = 6;

/// Records that a home made longer before its last message than this are no news; finding them reads every day since.
const NEWS: SignedDuration = SignedDuration::from_hours(48);

/// A permission, and what its home has sent last.
pub(super) struct Household {
    pub(super) permission: Permission,
    /// The values of its newest record; none before there is one, and none after the end.
    pub(super) newest: Vec<Measured>,
}

impl Household {
    pub(super) const fn id(&self) -> PermissionId {
        self.permission.id
    }
}

/// Behind this ticket; none when it opens nothing.
pub(super) async fn find(service: &Service, ticket: &str) -> Result<Vec<Household>, DatabaseError> {
    let found = find_all(service, &[ticket]).await?;
    Ok(found.into_iter().next().unwrap_or_default())
}

/// Behind each of these tickets, in their order.
pub(super) async fn find_all(
    service: &Service,
    tickets: &[&str],
) -> Result<Vec<Vec<Household>>, DatabaseError> {
    let mut conn = service.database.get().await?;
    let found = table::by_tickets(&mut conn, tickets).await?;
    let sending: Vec<(PermissionId, Timestamp)> =
        found.iter().flatten().filter_map(sends).collect();
    let mut newest = newest::values(&mut conn, &sending, MOST).await?;
    drop(conn);
    let mut household = |permission: Permission| Household {
        newest: newest.remove(&permission.id).unwrap_or_default(),
        permission,
    };
    let page = |permissions: Vec<Permission>| permissions.into_iter().map(&mut household).collect();
    Ok(found.into_iter().map(page).collect())
}

/// A permission under which something came, and since when it is news.
fn sends(permission: &Permission) -> Option<(PermissionId, Timestamp)> {
    let last = permission.last_message_at?;
    let since = last.saturating_sub(NEWS).unwrap_or(Timestamp::MIN);
    (permission.status == Status::Accepted).then_some((permission.id, since))
}

/// Values as they are read.
pub(super) struct Shown {
    pub(super) at: Timestamp,
    /// The same in words, UTC.
    pub(super) time: String,
    pub(super) lines: Vec<Line>,
}

pub(super) struct Line {
    pub(super) what: String,
    pub(super) amount: String,
}

impl Shown {
    pub(super) fn of(words: &Words, newest: &[Measured]) -> Option<Self> {
        let at = newest.iter().map(|measured| measured.at).max()?;
        let lines = newest.iter().map(|measured| Line {
            what: meaning(words, &measured.obis),
            amount: amount(words, &measured.value, &measured.unit),
        });
        Some(Self {
            at,
            time: words.time(&at.to_zoned(TimeZone::UTC)),
            lines: lines.collect(),
        })
    }
}

/// For the event stream: the values of every permission that has any, by its place on the page.
pub(super) fn told(words: &Words, households: &[Household]) -> Option<String> {
    let told: Vec<Value> = households
        .iter()
        .enumerate()
        .filter_map(|(nr, household)| {
            let shown = Shown::of(words, &household.newest)?;
            let lines = shown.lines.iter();
            let lines: Vec<Value> = lines.map(|it| json!([it.what, it.amount])).collect();
            Some(json!({
                "nr": nr, "at": shown.at.to_string(), "time": shown.time, "values": lines,
            }))
        })
        .collect();
    (!told.is_empty()).then(|| Value::from(told).to_string())
}

//! What the page says of the permissions behind a ticket.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use permission::data_need::TimeFrame;
use permission::{Direction, Generation, PermissionId};
use storage::aiida::permission::Permission;

use super::asked::{self, Flow};
use super::look::Look;
use super::qr::{self, Picture};
use super::stand::{self, Stand};
use super::values::{Household, Shown};
use crate::Service;
use crate::tokens::SignError;

/// The page.
pub(super) struct View {
    /// Speaks for all of them.
    pub(super) stand: Stand,
    pub(super) title: String,
    pub(super) lead: String,
    pub(super) entries: Vec<Entry>,
    /// The code, while there is something to scan: the current one, or one for an older home.
    pub(super) code: Option<Code>,
    pub(super) is_older: bool,
    /// The ways to the codes of older homes, one for each permission that they can serve.
    pub(super) older: Vec<Older>,
    /// Until when the codes are good.
    pub(super) until: String,
    pub(super) steps: Vec<Step>,
    /// What the event stream compares.
    pub(super) state: String,
    pub(super) may_change: bool,
    pub(super) offers_again: bool,
    /// Where homes ask, and where they send.
    pub(super) host: String,
    pub(super) broker: String,
}

/// One permission.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) purpose: String,
    pub(super) description: Option<String>,
    pub(super) policy_link: String,
    pub(super) what: Vec<Flow>,
    pub(super) often: Option<String>,
    pub(super) when: String,
    pub(super) commands: Vec<String>,
    pub(super) stand: Stand,
    pub(super) badge: String,
    /// What it means, where the page's own words are about another one.
    pub(super) text: Option<String>,
    pub(super) shown: Option<Shown>,
}

/// Something to scan or to copy.
pub(super) struct Code {
    pub(super) text: String,
    pub(super) picture: Option<Picture>,
}

/// The way to the code of older homes for one permission.
pub(super) struct Older {
    pub(super) name: String,
    pub(super) link: String,
}

/// How far it is.
pub(super) struct Step {
    pub(super) what: String,
    pub(super) how: String,
    /// The look of the badge.
    pub(super) colour: &'static str,
}

/// What the page shows, in short: the page is loaded again when it changes.
pub(super) fn state(service: &Service, households: &[Household]) -> String {
    let stands: Vec<&str> = households
        .iter()
        .map(|household| Stand::of(service, household).name())
        .collect();
    stands.join(" ")
}

pub(super) fn view(look: &Look<'_>, households: &[Household]) -> Result<View, SignError> {
    let service = look.service;
    let stands: Vec<Stand> = households
        .iter()
        .map(|household| Stand::of(service, household))
        .collect();
    let both = || households.iter().zip(&stands);
    let open: Vec<&Permission> = both()
        .filter(|(_, stand)| stand.is_open())
        .map(|(household, _)| &household.permission)
        .collect();
    let leading = stand::ALL.into_iter().find(|stand| stands.contains(stand));
    let leading = leading.unwrap_or(Stand::Closed);
    let first = both().find(|(_, stand)| **stand == leading);
    let expires_at = open
        .first()
        .map(|permission| stand::expires_at(service, permission));
    let older = older(look, households, &stands)?;
    Ok(View {
        stand: leading,
        title: look.say(&format!("title-{}", leading.name())),
        lead: lead(look, leading, first.map(|(household, _)| household)),
        entries: both()
            .map(|(household, stand)| entry(look, household, *stand, *stand != leading))
            .collect(),
        is_older: older.is_some(),
        code: match older {
            Some(code) => Some(code),
            None => current(service, &open)?,
        },
        older: ways(look, households, &stands),
        until: expires_at.map_or_else(String::new, |at| moment(look, at)),
        steps: match households {
            [one] => steps(look, one, leading),
            _ => Vec::new(),
        },
        state: state(service, households),
        may_change: !both().all(|(it, stand)| stand::is_final(*stand, it.permission.status)),
        offers_again: open.is_empty()
            && both().any(|(it, stand)| stand.is_renewable(it.permission.status)),
        host: bare(&service.public_url),
        broker: bare(&service.homes_url),
    })
}

/// Host and port.
fn bare(url: &str) -> String {
    url.split_once("://")
        .map_or(url, |(_, host)| host)
        .to_owned()
}

fn moment(look: &Look<'_>, at: Timestamp) -> String {
    look.words.time(&at.to_zoned(TimeZone::UTC))
}

fn lead(look: &Look<'_>, stand: Stand, household: Option<&Household>) -> String {
    let day = household.and_then(|it| it.permission.starts_on);
    let day = day.map_or_else(String::new, |day| look.words.date(day));
    look.words.say_with(
        &format!("lead-{}", stand.name()),
        &[("operator", look.operator().into()), ("day", day.into())],
    )
}

fn steps(look: &Look<'_>, household: &Household, stand: Stand) -> Vec<Step> {
    let Some(done) = stand.steps() else {
        return Vec::new();
    };
    let permission = &household.permission;
    let keys: &[&str] = if stand::is_periodic(permission) {
        &["step-scan", "step-accept", "step-connect", "step-reading"]
    } else if permission.data_need.direction == Direction::Outbound {
        &["step-scan", "step-accept", "step-connect"]
    } else {
        // Nothing of ours tells whether it is connected.
        &["step-scan", "step-accept"]
    };
    let step = |(nr, key): (usize, &&str)| {
        let (how, colour) = match nr.cmp(&done) {
            std::cmp::Ordering::Less => ("step-done", "good"),
            std::cmp::Ordering::Equal if stand == Stand::Silent => ("step-missing", "warn"),
            std::cmp::Ordering::Equal => ("step-now", "info"),
            std::cmp::Ordering::Greater => ("step-later", ""),
        };
        Step {
            what: look.words.say(key),
            how: look.words.say(how),
            colour,
        }
    };
    keys.iter().enumerate().map(step).collect()
}

fn current(service: &Service, open: &[&Permission]) -> Result<Option<Code>, SignError> {
    let Some(first) = open.first() else {
        return Ok(None);
    };
    let ids: Vec<PermissionId> = open.iter().map(|permission| permission.id).collect();
    let sent_at = first.sent_at.unwrap_or(first.created_at);
    let text = service.bundle(first.bundle, &ids, sent_at)?.to_text();
    Ok(Some(code(text)))
}

fn code(text: String) -> Code {
    Code {
        picture: qr::picture(&text),
        text,
    }
}

/// The code for an older home that this page is asked for, if there is one: a page has room for one picture.
fn older(
    look: &Look<'_>,
    households: &[Household],
    stands: &[Stand],
) -> Result<Option<Code>, SignError> {
    let asked_for = look.older().and_then(|number| {
        let is_open = stands.get(number)?.is_open();
        is_open.then(|| households.get(number))?
    });
    let Some(Household { permission, .. }) = asked_for else {
        return Ok(None);
    };
    let sent_at = permission.sent_at.unwrap_or(permission.created_at);
    let single = look.service.single(permission, sent_at)?;
    Ok(single.map(|single| code(single.to_text())))
}

fn ways(look: &Look<'_>, households: &[Household], stands: &[Stand]) -> Vec<Older> {
    let all = households.iter().zip(stands).enumerate();
    all.filter(|(_, (household, stand))| {
        stand.is_open() && household.permission.data_need.serves(Generation::Single)
    })
    .map(|(number, (household, _))| Older {
        name: household.permission.data_need.name.clone(),
        link: look.with_older(Some(number)),
    })
    .collect()
}

fn entry(look: &Look<'_>, household: &Household, stand: Stand, differs: bool) -> Entry {
    let (words, permission) = (&look.words, &household.permission);
    let need = &permission.data_need;
    let frame = match permission.starts_on {
        Some(start) => Some(TimeFrame {
            start,
            end: permission.ends_on,
        }),
        None => need.resolve(look.service.today()).ok(),
    };
    Entry {
        name: need.name.clone(),
        purpose: need.purpose.clone(),
        description: need.description.clone(),
        policy_link: need.policy_link.clone(),
        what: asked::what(words, need),
        often: asked::often(words, need, look.service.clock.now()),
        when: asked::when(words, frame),
        commands: asked::commands(words, need),
        stand,
        badge: look.say(&format!("badge-{}", stand.name())),
        text: differs.then(|| lead(look, stand, Some(household))),
        shown: Shown::of(words, &household.newest),
    }
}

//! What the page says of the permissions behind a ticket.

use jiff::Timestamp;
use permission::data_need::TimeFrame;
use permission::{Direction, PermissionId, Status};
use storage::aiida::permission::Permission;

use super::qr::{self, Picture};
use super::words;
use crate::Service;
use crate::tokens::SignError;

/// The page.
pub(super) struct View {
    pub(super) title: &'static str,
    pub(super) entries: Vec<Entry>,
    /// The current code, while there is something to scan.
    pub(super) code: Option<Code>,
    /// The codes of older homes, one for each permission that they can serve.
    pub(super) older: Vec<Code>,
    /// What the event stream compares.
    pub(super) state: String,
    pub(super) may_change: bool,
    pub(super) offers_again: bool,
    pub(super) refresh_seconds: u32,
}

/// One permission.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) purpose: String,
    pub(super) description: Option<String>,
    pub(super) policy_link: String,
    pub(super) what: Vec<String>,
    pub(super) how_often: Option<String>,
    pub(super) when: String,
    pub(super) commands: Vec<&'static str>,
    pub(super) state: &'static str,
    pub(super) explained: String,
}

/// Something to scan or to copy.
pub(super) struct Code {
    /// Tells the fields of a page apart.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) text: String,
    pub(super) picture: Option<Picture>,
}

/// Where a permission stands, as its household sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// To be scanned.
    Asked,
    /// Scanned too late, or not at all.
    Expired,
    /// Accepted a moment ago.
    Awaited,
    /// Accepted some time ago, and nothing came.
    Silent,
    /// The same for a home that only receives: it may well be there.
    Unseen,
    /// Accepted, and in use.
    Active,
    /// Anything that comes later.
    Over(Status),
}

impl Stand {
    pub(super) fn of(service: &Service, permission: &Permission) -> Self {
        let now = service.clock.now();
        match permission.status {
            Status::SentToPermissionAdministrator if expires_at(service, permission) <= now => {
                Self::Expired
            }
            Status::SentToPermissionAdministrator => Self::Asked,
            Status::TimedOut => Self::Expired,
            Status::Accepted => Self::accepted(service, permission, now),
            status => Self::Over(status),
        }
    }

    fn accepted(service: &Service, permission: &Permission, now: Timestamp) -> Self {
        // Data, or the acknowledgement of what it has received: nothing else shows that a home is there.
        if permission.first_message_at.is_some() {
            return Self::Active;
        }
        let need = &permission.data_need;
        let accepted_at = permission.accepted_at.unwrap_or(permission.status_at);
        let expected_at = match need.direction {
            Direction::Outbound => need.transmission_schedule.next_after(accepted_at),
            Direction::Inbound => None,
        };
        let expected_at = expected_at.unwrap_or(accepted_at);
        let is_late = now.duration_since(expected_at) > service.config.process.silence();
        match need.direction {
            _ if !is_late => Self::Awaited,
            Direction::Outbound => Self::Silent,
            Direction::Inbound => Self::Unseen,
        }
    }

    /// For the event stream.
    fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Expired => "expired",
            Self::Awaited => "awaited",
            Self::Silent => "silent",
            Self::Unseen => "unseen",
            Self::Active => "active",
            Self::Over(status) => status.name(),
        }
    }

    /// Nothing will change any more without somebody asking again.
    fn is_final(self) -> bool {
        match self {
            Self::Asked | Self::Awaited | Self::Silent | Self::Unseen | Self::Active => false,
            Self::Expired => true,
            Self::Over(status) => status.next().is_empty(),
        }
    }
}

fn expires_at(service: &Service, permission: &Permission) -> Timestamp {
    let sent_at = permission.sent_at.unwrap_or(permission.created_at);
    let timeout = service.config.process.timeout();
    sent_at.saturating_add(timeout).unwrap_or(Timestamp::MAX)
}

/// Whether the household may ask for it once more: it came to nothing, or it seems to be stuck.
pub(super) fn is_renewable(service: &Service, permission: &Permission) -> bool {
    match Stand::of(service, permission) {
        Stand::Expired | Stand::Silent | Stand::Unseen => true,
        Stand::Over(status) => matches!(
            status,
            Status::Rejected | Status::Unfulfillable | Status::Invalid | Status::Revoked
        ),
        Stand::Asked | Stand::Awaited | Stand::Active => false,
    }
}

/// What the page shows, in short: the page is loaded again when it changes.
pub(super) fn state(service: &Service, permissions: &[Permission]) -> String {
    let stands: Vec<&str> = permissions
        .iter()
        .map(|permission| Stand::of(service, permission).name())
        .collect();
    stands.join(" ")
}

pub(super) fn view(service: &Service, permissions: &[Permission]) -> Result<View, SignError> {
    let stands: Vec<Stand> = permissions
        .iter()
        .map(|permission| Stand::of(service, permission))
        .collect();
    let asked: Vec<&Permission> = permissions
        .iter()
        .zip(&stands)
        .filter(|(_, stand)| **stand == Stand::Asked)
        .map(|(permission, _)| permission)
        .collect();
    let offers_again = asked.is_empty()
        && permissions
            .iter()
            .any(|permission| is_renewable(service, permission));
    Ok(View {
        title: title(&stands),
        entries: permissions
            .iter()
            .zip(&stands)
            .map(|(permission, stand)| entry(service, permission, *stand))
            .collect(),
        code: current(service, &asked)?,
        older: older(service, &asked)?,
        state: state(service, permissions),
        may_change: !stands.iter().all(|stand| stand.is_final()),
        offers_again,
        refresh_seconds: if asked.is_empty() { 30 } else { 15 },
    })
}

fn title(stands: &[Stand]) -> &'static str {
    let any = |wanted: Stand| stands.contains(&wanted);
    if any(Stand::Asked) {
        "Share data from your home"
    } else if any(Stand::Silent) {
        "Nothing has arrived yet"
    } else if any(Stand::Awaited) || any(Stand::Unseen) {
        "Accepted"
    } else if any(Stand::Active) {
        "Connected"
    } else if any(Stand::Expired) {
        "This code has expired"
    } else {
        "This request is closed"
    }
}

fn current(service: &Service, asked: &[&Permission]) -> Result<Option<Code>, SignError> {
    let Some(first) = asked.first() else {
        return Ok(None);
    };
    let ids: Vec<PermissionId> = asked.iter().map(|permission| permission.id).collect();
    let sent_at = first.sent_at.unwrap_or(first.created_at);
    let text = service.bundle(first.bundle, &ids, sent_at)?.to_text();
    Ok(Some(Code {
        id: "code".to_owned(),
        name: String::new(),
        picture: qr::picture(&text),
        text,
    }))
}

fn older(service: &Service, asked: &[&Permission]) -> Result<Vec<Code>, SignError> {
    let mut codes = Vec::new();
    for (number, permission) in asked.iter().enumerate() {
        let sent_at = permission.sent_at.unwrap_or(permission.created_at);
        if let Some(code) = service.single(permission, sent_at)? {
            let text = code.to_text();
            codes.push(Code {
                id: format!("older-{number}"),
                name: permission.data_need.name.clone(),
                picture: qr::picture(&text),
                text,
            });
        }
    }
    Ok(codes)
}

fn entry(service: &Service, permission: &Permission, stand: Stand) -> Entry {
    let need = &permission.data_need;
    let frame = match permission.starts_on {
        Some(start) => Some(TimeFrame {
            start,
            end: permission.ends_on,
        }),
        None => need.resolve(service.today()).ok(),
    };
    let (state, explained) = words::stand(stand, &service.config.operator.operator_name);
    Entry {
        name: need.name.clone(),
        purpose: need.purpose.clone(),
        description: need.description.clone(),
        policy_link: need.policy_link.clone(),
        what: words::what(need),
        how_often: words::how_often(need, service.clock.now()),
        when: words::when(frame),
        commands: words::commands(need),
        state,
        explained,
    }
}

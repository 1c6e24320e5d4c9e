//! Where a permission stands, as its household sees it.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use permission::{Direction, Schema, Status};
use storage::aiida::permission::Permission;

use super::values::Household;
use crate::Service;

/// The texts of each are named after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// To be scanned.
    Asked,
    /// To be scanned, for some time already.
    Overdue,
    /// A home has fetched what is asked for.
    Seen,
    /// Scanned too late, or not at all.
    Expired,
    /// Accepted a moment ago.
    Awaited,
    /// Accepted, and its first day is yet to come.
    Planned,
    /// Accepted some time ago, and nothing came.
    Silent,
    /// The same for a home that only receives: it may well be there.
    Unseen,
    /// Something came that is no reading.
    Active,
    /// Readings come.
    Reading,
    /// They came, and come no more.
    Quiet,
    Rejected,
    Unfulfillable,
    Revoked,
    Fulfilled,
    /// By the eligible party.
    Ended,
    /// Any other end.
    Closed,
}

use Stand::{
    Active, Asked, Awaited, Closed, Ended, Expired, Fulfilled, Overdue, Planned, Quiet, Reading,
    Rejected, Revoked, Seen, Silent, Unfulfillable, Unseen,
};

/// In the order in which they speak for the whole page: first what somebody has to do.
pub(super) const ALL: [Stand; 17] = [
    Seen,
    Overdue,
    Asked,
    Silent,
    Awaited,
    Quiet,
    Unseen,
    Planned,
    Active,
    Reading,
    Expired,
    Unfulfillable,
    Rejected,
    Revoked,
    Fulfilled,
    Ended,
    Closed,
];

impl Stand {
    pub(super) fn of(service: &Service, household: &Household) -> Self {
        let permission = &household.permission;
        let now = service.clock.now();
        let silence = service.config.process.silence();
        match permission.status {
            Status::SentToPermissionAdministrator if expires_at(service, permission) <= now => {
                Expired
            }
            Status::SentToPermissionAdministrator if permission.code.is_some() => Seen,
            Status::SentToPermissionAdministrator => {
                let since = permission.sent_at.unwrap_or(permission.created_at);
                if now.duration_since(since) > silence {
                    Overdue
                } else {
                    Asked
                }
            }
            Status::TimedOut => Expired,
            Status::Accepted => accepted(household, now, silence),
            Status::Rejected => Rejected,
            Status::Unfulfillable => Unfulfillable,
            Status::Revoked => Revoked,
            Status::Fulfilled => Fulfilled,
            Status::Terminated
            | Status::RequiresExternalTermination
            | Status::FailedToTerminate
            | Status::ExternallyTerminated => Ended,
            _ => Closed,
        }
    }

    /// Ends the names of its texts; the event stream tells it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Asked => "asked",
            Overdue => "overdue",
            Seen => "seen",
            Expired => "expired",
            Awaited => "awaited",
            Planned => "planned",
            Silent => "silent",
            Unseen => "unseen",
            Active => "active",
            Reading => "reading",
            Quiet => "quiet",
            Rejected => "rejected",
            Unfulfillable => "unfulfillable",
            Revoked => "revoked",
            Fulfilled => "fulfilled",
            Ended => "ended",
            Closed => "closed",
        }
    }

    /// The look of its badge.
    pub(super) const fn colour(self) -> &'static str {
        match self {
            Asked | Overdue | Seen | Awaited | Planned | Unseen => "info",
            Active | Reading => "good",
            Silent | Quiet | Expired | Unfulfillable => "warn",
            Rejected | Revoked | Fulfilled | Ended | Closed => "",
        }
    }

    /// There is a code to scan.
    pub(super) const fn is_open(self) -> bool {
        matches!(self, Asked | Overdue | Seen)
    }

    /// There is nothing left to withdraw.
    pub(super) const fn is_over(self) -> bool {
        matches!(
            self,
            Expired | Rejected | Unfulfillable | Revoked | Fulfilled | Ended | Closed
        )
    }

    /// Whether the household may ask for it once more: it came to nothing, or it seems to be stuck.
    pub(super) const fn is_renewable(self, status: Status) -> bool {
        match self {
            Expired | Silent | Unseen | Rejected | Unfulfillable | Revoked => true,
            Closed => matches!(status, Status::Invalid),
            _ => false,
        }
    }

    /// How far it has come: the number of steps that are done; none once it has ended or needs no more telling.
    pub(super) const fn steps(self) -> Option<usize> {
        match self {
            Asked | Overdue => Some(0),
            Seen => Some(1),
            Awaited | Planned | Silent | Unseen => Some(2),
            Active => Some(3),
            _ => None,
        }
    }
}

fn accepted(household: &Household, now: Timestamp, silence: SignedDuration) -> Stand {
    let permission = &household.permission;
    let need = &permission.data_need;
    let is_late = |since: Timestamp| {
        let due = match need.direction {
            Direction::Outbound => need.transmission_schedule.next_after(since),
            Direction::Inbound => None,
        };
        now.duration_since(due.unwrap_or(since)) > silence
    };
    // Data, or the acknowledgement of what it has received: nothing else shows that a home is there.
    if let Some(last) = permission.last_message_at.or(permission.first_message_at) {
        return match need.direction {
            Direction::Outbound if is_periodic(permission) && is_late(last) => Quiet,
            _ if household.newest.is_empty() => Active,
            _ => Reading,
        };
    }
    let accepted_at = permission.accepted_at.unwrap_or(permission.status_at);
    let begins_at = permission
        .starts_on
        .and_then(|day| day.to_zoned(TimeZone::UTC).ok())
        .map_or(accepted_at, |day| day.timestamp().max(accepted_at));
    match need.direction {
        _ if begins_at > now => Planned,
        _ if !is_late(begins_at) => Awaited,
        Direction::Outbound => Silent,
        Direction::Inbound => Unseen,
    }
}

/// Whether the schedule says when something comes: what is only passed on comes when it does.
pub(super) fn is_periodic(permission: &Permission) -> bool {
    let schemas = &permission.data_need.schemas;
    permission.data_need.direction == Direction::Outbound
        && schemas.iter().any(|schema| {
            matches!(
                schema,
                Schema::SmartMeterP1Raw | Schema::SmartMeterP1CimV104 | Schema::SmartMeterP1CimV112
            )
        })
}

pub(super) fn expires_at(service: &Service, permission: &Permission) -> Timestamp {
    let sent_at = permission.sent_at.unwrap_or(permission.created_at);
    let timeout = service.config.process.timeout();
    sent_at.saturating_add(timeout).unwrap_or(Timestamp::MAX)
}

/// Nothing will change any more without somebody asking again.
pub(super) fn is_final(stand: Stand, status: Status) -> bool {
    stand == Expired || status.next().is_empty()
}

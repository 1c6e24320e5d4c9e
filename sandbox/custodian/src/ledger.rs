//! Every request to the API is entered here before anything else happens to it: what it was, how
//! often that came before, and whether PG&E's limits let it through.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::civil::time;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::clients::Fingerprint;
use crate::config::LimitConfig;
use crate::model::Calendar;

/// How many requests the log keeps.
const LOG: usize = 50_000;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "each is the resource of facts about the protocol that it is named after"
)]
pub enum RequestKind {
    Token,
    TestToken,
    TestAuthorize,
    ServiceStatus,
    SampleData,
    UsagePoints,
    UsagePoint,
    MeterReadings,
    MeterReading,
    IntervalBlocks,
    UsageSummaries,
    BatchSubscription,
    BatchUsagePoint,
    BatchRetailCustomer,
    BatchBulk,
    Authorizations,
    Authorization,
    AuthorizationDelete,
    ReadingTypes,
    ReadingType,
    LocalTimeParameters,
    ApplicationInformation,
    Unknown,
}

/// One request as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// When it came.
    pub at: Timestamp,
    /// What it asked for.
    pub kind: RequestKind,
    /// The how-manieth of its kind it was, from 1 on.
    pub occurrence: u64,
    /// Its path, and its query where that carries no secret.
    pub target: String,
    /// The answer's status; absent while it is under way.
    pub status: Option<u16>,
}

/// Counts of requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// All requests to the API.
    pub total: u64,
    /// Those refused because they came too often.
    pub throttled: u64,
    /// The most that came within any second, refused ones included.
    pub most_in_a_second: u64,
    /// All requests by kind.
    pub by_kind: BTreeMap<RequestKind, u64>,
}

/// Whether a request is let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Admitted,
    /// Come again after this many seconds.
    Throttled(i64),
}

/// Where a request was entered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entered {
    sequence: u64,
}

#[derive(Debug, Default)]
struct Quota {
    hour: (i64, u32),
    day: (i64, u32),
}

/// The book of requests.
#[derive(Debug)]
pub(crate) struct Ledger {
    limits: LimitConfig,
    calendar: Calendar,
    counts: RequestCounts,
    last_second: VecDeque<Timestamp>,
    log: VecDeque<RequestRecord>,
    dropped: u64,
    vendors: HashMap<Fingerprint, VecDeque<Timestamp>>,
    quotas: HashMap<String, Quota>,
}

impl Ledger {
    pub(crate) fn new(limits: LimitConfig, calendar: Calendar) -> Self {
        Self {
            limits,
            calendar,
            counts: RequestCounts::default(),
            last_second: VecDeque::new(),
            log: VecDeque::new(),
            dropped: 0,
            vendors: HashMap::new(),
            quotas: HashMap::new(),
        }
    }

    /// Enters a request.
    pub(crate) fn enter(&mut self, now: Timestamp, kind: RequestKind, target: String) -> Entered {
        self.counts.total += 1;
        let of_kind = self.counts.by_kind.entry(kind).or_default();
        *of_kind += 1;
        let occurrence = *of_kind;
        forget(&mut self.last_second, now, SignedDuration::from_secs(1));
        self.last_second.push_back(now);
        let within = u64::try_from(self.last_second.len()).unwrap_or(u64::MAX);
        self.counts.most_in_a_second = self.counts.most_in_a_second.max(within);
        if self.log.len() == LOG {
            self.log.pop_front();
            self.dropped += 1;
        }
        self.log.push_back(RequestRecord {
            at: now,
            kind,
            occurrence,
            target,
            status: None,
        });
        Entered {
            sequence: self.counts.total,
        }
    }

    /// Notes the answer's status.
    pub(crate) fn answered(&mut self, entered: Entered, status: u16) {
        let position = entered.sequence.checked_sub(self.dropped + 1);
        let record = position
            .and_then(|at| usize::try_from(at).ok())
            .and_then(|at| self.log.get_mut(at));
        if let Some(record) = record {
            record.status = Some(status);
        }
    }

    /// Applies the limits: the second per third party (its certificate), hour and day per client.
    pub(crate) fn admit(
        &mut self,
        now: Timestamp,
        vendor: Fingerprint,
        client_id: Option<&str>,
    ) -> Admission {
        let admission = self.judge(now, vendor, client_id);
        if matches!(admission, Admission::Throttled(_)) {
            self.counts.throttled += 1;
        }
        admission
    }

    fn judge(&mut self, now: Timestamp, vendor: Fingerprint, client_id: Option<&str>) -> Admission {
        let window = SignedDuration::from_millis(1_000 - i64::from(self.limits.tolerance_ms));
        let recent = self.vendors.entry(vendor).or_default();
        forget(recent, now, window);
        let full = |limit: u32, used: usize| {
            limit != 0 && used >= usize::try_from(limit).unwrap_or(usize::MAX)
        };
        if full(self.limits.per_second, recent.len()) {
            return Admission::Throttled(1);
        }
        let (hour, day) = (
            now.as_second().div_euclid(3_600),
            day_of_quota(&self.calendar, now),
        );
        if let Some(client_id) = client_id {
            let quota = self.quotas.entry(client_id.to_owned()).or_default();
            let in_hour = if quota.hour.0 == hour {
                quota.hour.1
            } else {
                0
            };
            let in_day = if quota.day.0 == day { quota.day.1 } else { 0 };
            if self.limits.per_hour != 0 && in_hour >= self.limits.per_hour {
                return Admission::Throttled((hour + 1) * 3_600 - now.as_second());
            }
            if self.limits.per_day != 0 && in_day >= self.limits.per_day {
                return Admission::Throttled(day + 86_400 - now.as_second());
            }
            *quota = Quota {
                hour: (hour, in_hour + 1),
                day: (day, in_day + 1),
            };
        }
        recent.push_back(now);
        Admission::Admitted
    }

    pub(crate) fn counts(&self) -> RequestCounts {
        self.counts.clone()
    }

    /// The newest `limit` requests, oldest first.
    pub(crate) fn log(&self, limit: usize) -> Vec<RequestRecord> {
        self.log
            .iter()
            .skip(self.log.len().saturating_sub(limit))
            .cloned()
            .collect()
    }
}

/// Drops what is `window` old or older.
fn forget(times: &mut VecDeque<Timestamp>, now: Timestamp, window: SignedDuration) {
    while times
        .front()
        .is_some_and(|first| now.duration_since(*first) >= window)
    {
        times.pop_front();
    }
}

/// The start, in epoch seconds, of the day that begins at 17:00 Pacific time.
fn day_of_quota(calendar: &Calendar, now: Timestamp) -> i64 {
    let wall = calendar.wall_clock(now);
    let reset = time(17, 0, 0, 0);
    let began = if wall.time() >= reset {
        Some(wall.date())
    } else {
        wall.date().yesterday().ok()
    };
    began
        .and_then(|date| calendar.instant(date.to_datetime(reset)).ok())
        .map_or(0, Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use crate::config::ThrottleStatus;

    use super::*;

    const VENDOR: Fingerprint = [1; 32];

    fn ledger(per_second: u32, per_hour: u32, per_day: u32) -> Ledger {
        let limits = LimitConfig {
            per_second,
            per_hour,
            per_day,
            tolerance_ms: 50,
            throttle_status: ThrottleStatus::TooManyRequests,
        };
        Ledger::new(limits, Calendar::pacific().unwrap())
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn one_request_a_second_over_all_clients_of_a_vendor() {
        let mut ledger = ledger(1, 0, 0);
        let now = at("2026-11-20T18:00:00Z");
        assert_eq!(ledger.admit(now, VENDOR, Some("a")), Admission::Admitted);
        assert_eq!(
            ledger.admit(now + 900.milliseconds(), VENDOR, Some("b")),
            Admission::Throttled(1)
        );
        assert_eq!(
            ledger.admit(now + 900.milliseconds(), [2; 32], Some("c")),
            Admission::Admitted
        );
        assert_eq!(
            ledger.admit(now + 951.milliseconds(), VENDOR, Some("b")),
            Admission::Admitted
        );
        assert_eq!(ledger.counts().throttled, 1);
    }

    #[test]
    fn hours_and_days_are_counted_per_client() {
        let mut ledger = ledger(0, 2, 3);
        let now = at("2026-11-20T18:30:00Z");
        assert_eq!(ledger.admit(now, VENDOR, Some("a")), Admission::Admitted);
        assert_eq!(ledger.admit(now, VENDOR, Some("a")), Admission::Admitted);
        assert_eq!(
            ledger.admit(now, VENDOR, Some("a")),
            Admission::Throttled(1_800)
        );
        assert_eq!(ledger.admit(now, VENDOR, Some("b")), Admission::Admitted);
        let next_hour = at("2026-11-20T19:00:00Z");
        assert_eq!(
            ledger.admit(next_hour, VENDOR, Some("a")),
            Admission::Admitted
        );
        // 17:00 Pacific is 01:00 UTC in winter.
        assert_eq!(
            ledger.admit(next_hour, VENDOR, Some("a")),
            Admission::Throttled(6 * 3_600)
        );
        assert_eq!(
            ledger.admit(at("2026-11-21T00:59:59Z"), VENDOR, Some("a")),
            Admission::Throttled(1)
        );
        assert_eq!(
            ledger.admit(at("2026-11-21T01:00:00Z"), VENDOR, Some("a")),
            Admission::Admitted
        );
    }

    #[test]
    fn the_busiest_second_and_the_occurrences_are_known() {
        let mut ledger = ledger(0, 0, 0);
        let now = at("2026-11-20T18:00:00Z");
        for (offset, kind) in [
            (0, RequestKind::Token),
            (400, RequestKind::UsagePoints),
            (999, RequestKind::Token),
            (1_000, RequestKind::Token),
        ] {
            let entered = ledger.enter(now + offset.milliseconds(), kind, "/x".to_owned());
            ledger.answered(entered, 200);
        }
        let counts = ledger.counts();
        assert_eq!((counts.total, counts.most_in_a_second), (4, 3));
        assert_eq!(counts.by_kind[&RequestKind::Token], 3);
        let log = ledger.log(2);
        assert_eq!(
            log.iter()
                .map(|r| (r.occurrence, r.status))
                .collect::<Vec<_>>(),
            [(2, Some(200)), (3, Some(200))]
        );
    }
}

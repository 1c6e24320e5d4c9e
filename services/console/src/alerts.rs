//! What needs somebody: each with what to do and where.

use jiff::Timestamp;
use smd_client::certificate::EXPIRES_SOON;
use storage::console::overview::Counted;
use storage::smd::budget::Standing;

use crate::view::duration;

/// A due job that waits longer than this has nobody to run it, or those who run it are too few.
const WAITS_LONG: i64 = 10 * 60 * 1000;
/// What is never given up and has not been done for so long needs a look.
const UNDONE: i64 = 60 * 60 * 1000;
/// Kinds that are tried for ever and leave something open outside as long as they fail.
const NEVER_GIVEN_UP: [&str; 2] = ["smd.release", "mqtt.revoke"];
/// Of a budget's hundred.
const NEARLY_USED: u32 = 90;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alert {
    /// `bad` or `warn`, as the look of notes names them.
    pub(crate) tone: &'static str,
    pub(crate) text: String,
    pub(crate) link: &'static str,
    pub(crate) leads_to: &'static str,
}

impl Alert {
    const fn new(
        tone: &'static str,
        text: String,
        link: &'static str,
        leads_to: &'static str,
    ) -> Self {
        Self {
            tone,
            text,
            link,
            leads_to,
        }
    }
}

/// One, or the number of many.
fn told(count: i64, one: &str, many: &str) -> String {
    if count == 1 {
        one.to_owned()
    } else {
        format!("{count} {many}")
    }
}

/// Of what was counted.
pub(crate) fn of_counts(counted: &Counted) -> Vec<Alert> {
    let mut alerts = of_queues(counted);
    let concerns = &counted.concerns;
    let mut note = |count: i64, tone, (one, many): (&str, &str), link, leads_to| {
        if count > 0 {
            alerts.push(Alert::new(tone, told(count, one, many), link, leads_to));
        }
    };
    note(
        concerns.unknown_authorizations.into(),
        "bad",
        (
            "One authorization is active at PG&E and not known here: end it in the Share My Data portal.",
            "authorizations are active at PG&E and not known here: end them in the Share My Data portal.",
        ),
        "/console/custodian",
        "PG&E",
    );
    note(
        concerns.failed_histories,
        "warn",
        (
            "One history of the last seven days failed. The customer was told; look why.",
            "histories of the last seven days failed. Each customer was told; look why.",
        ),
        "/console/customers?stage=failed",
        "Failed histories",
    );
    note(
        concerns.failed_exports,
        "bad",
        (
            "One history is fetched, and its files could not be written so far: look at the download folder.",
            "histories are fetched, and their files could not be written so far: look at the download folder.",
        ),
        "/console/jobs?kind=csv.export",
        "Exports",
    );
    note(
        concerns.silent_homes,
        "warn",
        (
            "One home should have sent something over a quarter of an hour ago, and nothing has come of its permission.",
            "permissions should have brought something over a quarter of an hour ago, and nothing has come from their homes.",
        ),
        "/console/permissions?status=ACCEPTED",
        "Accepted permissions",
    );
    note(
        concerns.refused,
        "warn",
        (
            "One message of a home was refused in the last hour.",
            "messages of homes were refused in the last hour.",
        ),
        "/console/refused",
        "Refused messages",
    );
    if let Some(since) = concerns.webhook_failing_since {
        let text = format!(
            "The webhook has not taken events since {} UTC: look at its receiver.",
            crate::view::at(&since)
        );
        let link = "/console/jobs?kind=webhook.deliver";
        alerts.push(Alert::new("bad", text, link, "Deliveries"));
    }
    alerts
}

fn of_queues(counted: &Counted) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let discarded: i64 = counted.served().map(|queue| queue.discarded).sum();
    if discarded > 0 {
        let text = told(
            discarded,
            "One job was given up: read why, mend the cause, retry it if it is still wanted.",
            "jobs were given up: read why, mend the cause, retry those that are still wanted.",
        );
        let link = "/console/discarded";
        alerts.push(Alert::new("bad", text, link, "Discarded work"));
    }
    for queue in counted.served() {
        let is_open_outside = NEVER_GIVEN_UP.contains(&queue.kind.as_str());
        if is_open_outside && queue.oldest_ms > UNDONE {
            let text = format!(
                "{} could not be done for {}: something stays open at PG&E or at the broker.",
                queue.kind,
                duration(&queue.oldest_ms)
            );
            alerts.push(Alert::new("bad", text, "/console/jobs", "Jobs"));
        } else if queue.oldest_ready_ms > WAITS_LONG {
            let text = format!(
                "{} has waited for {}: is the service that runs it up, and are its replicas enough?",
                queue.kind,
                duration(&queue.oldest_ready_ms)
            );
            alerts.push(Alert::new("bad", text, "/console/jobs", "Jobs"));
        }
    }
    alerts
}

/// Of the request budget.
pub(crate) fn of_budget(standing: &Standing, per_hour: u32, per_day: u32) -> Option<Alert> {
    let is_short =
        |used: u32, limit: u32| u64::from(used) * 100 >= u64::from(limit) * u64::from(NEARLY_USED);
    let text = if is_short(standing.last_day, per_day) {
        format!(
            "The request budget of the day is nearly used: {} of {per_day}. Histories wait until it is free again.",
            standing.last_day
        )
    } else if is_short(standing.last_hour, per_hour) {
        format!(
            "The request budget of the hour is nearly used: {} of {per_hour}. Histories go on more slowly.",
            standing.last_hour
        )
    } else {
        return None;
    };
    Some(Alert::new(
        "warn",
        text,
        "/console/custodian",
        "Request budget",
    ))
}

/// Of the client certificate.
pub(crate) fn of_certificate(ends: Timestamp, now: Timestamp) -> Option<Alert> {
    let left = ends.duration_since(now);
    if left >= EXPIRES_SOON {
        return None;
    }
    let days = left.as_secs().div_euclid(24 * 60 * 60);
    let text = if days < 0 {
        "The client certificate has expired: PG&E answers nothing. Upload a new one in the Share My Data portal, then replace the file.".to_owned()
    } else {
        format!(
            "The client certificate expires in {days} days: upload the new one in the Share My Data portal, then replace the file."
        )
    };
    let tone = if days < 7 { "bad" } else { "warn" };
    Some(Alert::new(tone, text, "/console/custodian", "Certificate"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_certificate_is_told_of_in_time() {
        let now: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let told = |days: i64| {
            of_certificate(now + jiff::SignedDuration::from_hours(days * 24), now)
                .map(|alert| (alert.tone, alert.text))
        };
        assert_eq!(told(31), None);
        assert!(told(29).unwrap().1.contains("in 29 days"));
        assert_eq!(told(29).unwrap().0, "warn");
        assert_eq!(told(3).unwrap().0, "bad");
        assert!(told(-1).unwrap().1.contains("has expired"));
    }

    #[test]
    fn a_budget_is_told_of_when_it_is_nearly_used() {
        let standing = |last_hour, last_day| Standing {
            last_hour,
            last_day,
            next_slot: Duration::ZERO,
        };
        assert_eq!(of_budget(&standing(1_799, 17_999), 2_000, 20_000), None);
        let hour = of_budget(&standing(1_800, 0), 2_000, 20_000).unwrap();
        assert!(hour.text.contains("1800 of 2000"), "{}", hour.text);
        let day = of_budget(&standing(1_800, 18_000), 2_000, 20_000).unwrap();
        assert!(day.text.contains("of the day"), "{}", day.text);
    }
}

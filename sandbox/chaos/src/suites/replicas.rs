//! Two of each service, replaced one by one in order, and now and then one that falls: the budget is kept, both do a
//! share of the work, and nobody outside notices.

use std::collections::BTreeMap;

use custodian::ledger::RequestCounts;
use demo::{BoxError, SERVICES, StackOptions};
use serde_json::Value;

use crate::breaker::Breaker;
use crate::load::Breaking;
use crate::world::{PER_SECOND, SPACING_MS, Setup};

/// Milliseconds between two replacements.
const APART: (u64, u64) = (300, 1_500);
/// Work between two rounds.
const WORK: (i64, i64) = (20, 1);
/// Pieces of work that two replicas share for certain.
const PIECES: f64 = 30.0;
/// A counter of each service that grows with its work.
const WORK_OF: [(&str, &str); 6] = [
    ("smd-auth", "smd_authorizations_total"),
    ("smd-fetcher", "smd_requests_total"),
    ("csv-exporter", "csv_exports_total"),
    ("aiida-permission", "aiida_accept_seconds_count"),
    ("mqtt-iam", "mqtt_grants_total"),
    ("aiida-stream", "aiida_stream_stored_total"),
];

pub(super) fn plan(rounds: u32) -> (Setup, Box<Breaking>) {
    let options = StackOptions {
        replicas: true,
        ..StackOptions::default()
    };
    let setup = Setup {
        options,
        budget: true,
        unnoticed: true,
        ..Setup::default()
    };
    (setup, Box::new(move |breaker| break_it(breaker, rounds)))
}

fn break_it(breaker: &mut Breaker, rounds: u32) -> Result<(), BoxError> {
    for service in SERVICES {
        breaker.stack.add(service.name)?;
    }
    let mut shares = Shares::default();
    for _ in 0..rounds {
        breaker.until_more(WORK.0, WORK.1)?;
        for service in breaker.dice.shuffled(SERVICES) {
            for _ in 0..2 {
                shares.note(breaker, service.name)?;
                breaker.stack.terminate(service.name)?;
                breaker.stack.add(service.name)?;
                breaker.did(&format!("{} replaced", service.name));
                breaker.pause(APART.0, APART.1);
            }
        }
    }
    nobody_noticed(breaker);
    // One falls, and nobody takes its place: the other does with its session what it would have done.
    breaker.until_more(WORK.0, 0)?;
    breaker.kill("aiida-stream")?;
    breaker.until(ONE_SESSION)?;
    breaker.did("sessions ended by the survivor");
    breaker.stack.add("aiida-stream")?;
    breaker.until_more(WORK.0, WORK.1)?;
    for service in SERVICES {
        shares.note(breaker, service.name)?;
    }
    shares.claim(breaker);
    stored_by_one(breaker)?;
    keeps_the_budget(breaker)
}

/// The slot of the fallen is no more.
const ONE_SESSION: &str = "SELECT count(*) = 1 FROM aiida.stream_slot";

/// What replicas have done, each noted before it is replaced.
#[derive(Default)]
struct Shares(BTreeMap<&'static str, Vec<f64>>);

impl Shares {
    /// The older of the two.
    fn note(&mut self, breaker: &Breaker, service: &str) -> Result<(), BoxError> {
        let Some((name, counter)) = WORK_OF.into_iter().find(|(name, _)| *name == service) else {
            return Ok(());
        };
        let metrics = breaker.stack.metrics_of(name)?;
        let oldest = metrics.first().ok_or("no replica")?;
        self.0.entry(name).or_default().push(sum(oldest, counter));
        Ok(())
    }

    /// At least a third of all replicas that there were, and two, did some of the work: each lives for seconds only.
    /// Of a handful of pieces of work, one replica may get all by chance: that says nothing, and the summary says so.
    fn claim(&self, breaker: &mut Breaker) {
        let mut skipped = Vec::new();
        for (service, done) in &self.0 {
            if done.iter().sum::<f64>() < PIECES {
                skipped.push(*service);
                continue;
            }
            let busy = done.iter().filter(|done| **done > 0.0).count();
            let holds = busy >= 2 && busy * 3 >= done.len();
            breaker.claims.note(
                format!("the replicas of {service} share its work"),
                holds,
                format!("{done:?}"),
            );
        }
        let shares = serde_json::to_value(&self.0).unwrap_or(Value::Null);
        breaker
            .notes
            .insert("done_by_each_replica".to_owned(), shares);
        breaker
            .notes
            .insert("did_too_little_to_share".to_owned(), Value::from(skipped));
    }
}

/// The sum of a counter over its labels.
fn sum(metrics: &str, counter: &str) -> f64 {
    let samples = metrics.lines().filter(|line| {
        line.strip_prefix(counter)
            .is_some_and(|rest| rest.starts_with(['{', ' ']))
    });
    samples
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// No request was answered with a fault of ours.
fn nobody_noticed(breaker: &mut Breaker) {
    let log = breaker.stack.nginx.access_log();
    let faults: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(r#""status":"5"#))
        .take(5)
        .collect();
    let requests = log.lines().count();
    breaker.claims.note(
        "no request was answered with a 5xx while replicas were replaced",
        faults.is_empty() && requests > 0,
        format!("of {requests}: {faults:?}"),
    );
}

/// A message goes to one replica: what all have received is not much more than what there is.
fn stored_by_one(breaker: &mut Breaker) -> Result<(), BoxError> {
    let metrics = breaker.stack.metrics_of("aiida-stream")?.concat();
    let (stored, twice) = (
        sum(&metrics, "aiida_stream_stored_total"),
        sum(&metrics, "aiida_stream_duplicates_total"),
    );
    breaker.claims.note(
        "data messages go to one replica each",
        stored > 0.0 && twice < stored / 2.0,
        format!("{stored} stored, {twice} came once more"),
    );
    Ok(())
}

/// The custodian never had more requests within a second than it allows, and turned none away.
pub(super) fn keeps_the_budget(breaker: &mut Breaker) -> Result<(), BoxError> {
    let site = breaker.stack.site().clone();
    let counts: RequestCounts = breaker.wait(site.control("requests"))?;
    breaker.claims.note(
        "the request budget is kept at the custodian",
        counts.most_in_a_second <= PER_SECOND && counts.throttled == 0 && counts.total > 0,
        format!(
            "{} at most in a second, {} throttled, of {}",
            counts.most_in_a_second, counts.throttled, counts.total
        ),
    );
    let near = breaker.number(&format!(
        "SELECT count(*) FROM (SELECT slot_at - lag(slot_at) OVER (ORDER BY number) AS gap FROM smd.budget_slot) slots
         WHERE gap < interval '{SPACING_MS} ms'"
    ))?;
    breaker.claims.note(
        "no two slots of the budget are nearer than they may be",
        near == 0,
        near,
    );
    breaker.notes.insert(
        "most_requests_in_a_second".to_owned(),
        Value::from(counts.most_in_a_second),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_summed_over_its_labels_and_no_other_is() {
        let metrics = "# TYPE a_total counter\na_total{x=\"1\"} 2\na_total{x=\"2\"} 3\na_total_more 7\nb_total 9\n";
        assert!((sum(metrics, "a_total") - 5.0).abs() < f64::EPSILON);
        assert!((sum(metrics, "b_total") - 9.0).abs() < f64::EPSILON);
    }
}

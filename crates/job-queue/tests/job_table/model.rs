//! A small model of the job table against the real one: random sequences of what enqueuers, workers,
//! maintenance and the operator do, with lease tokens that may be stale, must leave the same rows.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::common::Table;

/// Two attempts here, no back-off, then the other kind follows.
const FOLLOWED: &str = "test.followed";
/// Never given up; its back-off is an hour here.
const ENDLESS: &str = "test.endless";
const MOST_ATTEMPTS: i64 = 2;

#[derive(Debug, Clone)]
enum Step {
    Enqueue {
        kind: &'static str,
        key: u8,
        later: bool,
        priority: i64,
    },
    /// By one worker, or by two at once.
    Claim {
        kind: &'static str,
        limit: usize,
        two: bool,
    },
    Finish {
        claim: usize,
        outcome: &'static str,
    },
    Complete {
        claims: [usize; 2],
    },
    Heartbeat {
        claim: usize,
    },
    Progress {
        claim: usize,
    },
    Vanish {
        claim: usize,
    },
    Discard {
        job: usize,
    },
    Retry {
        job: usize,
    },
    TimePasses,
}

fn step() -> impl Strategy<Value = Step> {
    let kind = || prop_oneof![Just(FOLLOWED), Just(ENDLESS)];
    let outcome = prop::sample::select(vec![
        "completed",
        "cancelled",
        "retry",
        "retry",
        "retry",
        "fail",
        "snooze",
        "hand_back",
    ]);
    let number = 0..100_usize;
    // Mostly one of the latest claims, which is likely to hold its lease.
    let claim = || prop_oneof![3 => 0..4_usize, 1 => 0..100_usize];
    prop_oneof![
        6 => (kind(), 0..4_u8, any::<bool>(), -1..3_i64)
            .prop_map(|(kind, key, later, priority)| Step::Enqueue { kind, key, later, priority }),
        8 => (kind(), 1..4_usize, any::<bool>()).prop_map(|(kind, limit, two)| Step::Claim { kind, limit, two }),
        8 => (claim(), outcome).prop_map(|(claim, outcome)| Step::Finish { claim, outcome }),
        1 => [claim(), claim()].prop_map(|claims| Step::Complete { claims }),
        2 => claim().prop_map(|claim| Step::Heartbeat { claim }),
        1 => claim().prop_map(|claim| Step::Progress { claim }),
        4 => claim().prop_map(|claim| Step::Vanish { claim }),
        1 => number.clone().prop_map(|job| Step::Discard { job }),
        1 => number.prop_map(|job| Step::Retry { job }),
        2 => Just(Step::TimePasses),
    ]
}

#[derive(Debug, Clone, PartialEq)]
struct ModelJob {
    id: i64,
    kind: &'static str,
    key: u8,
    priority: i64,
    state: &'static str,
    attempt: i64,
    due: bool,
    /// Asked for again while it runs; due at once?
    again: Option<bool>,
    token: Option<String>,
    errors: usize,
}

#[derive(Debug, Default)]
struct Model {
    jobs: Vec<ModelJob>,
    /// Every claim ever made: job and token.
    claims: Vec<(i64, String)>,
}

impl Model {
    fn live(&mut self, kind: &str, key: u8) -> Option<&mut ModelJob> {
        self.jobs.iter_mut().find(|job| {
            job.kind == kind && job.key == key && matches!(job.state, "available" | "running")
        })
    }

    /// `id` is what the table answered; it must be the live twin's, if there is one.
    fn enqueue(&mut self, kind: &'static str, key: u8, priority: i64, due: bool, id: i64) {
        if let Some(twin) = self.live(kind, key) {
            assert_eq!(twin.id, id);
            twin.priority = twin.priority.max(priority);
            match twin.state {
                "available" => twin.due |= due,
                _ => twin.again = Some(twin.again.unwrap_or(false) || due),
            }
            return;
        }
        assert!(self.jobs.iter().all(|job| job.id != id));
        self.jobs.push(ModelJob {
            id,
            kind,
            key,
            priority,
            state: "available",
            attempt: 0,
            due,
            again: None,
            token: None,
            errors: 0,
        });
    }

    fn holder(&mut self, (id, token): &(i64, String)) -> Option<&mut ModelJob> {
        self.jobs
            .iter_mut()
            .find(|job| job.id == *id && job.token.as_ref() == Some(token))
    }

    fn find(&mut self, id: i64) -> &mut ModelJob {
        self.jobs.iter_mut().find(|job| job.id == id).unwrap()
    }

    /// Counted from the latest.
    fn claim_of(&self, number: usize) -> Option<(i64, String)> {
        (!self.claims.is_empty())
            .then(|| self.claims[self.claims.len() - 1 - number % self.claims.len()].clone())
    }

    /// True when the job is given up.
    fn put_back(&mut self, id: i64, at_once: bool) -> bool {
        let job = self.find(id);
        job.errors += 1;
        let is_last = job.kind == FOLLOWED && job.attempt >= MOST_ATTEMPTS;
        if is_last && job.again.is_none() {
            job.end("discarded");
            return true;
        }
        let attempt = if is_last { 0 } else { job.attempt };
        job.wait(at_once || job.kind == FOLLOWED, attempt);
        false
    }
}

impl ModelJob {
    fn wait(&mut self, due: bool, attempt: i64) {
        self.state = "available";
        self.due = due || self.again == Some(true);
        self.attempt = attempt;
        (self.token, self.again) = (None, None);
    }

    fn end(&mut self, state: &'static str) {
        self.state = state;
        (self.token, self.again) = (None, None);
    }
}

/// The rows and the model in the same form.
async fn compare(table: &Table, model: &Model) {
    let rows = "SELECT coalesce(jsonb_agg(jsonb_build_array(id, kind, unique_key, priority, state, attempt,
                    state <> 'available' OR run_at <= clock_timestamp(),
                    again_at <= clock_timestamp(), lease_token, cardinality(errors),
                    (finished_at IS NOT NULL)) ORDER BY id), '[]')
                FROM jobs.job";
    let mut expected: Vec<Value> = Vec::new();
    let mut jobs = model.jobs.clone();
    jobs.sort_by_key(|job| job.id);
    for job in jobs {
        let ended = !matches!(job.state, "available" | "running");
        let due = job.state != "available" || job.due;
        expected.push(json!([
            job.id,
            job.kind,
            job.key.to_string(),
            job.priority,
            job.state,
            job.attempt,
            due,
            job.again,
            job.token,
            job.errors.min(20),
            ended
        ]));
    }
    assert_eq!(table.value(rows).await, Value::from(expected));
}

async fn take(table: &Table, model: &mut Model, step: &Step) {
    match step {
        Step::Enqueue {
            kind,
            key,
            later,
            priority,
        } => {
            let delay = if *later { 3_600_000 } else { 0 };
            let ids = format!(
                "SELECT to_jsonb(jobs.enqueue('{{{kind}}}', '{{\"{{}}\"}}', '{{{key}}}', '{{{delay}}}', '{{{priority}}}', NULL))"
            );
            let id = table.value(&ids).await[0].as_i64().unwrap();
            model.enqueue(kind, *key, *priority, !later, id);
        }
        Step::Claim { kind, limit, two } => claim(table, model, kind, *limit, *two).await,
        Step::Finish { claim, outcome } => {
            if let Some(claim) = model.claim_of(*claim) {
                finish(table, model, &claim, outcome).await;
            }
        }
        Step::Complete { claims } => complete(table, model, claims).await,
        Step::Heartbeat { claim } => {
            let Some(claim) = model.claim_of(*claim) else {
                return;
            };
            let held = format!(
                "SELECT to_jsonb(h) FROM jobs.heartbeat('{{{}}}', '{{{}}}') h",
                claim.0, claim.1
            );
            assert_eq!(
                table.value(&held).await == claim.0,
                model.holder(&claim).is_some()
            );
        }
        Step::Progress { claim } => {
            let Some(claim) = model.claim_of(*claim) else {
                return;
            };
            let progressed = table
                .value(&format!(
                    "SELECT to_jsonb(jobs.progressed({}, '{}'))",
                    claim.0, claim.1
                ))
                .await;
            let holder = model.holder(&claim);
            assert_eq!(progressed, holder.is_some());
            if let Some(job) = holder {
                job.attempt = 1;
            }
        }
        Step::Vanish { claim } => {
            let Some(claim) = model.claim_of(*claim) else {
                return;
            };
            if model.holder(&claim).is_none() {
                return;
            }
            table.expire(claim.0).await;
            assert_eq!(
                table.maintain().await["rescued"].as_array().unwrap().len(),
                1
            );
            if model.put_back(claim.0, true) {
                follow(table, model, claim.0).await;
            }
        }
        Step::Discard { job } => discard(table, model, *job).await,
        Step::Retry { job } => retry(table, model, *job).await,
        Step::TimePasses => {
            table
                .sql("UPDATE jobs.job SET run_at = clock_timestamp() WHERE state = 'available'")
                .await;
            for job in &mut model.jobs {
                job.due |= job.state == "available";
            }
        }
    }
}

async fn claim(table: &Table, model: &mut Model, kind: &str, limit: usize, two: bool) {
    let query = format!(
        "SELECT coalesce(jsonb_agg(jsonb_build_array(id, lease_token)), '[]') FROM jobs.claim('{kind}', {limit})"
    );
    let claimed = if two {
        let (one, other) = tokio::join!(table.value(&query), table.value(&query));
        vec![one, other]
    } else {
        vec![table.value(&query).await]
    };
    let most = limit * claimed.len();
    let claimed: Vec<Value> = claimed
        .iter()
        .flat_map(|jobs| jobs.as_array().unwrap().clone())
        .collect();
    // Together they take as many as they may, each once, and none before one that is more urgent.
    let due = model
        .jobs
        .iter()
        .filter(|job| job.kind == kind && job.state == "available" && job.due);
    let mut urgent: Vec<i64> = due.map(|job| job.priority).collect();
    urgent.sort_by_key(|priority| -priority);
    urgent.truncate(most);
    let ids = claimed.iter().map(|one| one[0].as_i64().unwrap());
    let mut priorities: Vec<i64> = ids.map(|id| model.find(id).priority).collect();
    priorities.sort_by_key(|priority| -priority);
    assert_eq!(priorities, urgent);
    for one in &claimed {
        let (id, token) = (
            one[0].as_i64().unwrap(),
            one[1].as_str().unwrap().to_owned(),
        );
        let job = model.find(id);
        assert!(job.state == "available" && job.due);
        job.state = "running";
        job.attempt += 1;
        job.token = Some(token.clone());
        model.claims.push((id, token));
    }
}

async fn finish(table: &Table, model: &mut Model, claim: &(i64, String), outcome: &str) {
    let note = if matches!(outcome, "retry" | "fail") {
        "'x'"
    } else {
        "NULL"
    };
    let (id, token) = claim;
    let answer = table
        .value(&format!(
            "SELECT to_jsonb(jobs.finish({id}, '{token}', '{outcome}', {note}, NULL, 3600000))"
        ))
        .await;
    let Some(job) = model.holder(claim) else {
        assert!(answer.is_null(), "a stale token changed something");
        return;
    };
    let given_up = match (outcome, job.again) {
        ("completed", None) => {
            job.end("completed");
            false
        }
        ("cancelled", None) => {
            job.end("cancelled");
            false
        }
        ("completed" | "cancelled", Some(due)) => {
            job.wait(due, 0);
            false
        }
        ("snooze", _) => {
            job.wait(false, job.attempt - 1);
            false
        }
        ("hand_back", _) => {
            job.wait(true, job.attempt - 1);
            false
        }
        ("fail", _) if job.kind == FOLLOWED => {
            job.errors += 1;
            job.end("discarded");
            true
        }
        _ => model.put_back(*id, false),
    };
    assert_eq!(answer, model.find(*id).state);
    if given_up {
        follow(table, model, *id).await;
    }
}

async fn complete(table: &Table, model: &mut Model, numbers: &[usize; 2]) {
    let claims: Vec<_> = numbers
        .iter()
        .filter_map(|number| model.claim_of(*number))
        .collect();
    let (mut ids, mut tokens) = (String::new(), String::new());
    for (id, token) in &claims {
        write!(ids, "{}{id}", if ids.is_empty() { "" } else { "," }).unwrap();
        write!(
            tokens,
            "{}{token}",
            if tokens.is_empty() { "" } else { "," }
        )
        .unwrap();
    }
    let query = format!(
        "SELECT coalesce(jsonb_agg(DISTINCT c), '[]') FROM jobs.complete('{{{ids}}}', '{{{tokens}}}') c"
    );
    let ended = table.value(&query).await.as_array().unwrap().len();
    let mut expected = 0;
    for claim in &claims {
        if let Some(job) = model.holder(claim) {
            expected += 1;
            match job.again {
                Some(due) => job.wait(due, 0),
                None => job.end("completed"),
            }
        }
    }
    assert_eq!(ended, expected);
}

async fn discard(table: &Table, model: &mut Model, number: usize) {
    if model.jobs.is_empty() {
        return;
    }
    let number = number % model.jobs.len();
    let id = model.jobs[number].id;
    let discarded = table
        .value(&format!("SELECT to_jsonb(jobs.discard({id}, 'x'))"))
        .await;
    let job = model.find(id);
    assert_eq!(discarded, matches!(job.state, "available" | "running"));
    if discarded == true {
        job.errors += 1;
        job.end("discarded");
        follow(table, model, id).await;
    }
}

async fn retry(table: &Table, model: &mut Model, number: usize) {
    if model.jobs.is_empty() {
        return;
    }
    let number = number % model.jobs.len();
    let ModelJob {
        id,
        kind,
        key,
        state,
        ..
    } = model.jobs[number];
    let possible = match state {
        "available" => true,
        "discarded" => model.live(kind, key).is_none(),
        _ => false,
    };
    assert_eq!(
        table
            .value(&format!("SELECT to_jsonb(jobs.retry({id}))"))
            .await,
        possible
    );
    if possible {
        model.find(id).wait(true, 0);
    }
}

/// The discard action of a job that was given up.
async fn follow(table: &Table, model: &mut Model, id: i64) {
    let &mut ModelJob {
        kind,
        key,
        priority,
        ..
    } = model.find(id);
    if kind == FOLLOWED {
        let next = format!(
            "SELECT to_jsonb(id) FROM jobs.job WHERE kind = '{ENDLESS}' AND unique_key = '{key}' AND state IN ('available', 'running')"
        );
        let next = table
            .value(&next)
            .await
            .as_i64()
            .expect("the discard action was carried out");
        model.enqueue(ENDLESS, key, priority, true, next);
    }
}

#[test]
fn the_table_does_as_the_model() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let table = runtime.block_on(async {
        let table = Table::new().await;
        table.sql("UPDATE jobs.kind SET backoff_first = interval '1 h', backoff_limit = interval '2 h' WHERE name = 'test.endless';
             UPDATE jobs.kind SET max_attempts = 2 WHERE name = 'test.followed'").await;
        table
    });
    let config = ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let steps = prop::collection::vec(step(), 1..80);
    let outcome = TestRunner::new(config).run(&steps, |steps| {
        runtime.block_on(async {
            table.sql("DELETE FROM jobs.job").await;
            let mut model = Model::default();
            for step in &steps {
                take(&table, &mut model, step).await;
                compare(&table, &model).await;
            }
        });
        Ok(())
    });
    outcome.unwrap();
}

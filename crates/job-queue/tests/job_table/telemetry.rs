//! Traces go on from the enqueuer to the worker, and metrics tell what happens.

use job_queue::{Job, Outcome};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Instrument as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::common::{BUSY, LIMIT, ON_NOTICE, Run, Table, always, within};
use crate::kinds::{Measured, Plain};

/// The subscriber is global: one of this thread alone may find spans switched off by other threads.
#[tokio::test]
async fn the_trace_of_the_enqueuer_goes_on_in_the_worker() {
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
    let table = Table::new().await;
    let span = tracing::info_span!("enqueuer");
    let traceparent = span.in_scope(service_kit::telemetry::traceparent).unwrap();
    let id = table.enqueue(Plain { n: 1 }).instrument(span).await;
    assert_eq!(
        table.row(id).await["traceparent"].as_str(),
        Some(traceparent.as_str())
    );

    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let handler = Run(move |_: Job<Plain>| {
        let sender = sender.clone();
        async move {
            sender.send(service_kit::telemetry::traceparent()).unwrap();
            Outcome::Done
        }
    });
    let working = table.start(ON_NOTICE, |worker| worker.handle::<Plain, _>(1, handler));
    let in_worker = within(seen.recv()).await.unwrap().unwrap();
    working.stop().await;
    let trace = |text: &str| text.split('-').nth(1).unwrap().to_owned();
    assert_eq!(trace(&in_worker), trace(&traceparent));
    assert_ne!(in_worker, traceparent, "a span of its own");
}

#[tokio::test]
async fn metrics_tell_depth_age_run_time_retries_rescues_and_discards() {
    let metrics = service_kit::metrics::install().unwrap();
    let table = Table::new().await;
    // One is lost by a worker that vanishes in its last attempt, one fails three times.
    let orphan = table.enqueue(Measured { n: 1 }).await;
    table.claim("test.measured").await;
    table.sql("UPDATE jobs.job SET attempt = 3").await;
    table.expire(orphan).await;
    let failing = table.enqueue(Measured { n: 2 }).await;
    let always_fails = always(Outcome::Retry("no".to_owned()));
    let working = table.start(BUSY, |worker| worker.handle::<Measured, _>(1, always_fails));
    table.until(failing, "state = 'discarded'").await;
    table.until(orphan, "state = 'discarded'").await;
    let wanted = [
        "jobs_depth{kind=\"test.measured\",state=\"available\"} 0",
        "jobs_depth{kind=\"test.measured\",state=\"running\"} 0",
        "jobs_depth{kind=\"test.measured\",state=\"discarded\"} 2",
        "jobs_oldest_ready_seconds{kind=\"test.measured\"} 0",
        "jobs_oldest_live_seconds{kind=\"test.measured\"} 0",
        "jobs_runs_total{kind=\"test.measured\",outcome=\"retry\"} 3",
        "jobs_run_seconds_count{kind=\"test.measured\"} 3",
        "jobs_rescues_total{kind=\"test.measured\"} 1",
        "jobs_discards_total{kind=\"test.measured\"} 2",
    ];
    for line in wanted {
        test_support::wait::until(LIMIT, line, async || {
            metrics.render().contains(line).then_some(())
        })
        .await;
    }
    working.stop().await;
}

#[tokio::test]
async fn depth_counts_and_ages_per_kind() {
    let table = Table::new().await;
    for n in 0..3 {
        table.enqueue(Plain { n }).await;
    }
    table.claim("test.plain").await;
    table.sql("UPDATE jobs.job SET run_at = run_at - interval '90 s', created_at = created_at - interval '100 s'").await;
    let depth = table
        .value("SELECT to_jsonb(d) FROM jobs.depth('{test.plain}') d")
        .await;
    assert_eq!(
        (&depth["available"], &depth["running"], &depth["discarded"]),
        (&2.into(), &1.into(), &0.into())
    );
    for (name, seconds) in [("oldest_ready_ms", 90), ("oldest_ms", 100)] {
        let age = depth[name].as_i64().unwrap() / 1000;
        assert!((seconds..seconds + 30).contains(&age), "{name}: {age}");
    }
}

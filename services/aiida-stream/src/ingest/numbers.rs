//! What the operator's dashboard shows. Labels are channels and reasons, never ids.

use metrics::Unit;

/// Names and units, once per process.
pub(crate) fn describe() {
    metrics::describe_counter!(
        "aiida_stream_received_total",
        "Messages that came from the broker"
    );
    metrics::describe_counter!("aiida_stream_stored_total", "Messages stored");
    metrics::describe_counter!(
        "aiida_stream_duplicates_total",
        "Messages that were stored already"
    );
    metrics::describe_counter!("aiida_stream_refused_total", "Messages refused, by reason");
    metrics::describe_counter!(
        "aiida_stream_statuses_total",
        "Status messages handed on as jobs"
    );
    metrics::describe_counter!(
        "aiida_stream_dropped_total",
        "Messages of QoS 0 that came faster than they could be stored"
    );
    metrics::describe_histogram!("aiida_stream_batch_messages", "Messages per transaction");
    metrics::describe_histogram!(
        "aiida_stream_batch_seconds",
        Unit::Seconds,
        "Time of one transaction"
    );
    metrics::describe_histogram!(
        "aiida_stream_commit_seconds",
        Unit::Seconds,
        "Time from a message's arrival to its commit"
    );
    metrics::describe_gauge!(
        "aiida_stream_connected",
        "1 while the session at the broker is established"
    );
    metrics::describe_gauge!("aiida_stream_slot", "The slot held, -1 without one");
    // An increase from nothing would not be seen as one.
    metrics::counter!("aiida_stream_dropped_total").increment(0);
    metrics::counter!("aiida_stream_received_total").increment(0);
}

pub(crate) fn connected(connected: bool) {
    metrics::gauge!("aiida_stream_connected").set(if connected { 1.0 } else { 0.0 });
}

pub(crate) fn slot(number: i32) {
    metrics::gauge!("aiida_stream_slot").set(f64::from(number));
}

pub(crate) fn refused(reason: &'static str) {
    metrics::counter!("aiida_stream_refused_total", "reason" => reason).increment(1);
}

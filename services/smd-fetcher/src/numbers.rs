//! What Prometheus is told of fetching. What alerts look at begins at 0: an increase from nothing would not be seen.

/// Names, once per process.
pub(crate) fn describe() {
    metrics::describe_counter!(
        "smd_histories_fetched_total",
        "Customers' histories of which every window came in"
    );
    metrics::describe_counter!(
        "smd_releases_total",
        "Authorizations of which the custodian confirmed the end"
    );
    metrics::describe_counter!(
        "smd_withdrawals_total",
        "Authorizations that customers ended at the custodian while their history was pulled"
    );
    metrics::describe_counter!(
        "smd_series_refused_total",
        "Series of a notification that belong to no customer of ours"
    );
    metrics::describe_counter!(
        "smd_swept_total",
        "Steps without a job that the sweep found"
    );
    metrics::describe_counter!(
        "smd_comparisons_failed_total",
        "Sweeps that could not compare the custodian's list of authorizations with ours"
    );
    metrics::describe_gauge!(
        "smd_unknown_authorizations",
        "Active authorizations at the custodian that our database does not know, as of this replica's last sweep"
    );
    metrics::counter!("smd_comparisons_failed_total").increment(0);
}

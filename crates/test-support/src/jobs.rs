//! Time passes for the job table.

/// What waits for its time runs now. What is running runs once more: whoever saw what a run did may come before the
/// run has ended and waits.
pub const ALL_DUE: &str = "
    UPDATE jobs.job SET run_at = now() WHERE state = 'available';
    UPDATE jobs.job SET again_at = now() WHERE state = 'running' AND lease_expires_at > now();";

/// The jobs of killed processes are free again, as when their leases have run out.
pub const LEASES_OVER: &str =
    "UPDATE jobs.job SET lease_expires_at = now() WHERE state = 'running';";

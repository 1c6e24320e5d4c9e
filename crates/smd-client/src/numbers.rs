//! What Prometheus is told with each scrape: how long the client certificate lasts, and how the request budget stands.

use async_trait::async_trait;
use service_kit::clock::SharedClock;
use service_kit::metrics::Measure;

use crate::{Client, PostgresBudget};

/// Looks at the certificate's file each time, so that a replaced one shows at once.
pub(crate) struct CertificateMeasure {
    client: Client,
    clock: SharedClock,
}

impl CertificateMeasure {
    pub(crate) fn new(client: Client, clock: SharedClock) -> Self {
        metrics::describe_gauge!(
            "smd_certificate_days_left",
            "Whole days until our certificate towards the custodian expires; -1 and less when it has"
        );
        metrics::describe_gauge!(
            "smd_certificate_usable",
            "1 while certificate and key can be read and fit each other, else 0"
        );
        Self { client, clock }
    }
}

#[async_trait]
impl Measure for CertificateMeasure {
    async fn measure(&self) {
        // Why it cannot be used is in the log of the request that needs it, and in `metergate doctor`.
        let report = self.client.certificate().ok();
        let usable = report.as_ref().is_some_and(|it| it.matches_key);
        metrics::gauge!("smd_certificate_usable").set(f64::from(u8::from(usable)));
        if let Some(report) = report {
            let days = i32::try_from(report.days_left(self.clock.now())).unwrap_or(i32::MAX);
            metrics::gauge!("smd_certificate_days_left").set(f64::from(days));
        }
    }
}

/// Asks the database; one short query a scrape.
pub(crate) struct BudgetMeasure(PostgresBudget);

impl BudgetMeasure {
    pub(crate) fn new(budget: PostgresBudget) -> Self {
        metrics::describe_gauge!(
            "smd_budget_left",
            "Requests to the custodian that all replicas together may still send, by window"
        );
        metrics::describe_gauge!(
            "smd_budget_limit",
            "Most requests to the custodian, by window, as configured"
        );
        metrics::describe_gauge!(
            "smd_next_slot_seconds",
            metrics::Unit::Seconds,
            "Time until the next request to the custodian may leave"
        );
        Self(budget)
    }
}

#[async_trait]
impl Measure for BudgetMeasure {
    async fn measure(&self) {
        let (limits, standing) = match self.0.standing().await {
            Ok(standing) => standing,
            Err(error) => return tracing::debug!(%error, "the request budget is not measured"),
        };
        let hour = limits.per_hour.saturating_sub(standing.last_hour);
        let day = limits.per_day.saturating_sub(standing.last_day);
        metrics::gauge!("smd_budget_left", "window" => "hour").set(f64::from(hour));
        metrics::gauge!("smd_budget_left", "window" => "day").set(f64::from(day));
        metrics::gauge!("smd_budget_limit", "window" => "hour").set(f64::from(limits.per_hour));
        metrics::gauge!("smd_budget_limit", "window" => "day").set(f64::from(limits.per_day));
        metrics::gauge!("smd_next_slot_seconds").set(standing.next_slot.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use jiff::Timestamp;
    use rcgen::{CertificateParams, KeyPair};
    use service_kit::clock::ManualClock;

    use super::*;
    use crate::{SmdConfig, Unlimited};

    /// A certificate that ends on this day of June 2030; its key only when it is to fit.
    fn write(folder: &Path, day: u8, with_key: bool) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["smd.example".into()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2030, 6, day);
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(folder.join("crt"), certificate.pem()).unwrap();
        if with_key {
            std::fs::write(folder.join("key"), key.serialize_pem()).unwrap();
        }
    }

    #[tokio::test]
    async fn the_days_left_follow_a_replaced_file() {
        let rendered = service_kit::metrics::install().unwrap();
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), 10, true);
        let config = SmdConfig {
            client_id: Some("0123456789abcdef0123456789abcdef".into()),
            client_secret: Some("tell-nobody".into()),
            redirect_base_url: Some("https://energy.example.com/".into()),
            certificate: folder.path().join("crt"),
            private_key: folder.path().join("key"),
            ..SmdConfig::default()
        };
        let now: Timestamp = "2030-06-01T12:00:00Z".parse().unwrap();
        let clock = ManualClock::new(now).shared();
        let client = Client::with_clock(&config, Arc::new(Unlimited), clock.clone()).unwrap();
        let measure = CertificateMeasure::new(client, clock);
        for (day, with_key, expected) in [
            (10, true, "smd_certificate_days_left 8\n"),
            (30, true, "smd_certificate_days_left 28\n"),
            (30, false, "smd_certificate_usable 0\n"),
            (1, true, "smd_certificate_days_left -1\n"),
        ] {
            write(folder.path(), day, with_key);
            measure.measure().await;
            let text = rendered.render();
            assert!(text.contains(expected), "{expected}: {text}");
            assert_eq!(text.contains("smd_certificate_usable 1\n"), with_key);
        }
    }
}

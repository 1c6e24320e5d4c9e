//! `/console/custodian`: the client certificate, the request budget, and what PG&E lists that is not known here.

use std::path::Path;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use smd_client::certificate::{Facts, facts};
use storage::console::overview::{Concerns, Counted};
use storage::smd::budget::{self, Limits, Standing};

use crate::Service;
use crate::alerts::{self, Alert};
use crate::error::Trouble;
use crate::frame::{self, Tabs};
use crate::guard::Operator;

struct Certificate {
    common_name: String,
    issuer: String,
    not_before: Timestamp,
    not_after: Timestamp,
    days: i64,
}

#[derive(Template)]
#[template(path = "custodian.html")]
struct View {
    alerts: Vec<Alert>,
    certificate: Option<Certificate>,
    path: String,
    standing: Standing,
    per_hour: u32,
    per_day: u32,
    next_slot_ms: i64,
    spacing_ms: u64,
    concerns: Concerns,
}

/// `GET /console/custodian`.
pub(crate) async fn custodian(
    service: Data<Service>,
    _: Operator,
) -> Result<HttpResponse, Trouble> {
    let reading = service.gauge.reading(&service.database).await?;
    let found = Found::read(&service).await?;
    let alerts = found.alerts(&service, &reading.counted);
    let Found {
        standing,
        certificate,
    } = found;
    let now = service.clock.now();
    let config = &service.config;
    let certificate = certificate.map(|facts| Certificate {
        days: facts
            .not_after
            .duration_since(now)
            .as_secs()
            .div_euclid(24 * 60 * 60),
        common_name: facts.common_name.unwrap_or_default(),
        issuer: facts.issuer.unwrap_or_default(),
        not_before: facts.not_before,
        not_after: facts.not_after,
    });
    let view = View {
        alerts,
        certificate,
        path: config.certificate.certificate.display().to_string(),
        standing,
        per_hour: config.budget.requests_per_hour,
        per_day: config.budget.requests_per_day,
        next_slot_ms: i64::try_from(standing.next_slot.as_millis()).unwrap_or(i64::MAX),
        spacing_ms: config.budget.request_spacing_ms,
        concerns: reading.counted.concerns.clone(),
    };
    let page = frame::page("PG&E", Tabs::Custodian);
    Ok(page.respond(StatusCode::OK, &view))
}

/// What is read for each page.
pub(crate) struct Found {
    standing: Standing,
    /// `None` where none can be read.
    certificate: Option<Facts>,
}

impl Found {
    pub(crate) async fn read(service: &Service) -> Result<Self, Trouble> {
        Ok(Self {
            standing: standing(service).await?,
            certificate: read(&service.config.certificate.certificate).await,
        })
    }

    /// What of it needs somebody. Without a customer so far, a missing certificate is none of it.
    pub(crate) fn alerts(&self, service: &Service, counted: &Counted) -> Vec<Alert> {
        let config = &service.config;
        let budget = alerts::of_budget(
            &self.standing,
            config.budget.requests_per_hour,
            config.budget.requests_per_day,
        );
        let certificate = match &self.certificate {
            Some(facts) => alerts::of_certificate(facts.not_after, service.clock.now()),
            None if counted.stages.is_empty() => None,
            None => Some(Alert {
                tone: "bad",
                text: "The client certificate cannot be read: METERGATE_SMD_CERTIFICATE names it."
                    .to_owned(),
                link: "/console/custodian",
                leads_to: "Certificate",
            }),
        };
        certificate.into_iter().chain(budget).collect()
    }
}

async fn standing(service: &Service) -> Result<Standing, Trouble> {
    let config = &service.config.budget;
    let limits = Limits {
        spacing: Duration::from_millis(config.request_spacing_ms),
        per_hour: config.requests_per_hour,
        per_day: config.requests_per_day,
    };
    Ok(budget::standing(&mut *service.database.get().await?, limits).await?)
}

/// The file is small, and others replace it: it is read each time.
async fn read(path: &Path) -> Option<Facts> {
    let path = path.to_owned();
    let read = move || CertificateDer::from_pem_file(path).ok();
    let der = tokio::task::spawn_blocking(read).await.ok()??;
    facts(&der)
}

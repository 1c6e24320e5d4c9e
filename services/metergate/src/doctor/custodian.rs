//! The side of the custodian: keys for tokens at rest, our certificate, and PG&E's own connection test.

use std::sync::Arc;
use std::time::Duration;

use service_kit::clock::{Clock as _, SystemClock};
use smd_client::certificate::{CertificateReport, EXPIRES_SOON};
use smd_client::{Budget, Client, PostgresBudget, Unlimited, Wait};
use storage::Database;
use url::Url;

use super::report::Report;
use super::tls;
use crate::config::Config;

/// Longest wait for a turn of the request budget, which running services share.
const LONGEST_WAIT: Wait = Wait::at_most(Duration::from_secs(30));

pub(super) fn keys(report: &mut Report<'_>, config: &Config) {
    let keys = config.gateway.keys.load();
    report.result(
        "encryption keys",
        keys.map(|keys| {
            let ids = keys.ids();
            match ids.as_slice() {
                [only] => format!("{only} loaded"),
                [first, others @ ..] => format!(
                    "{first} seals, {} still open: `metergate rotate-keys` says when they can be dropped",
                    others.join(", ")
                ),
                [] => "none".to_owned(),
            }
        }),
    );
}

/// Certificate and custodian; without a database the budget is nobody's.
pub(super) async fn check(
    report: &mut Report<'_>,
    config: &Config,
    database: Option<Database>,
    offline: bool,
) {
    let budget: Arc<dyn Budget> = match database {
        Some(database) => Arc::new(PostgresBudget::new(database, &config.gateway.budget)),
        None => Arc::new(Unlimited),
    };
    let client = match Client::new(&config.gateway.smd, budget) {
        Ok(client) => client.waiting(LONGEST_WAIT),
        Err(error) => {
            report.failed("custodian", error);
            return;
        }
    };
    match client.certificate() {
        Ok(certificate) => judge(
            report,
            &certificate,
            is_pge(&config.gateway.smd.api_base_url),
        ),
        Err(error) => report.failed("certificate", error),
    }
    if offline {
        return;
    }
    // PG&E's own connection test, one request after the other.
    let token = client.client_token().await;
    report.result("custodian: token", token.map(|_| "received"));
    let status = client.service_status().await;
    report.result(
        "custodian: status",
        status.map(|status| format!("{status:?}")),
    );
    let sample = client.download_sample_data().await;
    report.result(
        "custodian: sample data",
        sample.map(|sample| format!("{} bytes", sample.bytes)),
    );
}

fn judge(report: &mut Report<'_>, certificate: &CertificateReport, is_pge: bool) {
    let now = SystemClock.now();
    match certificate.warning(now, EXPIRES_SOON) {
        Some(warning) => report.failed("certificate", warning),
        None => report.ok(
            "certificate",
            format_args!(
                "matches its key, expires in {} days",
                certificate.days_left(now)
            ),
        ),
    }
    let name = "certificate: authority";
    let issuer = certificate.issuer.as_deref().unwrap_or("without a name");
    let trouble = match tls::private_authority(&certificate.path) {
        _ if certificate.is_self_signed => {
            "it is self-signed: PG&E takes only certificates of public authorities".to_owned()
        }
        Ok(None) => {
            report.ok(name, issuer);
            return;
        }
        Ok(Some(reason)) => format!(
            "{issuer}, which this machine does not know as a public one ({reason}): PG&E takes only those; put the intermediate certificates behind ours in the file ({} in it now)",
            certificate.chain_length
        ),
        Err(error) => error,
    };
    if is_pge {
        report.failed(name, trouble);
    } else {
        report.note(name, format_args!("{trouble} (this custodian is not PG&E)"));
    }
}

fn is_pge(api: &str) -> bool {
    let url = Url::parse(api.trim()).ok();
    url.as_ref()
        .and_then(Url::host_str)
        .is_some_and(|host| host == "pge.com" || host.ends_with(".pge.com"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(files: &test_support::certs::CertificateFiles, is_pge: bool) -> (usize, String) {
        service_kit::http::install_tls_provider();
        let certificate = smd_client::certificate::check(&files.certificate, &files.key).unwrap();
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, true);
        judge(&mut report, &certificate, is_pge);
        (report.end().unwrap(), String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_private_authority_is_no_authority_for_pge() {
        let folder = tempfile::tempdir().unwrap();
        let authority = test_support::certs::Authority::new(folder.path()).unwrap();
        let files = authority.client("party").unwrap();
        let (failed, said) = judged(&files, true);
        assert_eq!(failed, 1, "{said}");
        assert!(
            said.contains("certificate: authority: Metergate test authority, which"),
            "{said}"
        );
        let (failed, said) = judged(&files, false);
        assert_eq!(failed, 0, "{said}");
        assert!(said.contains("not PG&E"), "{said}");
    }

    #[test]
    fn a_self_signed_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let authority = test_support::certs::Authority::new(folder.path()).unwrap();
        let files = authority.client("party").unwrap();
        let certificate = CertificateReport {
            is_self_signed: true,
            ..smd_client::certificate::check(&files.certificate, &files.key).unwrap()
        };
        service_kit::http::install_tls_provider();
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, false);
        judge(&mut report, &certificate, true);
        assert_eq!(report.end().unwrap(), 1);
        let said = String::from_utf8(out).unwrap();
        assert!(said.contains("self-signed: PG&E takes only"), "{said}");
    }

    #[test]
    fn only_pges_own_hosts_are_pge() {
        assert!(is_pge("https://api.pge.com"));
        for other in ["https://notpge.com", "https://pge.com.example", "localhost"] {
            assert!(!is_pge(other), "{other}");
        }
    }
}

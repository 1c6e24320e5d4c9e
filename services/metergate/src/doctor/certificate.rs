//! The certificate that a server of ours shows: nginx, and the homes' listener.

use service_kit::clock::{Clock as _, SystemClock};

use super::report::Report;
use super::tls;

/// Renewals by ACME come a month before the end.
const RENEWAL_FAILED: i64 = 7;
const RENEWAL_LATE: i64 = 21;

/// The certificate of a server: trusted for its name, and for how long.
pub(super) async fn check(report: &mut Report<'_>, name: &str, host: &str, port: u16) {
    // An IPv6 address stands in brackets in an URL, and without them here.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let seen = match tls::look(host, port).await {
        Ok(seen) => seen,
        Err(error) => {
            let remedy = "is it started, does a firewall keep its port closed? Some networks do not let a machine reach its own public address: try from another one";
            report.unfit(name, format_args!("{error}; {remedy}"));
            return;
        }
    };
    let days = seen.days_left(SystemClock.now());
    if let Some(reason) = &seen.distrust {
        let who = if seen.facts.is_self_signed {
            "self-signed, perhaps the placeholder of the first start"
        } else {
            seen.facts
                .issuer
                .as_deref()
                .unwrap_or("an authority without a name")
        };
        report.unfit(
            name,
            format_args!(
                "not trusted ({reason}; {who}; {days} days left): put a certificate of a public authority for {host} in place, with its chain, and run infra/certificates/renewed"
            ),
        );
        return;
    }
    let issuer = seen.facts.issuer.as_deref().unwrap_or("without a name");
    lasting(
        report,
        name,
        days,
        &format!("trusted, of {issuer}, {days} days left"),
    );
}

fn lasting(report: &mut Report<'_>, name: &str, days: i64, found: &str) {
    if days < RENEWAL_FAILED {
        report.failed(
            name,
            format_args!("{found}: renew it now, then run infra/certificates/renewed"),
        );
    } else if days < RENEWAL_LATE {
        report.note(name, format_args!("{found}: look why it was not renewed"));
    } else {
        report.ok(name, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_was_not_renewed_is_told_in_time() {
        let said = |days| {
            let mut out = Vec::new();
            let mut report = Report::new(&mut out, false);
            lasting(&mut report, "certificate", days, "trusted");
            let failed = report.end().unwrap();
            (failed, String::from_utf8(out).unwrap())
        };
        assert_eq!(said(90), (0, "ok      certificate: trusted\n".to_owned()));
        assert!(said(20).1.starts_with("note"));
        assert_eq!(said(6).0, 1);
    }
}

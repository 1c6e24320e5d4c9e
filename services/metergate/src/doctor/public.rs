//! What customers, PG&E and homes meet at our public addresses: the certificate, and whether each address leads through
//! nginx to the service that answers it.
//!
//! Every request is one that the service turns away: it changes nothing.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use url::Url;

use super::certificate;
use super::report::Report;
use crate::config::Config;

/// Longer than nginx waits for a service that is not there.
const PATIENCE: Duration = Duration::from_secs(20);

/// An address, what it says to a request that it does not serve, and who says it.
struct Door {
    name: &'static str,
    path: &'static str,
    answer: StatusCode,
    service: &'static str,
}

const HISTORY: [Door; 3] = [
    Door {
        name: "redirect URI",
        path: "/OAuthCallback",
        answer: StatusCode::BAD_REQUEST,
        service: "smd-auth",
    },
    Door {
        name: "notification URI",
        path: "/espi/notification",
        answer: StatusCode::METHOD_NOT_ALLOWED,
        service: "smd-auth",
    },
    Door {
        name: "downloads",
        path: "/output/",
        answer: StatusCode::UNAUTHORIZED,
        service: "nginx",
    },
];

const NEAR_REAL_TIME: [Door; 3] = [
    Door {
        name: "handshake of homes",
        path: "/region-connectors/aiida/permission-request",
        answer: StatusCode::METHOD_NOT_ALLOWED,
        service: "aiida-permission",
    },
    Door {
        name: "API",
        path: "/api/v1/permissions",
        answer: StatusCode::UNAUTHORIZED,
        service: "aiida-permission",
    },
    Door {
        name: "live streams",
        path: "/api/v1/permissions/00000000-0000-0000-0000-000000000000/live",
        answer: StatusCode::UNAUTHORIZED,
        service: "aiida-stream",
    },
];

/// Where customers come back, when it is an address.
fn history(config: &Config) -> Option<Url> {
    let base = config.gateway.smd.redirect_base_url.as_deref()?;
    Url::parse(base.trim()).ok().filter(Url::has_host)
}

/// Whether the installation is called `localhost`: nobody but this machine meets it.
pub(super) fn is_trial(config: &Config) -> bool {
    let mut bases = [history(config), config.facade.aiida_public_url.clone()]
        .into_iter()
        .flatten()
        .peekable();
    bases.peek().is_some() && bases.all(|base| base.host_str() == Some("localhost"))
}

pub(super) async fn check(report: &mut Report<'_>, config: &Config) {
    // Whether the certificate is trusted is a check of its own, and nothing secret is sent.
    let http = Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .redirect(Policy::none())
        .timeout(PATIENCE)
        .build();
    let http = match http {
        Ok(http) => http,
        Err(error) => {
            report.failed("public addresses", error);
            return;
        }
    };
    let history = history(config).filter(|_| config.has_history());
    if let Some(base) = &history {
        side(report, &http, "REDIRECT_BASE_URL", base, &HISTORY, true).await;
    }
    if let Some(base) = &config.facade.aiida_public_url {
        let is_new = history.is_none_or(|seen| seen.origin() != base.origin());
        let variable = "METERGATE_AIIDA_PUBLIC_URL";
        side(report, &http, variable, base, &NEAR_REAL_TIME, is_new).await;
    }
}

async fn side(
    report: &mut Report<'_>,
    http: &Client,
    variable: &str,
    base: &Url,
    doors: &[Door],
    is_new: bool,
) {
    let (host, port) = (
        base.host_str().unwrap_or_default(),
        base.port_or_known_default().unwrap_or(443),
    );
    if is_new && base.scheme() == "https" {
        let name = format!("public certificate ({host})");
        certificate::check(report, &name, host, port).await;
    } else if base.scheme() != "https" {
        report.unfit(variable, "no https: everybody on the way reads along");
    }
    for door in doors {
        knock(report, http, base, door).await;
    }
}

async fn knock(report: &mut Report<'_>, http: &Client, base: &Url, door: &Door) {
    let mut url = base.clone();
    let path = format!("{}{}", base.path().trim_end_matches('/'), door.path);
    url.set_path(&path);
    match http.get(url).send().await {
        Ok(answer) => match judge(answer.status(), door) {
            Ok(found) => report.ok(door.name, found),
            Err(trouble) => report.failed(door.name, format_args!("{path} {trouble}")),
        },
        Err(error) => report.unfit(
            door.name,
            format_args!(
                "{} ({}): is nginx started, does a firewall keep the port closed?",
                path,
                service_kit::config::chain(&error.without_url())
            ),
        ),
    }
}

/// What a status says about who has answered.
fn judge(status: StatusCode, door: &Door) -> Result<String, String> {
    let (code, service) = (status.as_u16(), door.service);
    if status == door.answer {
        return Ok(format!(
            "{service} answers ({code} to a request that says nothing)"
        ));
    }
    Err(match status {
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            format!("answers {code}: nginx is there and {service} is not; look whether it is ready, and at its log")
        }
        StatusCode::NOT_FOUND => {
            "answers 404: something else than our nginx has this address, or its configuration is not nginx/templates".to_owned()
        }
        StatusCode::TOO_MANY_REQUESTS => {
            "answers 429: too many requests from this machine; try again in a minute".to_owned()
        }
        StatusCode::OK if door.answer == StatusCode::UNAUTHORIZED => {
            "answers 200 without a password: everybody can read it; close it at once (nginx/templates/site.conf)".to_owned()
        }
        status if status.is_redirection() => {
            format!("answers {code}: it leads elsewhere; the address must answer itself")
        }
        _ => format!("answers {code} where {service} answers {}: look at nginx's and its log", door.answer.as_u16()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_tells_who_has_answered() {
        let door = HISTORY.iter().find(|door| door.path == "/output/").unwrap();
        let said = |code: u16| judge(StatusCode::from_u16(code).unwrap(), door);
        assert!(said(401).unwrap().starts_with("nginx answers"));
        assert!(said(200).unwrap_err().contains("everybody can read"));
        assert!(said(502).unwrap_err().contains("is not"));
        assert!(said(404).unwrap_err().contains("nginx/templates"));
        assert!(said(301).unwrap_err().contains("leads elsewhere"));
        assert!(said(500).unwrap_err().contains("answers 401"));
    }
}

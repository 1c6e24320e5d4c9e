//! Every public endpoint, tried by a stranger, with a wrong key or password, and with the right ones where they are
//! known.

use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::cases::{CLOSED, GUARDED, OPEN, Who};
use super::http::{Answer, Request, exchange};
use super::tls::Target;
use super::{LIMIT, Probe, address};
use crate::{BoxError, Claims};

/// How long to wait for the edge to take requests again.
const AGAIN: Duration = Duration::from_millis(500);

/// All of them, and what every answer carries.
pub(super) fn over_tls(probe: &Probe, target: &Target, claims: &mut Claims) {
    let (mut without_hsts, mut with_version) = (Vec::new(), Vec::new());
    for case in OPEN.iter().chain(GUARDED).chain(CLOSED) {
        let (who, method, path, expected) = *case;
        let Ok(authorization) = authorization(probe, who) else {
            continue;
        };
        let answer = ask(target, method, path, authorization);
        claims.note(
            format!("{}: {method} {path} {expected:?}", who.name()),
            answer
                .as_ref()
                .is_ok_and(|it| expected.contains(&it.status)),
            status(&answer),
        );
        if let Ok(answer) = answer {
            if !keeps_to_https(&answer) {
                without_hsts.push(path);
            }
            if answer.header("server").is_some_and(|it| it != "nginx") {
                with_version.push(path);
            }
        }
    }
    claims.note(
        "every answer says that browsers shall come by HTTPS only (HSTS), for a day at least",
        without_hsts.is_empty(),
        format!("without: {without_hsts:?}"),
    );
    claims.note(
        "no answer tells the server's version",
        with_version.is_empty(),
        format!("with: {with_version:?}"),
    );
}

/// Plain HTTP leads to HTTPS, and answers nothing but ACME's challenges.
pub(super) fn over_plain_http(probe: &Probe, target: &Target, claims: &mut Claims) {
    let host = probe.host.as_deref().unwrap_or(&target.name);
    let ask = |path: &'static str| -> Result<Answer, BoxError> {
        let address = address(host, probe.http_port)?;
        let stream = std::net::TcpStream::connect_timeout(&address, LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        let request = Request {
            method: "GET",
            target: path,
            host: &target.name,
            authorization: None,
            body: "",
        };
        exchange(stream, &request)
    };
    for path in [
        "/",
        "/start",
        "/output/",
        "/OAuthCallback?code=c",
        "/metrics",
        "/.env",
    ] {
        let answer = ask(path);
        let wanted = format!("{}{path}", probe.url.trim_end_matches('/'));
        let location = answer.as_ref().ok().and_then(|it| it.header("location"));
        claims.note(
            format!("plain HTTP: GET {path} leads to HTTPS"),
            location == Some(wanted.as_str()),
            format!("{}, to {location:?}", status(&answer)),
        );
    }
    let path = "/.well-known/acme-challenge/no-such-token";
    let answer = ask(path);
    claims.note(
        format!("plain HTTP: GET {path} [404]"),
        answer.as_ref().is_ok_and(|it| it.status == 404),
        status(&answer),
    );
}

/// Basic credentials (RFC 7617).
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// The header of who asks; an error when their key or password is not known here.
fn authorization(probe: &Probe, who: Who) -> Result<Option<String>, NotKnown> {
    Ok(match who {
        Who::Stranger => None,
        Who::WrongKey => Some("Bearer mgk_nobody".to_owned()),
        Who::WrongPassword => Some(basic("metergate", "wrong")),
        Who::Party => {
            let key = probe.api_key.as_deref().ok_or(NotKnown)?;
            Some(format!("Bearer {key}"))
        }
        Who::Reader => {
            let (user, password) = probe.reader.as_ref().ok_or(NotKnown)?;
            Some(basic(user, password))
        }
    })
}

/// The probe was not given what this needs.
struct NotKnown;

fn ask(
    target: &Target,
    method: &'static str,
    path: &'static str,
    authorization: Option<String>,
) -> Result<Answer, BoxError> {
    let body = if matches!(method, "POST" | "PATCH" | "PUT") {
        r#"{"operation":"ACCEPT","aiidaId":"00000000-0000-4000-8000-000000000001"}"#
    } else {
        ""
    };
    let request = Request {
        method,
        target: path,
        host: &target.authority,
        authorization,
        body,
    };
    let started = Instant::now();
    loop {
        let answer = exchange(target.connect()?, &request)?;
        // The probe before this one, or somebody else behind this address, has used up the limit.
        if answer.status != 429 || started.elapsed() > LIMIT {
            return Ok(answer);
        }
        thread::sleep(AGAIN);
    }
}

fn keeps_to_https(answer: &Answer) -> bool {
    let header = answer.header("strict-transport-security");
    let seconds = header
        .and_then(|it| it.strip_prefix("max-age="))
        .and_then(|it| it.split(';').next()?.parse().ok());
    seconds.is_some_and(|seconds: u64| seconds >= 86_400)
}

fn status(answer: &Result<Answer, BoxError>) -> String {
    match answer {
        Ok(answer) => answer.status.to_string(),
        Err(error) => service_kit::config::chain(&**error),
    }
}

//! The probe: what a stranger can reach.

use demo::probe::Probe;
use demo::{BoxError, Claims};
use serde_json::json;

use crate::options::{self, line_of};
use crate::{Ended, say};

/// Tries everything and prints it as a table.
pub(crate) fn try_all(options: &options::Probe) -> Ended {
    let mut claims = Claims::default();
    let claim = "key and password can be read";
    let probe = claims.take(claim, |_| String::new(), probe(options));
    if let Some(probe) = probe {
        claims.append(probe.run());
    }
    for one in claims.all() {
        let verdict = if one.holds { "ok" } else { "WRONG" };
        say(&format!("{verdict:<6}{:<90} {}", one.claim, one.seen));
    }
    let tried = claims.all().len();
    Ended {
        claims,
        details: json!({ "tried": tried }),
    }
}

fn probe(options: &options::Probe) -> Result<Probe, BoxError> {
    let password = options
        .output_password_file
        .as_deref()
        .map(line_of)
        .transpose()?;
    Ok(Probe {
        url: options.url.clone(),
        authority: options.authority.clone(),
        host: options.host.clone(),
        http_port: options.http_port,
        mqtt_port: options.mqtt_port,
        closed: options.closed.clone(),
        api_key: options.api_key_file.as_deref().map(line_of).transpose()?,
        reader: options.output_user.clone().zip(password),
    })
}

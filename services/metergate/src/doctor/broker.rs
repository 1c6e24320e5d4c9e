//! The side of AIIDA: facade, stream, our login at the broker, its management, its role in the database, and the
//! listener that homes come to.

use diesel_async::AsyncPgConnection;
use storage::aiida::api_key;
use storage::kinds::role::BROKER as ROLE;
use storage::{Database, iam, server};
use url::Url;

use super::report::Report;
use super::{certificate, tls};
use crate::config::Config;

/// Permissions whose rows are looked at.
const SAMPLE: i64 = 100;

pub(super) async fn check(
    report: &mut Report<'_>,
    config: &Config,
    database: Option<&Database>,
    offline: bool,
) {
    let facade = aiida_permission::Config::from(config.clone()).check();
    report.result("permission facade", facade.map(|()| "configured"));
    let stream = aiida_stream::Config::from(config.clone()).check();
    let stream_is_configured = stream.is_ok();
    report.result("stream", stream.map(|()| "configured"));
    if stream_is_configured && !offline {
        let login = aiida_stream::try_broker(&config.broker).await;
        report.result(
            "broker's login",
            login.map(|()| "let in, subscriptions taken"),
        );
    }
    management(report, config, offline).await;
    if let Some(database) = database {
        let looked = match database.get().await {
            Ok(mut conn) => tables(report, &mut conn).await.map_err(Into::into),
            Err(error) => Err(error),
        };
        if let Err(error) = looked {
            report.failed("broker's tables", error);
        }
    }
    if !offline && let Some(listener) = &config.facade.mqtt_homes_url {
        homes(report, listener).await;
    }
}

async fn management(report: &mut Report<'_>, config: &Config, offline: bool) {
    let name = "broker's management";
    let broker = match mqtt_iam::broker::Broker::new(&config.iam.broker) {
        Ok(broker) => broker,
        Err(error) => {
            report.failed(name, error);
            return;
        }
    };
    if offline {
        report.ok(name, "configured");
    } else {
        report.result(name, broker.ready().await.map(|()| "answers"));
    }
}

/// What the broker reads. It asks for a user's hash, which the operator's role does not see; so whether there is a user
/// and exactly the rules that the permission asks for is looked at here, and the answer itself by the home that logs in.
async fn tables(
    report: &mut Report<'_>,
    conn: &mut AsyncPgConnection,
) -> Result<(), diesel::result::Error> {
    let unreadable = server::unreadable_for_broker(conn).await?;
    let name = "broker's role";
    if unreadable.is_empty() {
        let groups = server::groups(conn, &[ROLE]).await?;
        if groups.iter().any(|group| !group.logins.is_empty()) {
            report.ok(name, "can log in and read what its two queries name");
        } else {
            report.note(
                name,
                format_args!(
                    "{ROLE} reads what its two queries name, and cannot log in: EMQX needs that (`metergate migrate` with METERGATE_LOGINS_DIR, or ALTER ROLE {ROLE} LOGIN PASSWORD '…'); the sandbox broker may have a role of its own"
                ),
            );
        }
    } else {
        report.failed(
            name,
            format_args!(
                "{ROLE} may not read {}: homes cannot log in; run `metergate migrate` as the owner",
                unreadable.join(", ")
            ),
        );
    }
    let sample = iam::sample(conn, SAMPLE).await?;
    let name = "broker's tables";
    match (sample.permissions, sample.wrong.as_slice()) {
        (0, _) => report.note(name, "no home was let in yet: nothing to look at"),
        (looked, []) => report.ok(
            name,
            format_args!("user and access rules of {looked} permissions are as they should be"),
        ),
        (_, [first, others @ ..]) => report.failed(
            name,
            format_args!(
                "user or access rules of permission {first} and {} others are not what they should be: look whether mqtt-iam runs; `mqtt.reconcile` mends it within ten minutes",
                others.len()
            ),
        ),
    }
    if !api_key::any(conn).await? {
        report.note(
            "API keys",
            "no key opens the eligible party's API: `metergate api-keys add NAME` makes one",
        );
    }
    Ok(())
}

/// The listener as a home meets it.
async fn homes(report: &mut Report<'_>, listener: &str) {
    let name = "homes' listener";
    let Ok(url) = Url::parse(listener) else {
        report.failed(name, "METERGATE_MQTT_HOMES_URL is no address");
        return;
    };
    let (host, port) = (
        url.host_str().unwrap_or_default(),
        url.port().unwrap_or(8883),
    );
    if url.scheme() == "ssl" {
        certificate::check(report, name, host, port).await;
        return;
    }
    match tls::knock(host, port).await {
        Ok(()) => report.unfit(
            name,
            "reached, without TLS: passwords and readings pass in the clear; write ssl://HOST:8883 into METERGATE_MQTT_HOMES_URL",
        ),
        Err(error) => report.unfit(name, format_args!("{error}: is the broker started?")),
    }
}

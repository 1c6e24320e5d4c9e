//! Two homes of different generations, from the QR code to their end: one sends what its meter says and takes
//! its consent back; the other is sent power limits and is ended by the eligible party.

use std::time::{Duration, Instant};

use home::{Generation, Reconnection};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::house::House;
use crate::party::{Asked, Party};
use crate::{BoxError, Site};

/// What the names of these customers begin with; personal, for no log.
pub const CUSTOMERS: &str = "demo-customer-";
/// Readings to wait for: two values a second.
const ENOUGH: usize = 10;
const LIMIT: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(100);

/// What the two homes left behind.
#[derive(Debug, Serialize)]
pub struct NearRealTime {
    /// Readings that were stored and read back by the API.
    pub readings_stored: usize,
    /// From ACCEPT to the home's connection, for each home.
    pub handshake_ms: Vec<u64>,
    /// Messages of these homes that were refused.
    pub refused_messages: u64,
    /// Both homes lost their connections.
    pub clients_disconnected: bool,
    /// One of them could connect again with its credentials.
    pub clients_can_connect: bool,
}

impl NearRealTime {
    /// What must hold, in words.
    #[must_use]
    pub fn claims(&self) -> [(bool, &'static str); 4] {
        [
            (
                self.readings_stored >= ENOUGH,
                "the sending home's readings are stored",
            ),
            (
                self.refused_messages == 0,
                "no message of a home was refused",
            ),
            (
                self.clients_disconnected,
                "homes are disconnected when their permissions end",
            ),
            (
                !self.clients_can_connect,
                "no home can connect after its permission ended",
            ),
        ]
    }
}

/// Walks both homes through; `see` is told what happens.
pub async fn walk(site: &Site, mut see: impl FnMut(&str)) -> Result<NearRealTime, BoxError> {
    let party = Party::new(site)?;
    let asked = party
        .ask(&format!("{CUSTOMERS}1"), &site.needs.live_raw)
        .await?;
    look_at_the_page(site, &asked).await?;
    see(&format!("permission page: {}", asked.page_url));
    let older = asked.older_codes.first().ok_or("no code for older homes")?;
    let sender = House::scan(House::options(site, Generation::November2025), &older.code).await?;
    see("a home of 2025-11-12 accepted: it sends its meter's readings");
    let readings_stored = wait_for_readings(&party, sender.permission, &mut see).await?;

    let asked = party
        .ask(&format!("{CUSTOMERS}2"), &site.needs.power_limits)
        .await?;
    let receiver = House::scan(House::options(site, Generation::June2026), &asked.code).await?;
    see("a home of 2026-06-02 accepted: it takes power limits on its second connection");
    send_limits(&party, &receiver).await?;
    see("the power limits arrived");

    sender.home.revoke(sender.permission).await?;
    party
        .wait(sender.permission, "the revocation", |it| {
            it.status == "REVOKED"
        })
        .await?;
    see("the first household has taken its consent back");
    party.terminate(receiver.permission).await?;
    party
        .wait(receiver.permission, "the home's answer", |it| {
            it.status == "EXTERNALLY_TERMINATED"
        })
        .await?;
    see("the energy service has ended the second permission, and the home has confirmed it");

    let mut summary = NearRealTime {
        readings_stored,
        handshake_ms: Vec::new(),
        refused_messages: 0,
        clients_disconnected: true,
        clients_can_connect: false,
    };
    for house in [&sender, &receiver] {
        let state = party
            .wait(house.permission, "the end at the broker", |it| {
                it.removed_at.is_some()
            })
            .await?;
        summary.refused_messages += state.refusals.iter().map(|it| it.messages).sum::<u64>();
        let report = house.report()?;
        summary.handshake_ms.extend(report.handshake_ms);
        summary.clients_disconnected &= !report.connected && !report.inbound_connected;
        summary.clients_can_connect |= !matches!(
            house.home.reconnect(house.permission).await?,
            Reconnection::Refused(_)
        );
        house.home.stop().await;
    }
    Ok(summary)
}

/// A page that makes a new code, for who wants to try.
#[must_use]
pub fn page_to_try(site: &Site) -> String {
    let (base, need) = (&site.url, &site.needs.live_raw);
    format!("{base}/permissions/new?dataNeedId={need}&connectionId={CUSTOMERS}3")
}

/// The household's page shows the picture and the code that the API told.
async fn look_at_the_page(site: &Site, asked: &Asked) -> Result<(), BoxError> {
    let mut visitor = site.visitor()?;
    let page = visitor.visit(&asked.page_url).await?;
    let body = String::from_utf8_lossy(&page.body);
    if page.status == 200 && body.contains("<svg") && body.contains(&asked.code) {
        Ok(())
    } else {
        Err(format!(
            "the permission page ({}) lacks the code: {}",
            page.status,
            page.text()
        )
        .into())
    }
}

async fn wait_for_readings(
    party: &Party,
    permission: Uuid,
    see: &mut impl FnMut(&str),
) -> Result<usize, BoxError> {
    let (started, mut seen) = (Instant::now(), 0);
    loop {
        let readings = party.readings(permission).await?;
        for reading in readings.get(seen..).unwrap_or_default() {
            see(&format!(
                "{:>12}  {} {}",
                reading.obis, reading.value, reading.unit
            ));
        }
        seen = readings.len();
        if seen >= ENOUGH {
            return Ok(seen);
        }
        if started.elapsed() > LIMIT {
            return Err(format!("only {seen} readings within {LIMIT:?}").into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn send_limits(party: &Party, receiver: &House) -> Result<(), BoxError> {
    let limits = json!({ "minimumPower": "-2.5", "maximumPower": "4.6", "unit": "kW" });
    party
        .inbound(receiver.permission, "min-max-envelope-cim-v1-12", &limits)
        .await?;
    let (started, sent) = (Instant::now(), limits.to_string());
    loop {
        let report = receiver.report()?;
        if report.inbound.iter().any(|it| it.payload == sent) {
            return Ok(());
        }
        if started.elapsed() > LIMIT {
            return Err(format!("the power limits did not arrive: {report:?}").into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

//! Two homes of different generations, from the QR code to their end: one sends what its meter says and takes
//! its consent back; the other is sent power limits and is ended by the eligible party.

use std::time::{Duration, Instant};

use home::{Generation, Home, Options, Reconnection};
use serde::Serialize;
use serde_json::json;
use test_support::browser::Visitor;
use uuid::Uuid;

use crate::party::{Asked, Party};
use crate::{BoxError, Stack};

/// Data needs of `data-needs.json`.
const LIVE_RAW: &str = "3f1c6d5a-7c1e-4a7e-9d55-2b8a4f0e1a02";
/// What the names of these customers begin with; personal, for no log.
pub const CUSTOMERS: &str = "demo-customer-";
const POWER_LIMITS: &str = "3f1c6d5a-7c1e-4a7e-9d55-2b8a4f0e1a03";
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
    /// What must hold, and what is wrong when it does not.
    #[must_use]
    pub fn claims(&self) -> [(bool, &'static str); 4] {
        [
            (
                self.readings_stored >= ENOUGH,
                "the sending home's readings are not stored",
            ),
            (self.refused_messages == 0, "messages of homes were refused"),
            (
                self.clients_disconnected,
                "a home is still connected after its permission ended",
            ),
            (
                !self.clients_can_connect,
                "a home can connect after its permission ended",
            ),
        ]
    }
}

/// Walks both homes through; `see` is told what happens.
pub async fn walk(stack: &Stack, mut see: impl FnMut(&str)) -> Result<NearRealTime, BoxError> {
    let party = Party::new(stack)?;
    let asked = party.ask(&format!("{CUSTOMERS}1"), LIVE_RAW).await?;
    look_at_the_page(stack, &asked).await?;
    see(&format!("permission page: {}", asked.page_url));
    let older = asked.older_codes.first().ok_or("no code for older homes")?;
    let sender = House::scan(stack, Generation::November2025, &older.code).await?;
    see("a home of 2025-11-12 accepted: it sends its meter's readings");
    let readings_stored = wait_for_readings(&party, sender.permission, &mut see).await?;

    let asked = party.ask(&format!("{CUSTOMERS}2"), POWER_LIMITS).await?;
    let receiver = House::scan(stack, Generation::June2026, &asked.code).await?;
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
pub fn page_to_try(stack: &Stack) -> String {
    let base = stack.nginx.url();
    format!("{base}/permissions/new?dataNeedId={LIVE_RAW}&connectionId={CUSTOMERS}3")
}

/// A home with one permission.
struct House {
    home: Home,
    permission: Uuid,
}

impl House {
    async fn scan(stack: &Stack, generation: Generation, code: &str) -> Result<Self, BoxError> {
        let home = Home::start(Options {
            authority: Some(stack.authority.certificate().to_owned()),
            ..Options::new(generation)
        });
        let permissions = home.scan(code).await?;
        let permission = *permissions.first().ok_or("the code holds no permission")?;
        Ok(Self { home, permission })
    }

    fn report(&self) -> Result<home::PermissionReport, BoxError> {
        let report = self.home.report();
        Ok(report
            .permission(self.permission)
            .cloned()
            .ok_or("the home knows nothing of its permission")?)
    }
}

/// The household's page shows the picture and the code that the API told.
async fn look_at_the_page(stack: &Stack, asked: &Asked) -> Result<(), BoxError> {
    let mut visitor = Visitor::new(Some(&stack.authority.pem()))?;
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

//! The program itself: addresses in a file, an end on a signal; and the control endpoints.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use custodian::control::CustomerReport;
use custodian::model::{DayRange, FlowTruth};
use jiff::civil::date;
use serde_json::Value;

use crate::harness::{Certificates, Sandbox};

/// Ends the program even when the test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test]
async fn the_program_writes_its_addresses_and_answers() {
    let certificates = Certificates::make();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("addresses.json");
    let child = Command::new(env!("CARGO_BIN_EXE_custodian"))
        .args(certificates.arguments())
        .arg("--address-file")
        .arg(&file)
        .args(["--internal-address", "127.0.0.1:0"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let deadline = Instant::now() + Duration::from_secs(20);
    let addresses: Value = loop {
        let written = std::fs::read_to_string(&file)
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok());
        if let Some(addresses) = written {
            break addresses;
        }
        assert!(running.0.try_wait().unwrap().is_none(), "the program ended");
        assert!(Instant::now() < deadline, "no addresses in time");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let http = certificates.http(None);
    let pages = addresses["pages"].as_str().unwrap();
    assert_eq!(
        http.get(format!("{pages}/myAuthorization/manage"))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let api = addresses["api"].as_str().unwrap();
    assert_eq!(http.get(api).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn the_pages_may_be_served_over_tls() {
    let certificates = Certificates::make();
    let arguments = certificates
        .arguments()
        .into_iter()
        .chain(["--pages-tls".to_owned()]);
    let config: custodian::Config =
        clap::Parser::try_parse_from(["custodian".to_owned()].into_iter().chain(arguments))
            .unwrap();
    let context = service_kit::program::Context::new();
    custodian::check(&config).unwrap();
    let custodian = custodian::start(config, &context).unwrap();
    assert!(custodian.pages_base.starts_with("https://localhost:"));
    let home = certificates
        .http(None)
        .get(&custodian.pages_base)
        .send()
        .await
        .unwrap();
    assert_eq!(home.status(), 200);
    context.shutdown.begin_soft();
    tokio::time::timeout(Duration::from_secs(20), custodian.finished())
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn the_control_endpoints_tell_the_truth() {
    let sandbox = Sandbox::start();
    let customers: Vec<CustomerReport> = sandbox.control("/sandbox/customers").await;
    assert_eq!(customers.len(), sandbox.model.customers().len());
    let truth: Vec<FlowTruth> = sandbox
        .control("/sandbox/truth?customer=fable&from=2026-03-01&to=2026-03-31")
        .await;
    let days = DayRange::new(date(2026, 3, 1), date(2026, 3, 31));
    assert_eq!(
        truth,
        sandbox
            .model
            .truth(&sandbox.model.customers()[0], days)
            .unwrap()
    );
    assert_eq!(truth[0].count, 31 * 96 - 4);
    let unknown = sandbox.page("/sandbox/truth?customer=nobody&from=2026-03-01&to=2026-03-31");
    assert_eq!(
        sandbox.http.get(unknown).send().await.unwrap().status(),
        400
    );
    assert_eq!(sandbox.counts().await.total, 0, "the API was not asked");
}

#[test]
fn a_sandbox_for_nobody_does_not_start() {
    let certificates = Certificates::make();
    let server = &certificates.server;
    let (certificate, key) = (server.0.to_str().unwrap(), server.1.to_str().unwrap());
    let arguments = [
        "custodian",
        "--tls-certificate",
        certificate,
        "--tls-key",
        key,
    ];
    let config: custodian::Config = clap::Parser::try_parse_from(arguments).unwrap();
    let refusal = custodian::check(&config).unwrap_err().to_string();
    assert!(refusal.contains("--client-id"), "{refusal}");
}

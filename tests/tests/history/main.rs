//! A customer's history end to end: real processes under their own database roles, nginx in front, the
//! sandbox custodian behind, and a browser.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a wrong assumption is to end the test"
)]

mod budget;
mod crashes;
mod deliveries;
mod operator;
mod together;
mod traces;

use std::process::Output;
use std::time::Duration;

use demo::check::{self, Totals};
use demo::{Customer, Delivered, Side, Stack, StackOptions};
use tempfile::TempDir;
use test_support::{jobs, wait};

/// How long anything may take before a test says that it never came.
const DEADLINE: Duration = Duration::from_mins(2);

/// A stack in a folder of its own, with these variables for the custodian and the services.
async fn start(
    options: StackOptions,
    custodian: &[(&str, &str)],
    services: &[(&str, &str)],
) -> World {
    let folder = tempfile::tempdir().unwrap();
    let variables = |prefix: &str, given: &[(&str, &str)]| {
        let named = given
            .iter()
            .map(|(name, value)| (format!("{prefix}_{name}"), (*value).to_owned()));
        named.collect()
    };
    let options = StackOptions {
        custodian: variables("METERGATE_CUSTODIAN", custodian),
        services: variables("METERGATE", services),
        ..options
    };
    let stack = Stack::start(folder.path(), &options).await.unwrap();
    World {
        stack,
        _folder: folder,
    }
}

/// Budgets lifted.
fn fast() -> StackOptions {
    StackOptions {
        fast: true,
        side: Side::History,
        ..StackOptions::default()
    }
}

struct World {
    stack: Stack,
    _folder: TempDir,
}

impl World {
    /// A customer authorizes and lands on the progress page.
    async fn customer(&self, key: &str) -> Customer {
        let mut customer = Customer::new(self.stack.site(), key).await.unwrap();
        customer.authorize(self.stack.site()).await.unwrap();
        customer
    }

    /// The last words of the customer's page.
    async fn end_of(&self, customer: &mut Customer) -> String {
        match customer.wait(DEADLINE, |_| {}).await {
            Ok(text) => text,
            Err(error) => panic!("{error}\n{}", self.stack.logs()),
        }
    }

    /// Waits until a condition holds in the database.
    async fn until(&self, condition: &str) {
        wait::until(DEADLINE, condition, async || {
            self.stack.holds(condition).await.unwrap().then_some(())
        })
        .await;
    }

    /// Waits until so many windows of an authorization that is being fetched are in.
    async fn until_received(&self, windows: u32) {
        let received = format!(
            "SELECT count(received_at) >= {windows} FROM smd.pull JOIN smd.authorization ON id = authorization_id
             WHERE stage <> 'superseded' AND exported_at IS NULL"
        );
        self.until(&received).await;
    }

    /// The jobs of a killed process are free again, as when their leases have run out.
    async fn expire_leases(&self) {
        for passes in [jobs::LEASES_OVER, jobs::ALL_DUE] {
            self.stack.sql(passes).await.unwrap();
        }
    }

    /// The subscription of a customer's newest authorization.
    async fn subscription(&self, key: &str) -> String {
        self.stack
            .site()
            .authorization_of(key)
            .await
            .unwrap()
            .id
            .to_string()
    }

    /// The customer's files, through nginx with the password.
    async fn files_of(&self, key: &str) -> Vec<Delivered> {
        let subscription = self.subscription(key).await;
        let mut files = self.stack.site().download().await.unwrap();
        files.retain(|file| file.name.contains(&subscription));
        files
    }

    /// Every interval of the promised months is there once, the sums are what the custodian generated,
    /// and the authorization is ended.
    async fn assert_delivered(&self, customer: &Customer, months: i32) -> (Vec<Delivered>, Totals) {
        let key = &customer.known.key;
        let files = self.files_of(key).await;
        let totals = check::totals(&files).unwrap();
        let report = self.stack.site().authorization_of(key).await.unwrap();
        let owed = self.stack.owed_days(report.id, months).await.unwrap();
        check::compare(self.stack.site(), key, owed, &totals)
            .await
            .unwrap();
        assert_eq!((report.status, report.live_tokens), (0, 0), "{key}");
        assert_eq!(format!("{:?}", report.state), "Deleted", "{key}");
        self.stack.sql(check::NO_TOKEN_LEFT).await.unwrap();
        (files, totals)
    }

    /// Runs a command of the operator's.
    fn metergate(&self, arguments: &[&str]) -> (bool, String) {
        let Output {
            status,
            stdout,
            stderr,
        } = self
            .stack
            .metergate()
            .unwrap()
            .args(arguments)
            .output()
            .unwrap();
        let text =
            String::from_utf8_lossy(&stdout).into_owned() + &*String::from_utf8_lossy(&stderr);
        (status.success(), text)
    }
}

/// The secret part of a progress page's address.
fn ticket(customer: &Customer) -> String {
    let page = customer.visitor.page().unwrap();
    page.url
        .path_segments()
        .unwrap()
        .next_back()
        .unwrap()
        .to_owned()
}

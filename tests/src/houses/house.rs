//! A home with one permission, and what is known of both.

use std::time::Duration;

use demo::party::Asked;
use home::{Credentials, Generation, Home, PermissionReport};
use serde_json::Value;
use uuid::Uuid;

use super::DEADLINE;

/// A home with one permission.
pub struct House {
    /// The home.
    pub home: Home,
    /// Its permission.
    pub permission: Uuid,
    /// What it was shown.
    pub asked: Asked,
    /// The eligible party's name for the customer: personal.
    pub connection: String,
    /// The number of its meter: personal.
    pub meter: String,
}

impl House {
    /// The text of the code that a home of this generation can scan.
    #[must_use]
    pub fn code(&self, generation: Generation) -> &str {
        if generation == Generation::November2025 {
            &self.asked.older_codes[0].code
        } else {
            &self.asked.code
        }
    }

    /// The permission as the home sees it.
    #[must_use]
    pub fn report(&self) -> PermissionReport {
        let report = self.home.report();
        report.permission(self.permission).unwrap().clone()
    }

    /// What the home connects with.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        self.home.credentials(self.permission).unwrap()
    }

    /// Waits until the home sees it so.
    pub async fn until(&self, what: &str, seen: impl Fn(&PermissionReport) -> bool) {
        let started = std::time::Instant::now();
        loop {
            let report = self.report();
            if seen(&report) {
                return;
            }
            assert!(
                started.elapsed() < DEADLINE,
                "waited {DEADLINE:?} in vain: {what}: {report:?}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The token in the code.
    #[must_use]
    pub fn token(&self) -> String {
        use base64::Engine as _;
        let code = base64::engine::general_purpose::STANDARD
            .decode(&self.asked.code)
            .unwrap();
        let code: Value = serde_json::from_slice(&code).unwrap();
        code["accessToken"].as_str().unwrap().to_owned()
    }

    /// What no log and no job may hold.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let ticket = self.asked.page_url.rsplit('/').next().unwrap();
        let mut secrets = vec![
            self.asked.code.clone(),
            self.token(),
            ticket.to_owned(),
            self.connection.clone(),
            self.meter.clone(),
        ];
        let older = self.asked.older_codes.iter();
        secrets.extend(older.map(|one| one.code.clone()));
        let credentials = self.home.credentials(self.permission);
        secrets.extend(credentials.map(|it| it.password));
        secrets
    }
}

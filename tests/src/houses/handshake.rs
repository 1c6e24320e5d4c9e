//! What homes and programs do to a permission by hand, and how long everything takes to be stored.

use home::{Answer, Credentials, Login, Rogue};
use serde_json::{Value, json};
use service_kit::clock::{Clock as _, SystemClock};
use service_kit::random::{Random as _, SystemRandom};
use test_support::wait;

use super::{DEADLINE, House, World};

impl World {
    /// A program that has got hold of a home's credentials; the broker's answer when it is not let in.
    pub async fn rogue(&self, credentials: &Credentials) -> Result<Rogue, Answer> {
        let id = format!("stranger-{}", SystemRandom.uuid().simple());
        let address = &self.stack.broker().unwrap().plain;
        Rogue::connect(address, &Login::new(credentials, id)).await
    }

    /// Waits until every record that the home has made is acknowledged and stored, with most of a second to go until
    /// the next one. The number of records.
    pub async fn settle(&self, house: &House) -> usize {
        let id = house.permission;
        wait::until(DEADLINE, "everything to be stored", async || {
            let home = house.report();
            let made = home.records;
            let done = home.acknowledged >= made && home.buffered == 0;
            if !done || SystemClock.now().subsec_millisecond() > 500 {
                return None;
            }
            let stored = format!(
                "SELECT count(*) FROM aiida.message WHERE permission_id = '{id}' AND channel = 'data'"
            );
            let stored = self.count(&stored).await;
            (u64::try_from(stored).ok() == Some(made) && house.report().records == made)
                .then(|| usize::try_from(stored).unwrap())
        })
        .await
    }

    /// Nobody has got credentials for this permission, and nobody is about to.
    pub async fn assert_nothing_given(&self, house: &House) {
        let id = house.permission;
        let rows = format!(
            "SELECT (SELECT count(*) FROM aiida.aiida_mqtt_user WHERE permission_id = '{id}')
                + (SELECT count(*) FROM aiida.aiida_mqtt_acl WHERE permission_id = '{id}')
                + (SELECT count(*) FROM aiida.credential WHERE permission_id = '{id}')
                + (SELECT count(*) FROM jobs.job WHERE kind LIKE 'mqtt.%' AND payload::text LIKE '%{id}%')"
        );
        assert_eq!(self.count(&rows).await, 0);
    }

    /// A handshake's answer by hand, as a program would give it that has seen the code.
    pub async fn patch(&self, house: &House, operation: &str) -> (u16, Value) {
        let token = house.token();
        let authority = reqwest::Certificate::from_pem(self.stack.authority.pem().as_bytes());
        let http = reqwest::Client::builder()
            .add_root_certificate(authority.unwrap())
            .timeout(DEADLINE)
            .build()
            .unwrap();
        let url = format!(
            "{}/region-connectors/aiida/permission-request/{}",
            self.stack.nginx.url(),
            house.permission
        );
        let body = json!({ "operation": operation, "aiidaId": house.permission });
        let answer = http.patch(url).bearer_auth(token).json(&body).send().await;
        let answer = answer.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }
}

//! `metergate doctor`: every check that needs a database, a folder or a server, once well and once not.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use permission::data_need::DataNeed;
use permission::{BundleId, PermissionId, Status};
use serde_json::json;
use service_kit::random::{Random as _, SystemRandom};
use storage::aiida::event::Cause;
use storage::aiida::permission::{self as store, NewPermission};
use test_support::certs::Authority;

use crate::configured::AIIDA;
use crate::desk::{Desk, Ended};
use crate::standin;

/// Share My Data with everything in `folder`, and a custodian that is not there.
struct History {
    base: String,
    certificate: String,
    key: String,
    output: String,
    custodian: String,
}

impl History {
    fn new(folder: &Path, authority: &Authority, base: &str) -> Self {
        let files = authority.client("party").unwrap();
        let output = folder.join("output");
        std::fs::create_dir_all(&output).unwrap();
        std::fs::set_permissions(&output, Permissions::from_mode(0o750)).unwrap();
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        Self {
            base: base.to_owned(),
            certificate: text(&files.certificate),
            key: text(&files.key),
            output: text(&output),
            custodian: format!("https://{}", standin::nobody()),
        }
    }

    fn environment(&self) -> Vec<(&str, &str)> {
        vec![
            ("CLIENT_ID", "0123456789abcdef0123456789abcdef"),
            ("CLIENT_SECRET", "tell-nobody"),
            ("REDIRECT_BASE_URL", &self.base),
            ("PGE_API_BASE_URL", &self.custodian),
            ("METERGATE_SMD_CERTIFICATE", &self.certificate),
            ("METERGATE_SMD_PRIVATE_KEY", &self.key),
            ("METERGATE_OUTPUT_DIR", &self.output),
            (
                "METERGATE_ENCRYPTION_KEYS",
                "a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            ),
        ]
    }
}

#[track_caller]
fn says(said: &Ended, lines: &[&str]) {
    for line in lines {
        assert!(said.output.contains(line), "{line}\n{}", said.output);
    }
    assert!(!said.output.contains("tell-nobody"), "{}", said.output);
}

#[tokio::test(flavor = "multi_thread")]
async fn public_addresses_lead_to_their_services() {
    let desk = Desk::durable().await;
    let (folder, authority, nginx) = standin::installation(standin::services());
    // By this name it is not a trial.
    let base = nginx.url().replace("localhost", "127.0.0.1");
    let listener = base.replace("https", "ssl");
    let history = History::new(folder.path(), &authority, &base);
    let trusted = authority.certificate().to_str().unwrap();
    let mut environment = history.environment();
    environment.extend(AIIDA);
    environment.extend([
        ("METERGATE_AIIDA_PUBLIC_URL", base.as_str()),
        ("METERGATE_MQTT_HOMES_URL", listener.as_str()),
        ("SSL_CERT_FILE", trusted),
    ]);
    let said = desk.run(&["doctor"], &environment).await;
    says(
        &said,
        &[
            "ok      durability: ",
            "ok      connections: one replica of each service needs up to 83 of ",
            "note    roles: nobody can log in as metergate_smd_auth, ",
            "ok      certificate: matches its key",
            "ok      certificate: authority: Metergate test authority",
            "ok      output folder: takes files",
            "ok      output folder: readers: files are 640, the folder 750",
            "  output folder: space: ",
            "FAILED  custodian: token: ",
            "ok      public certificate (127.0.0.1): trusted, of Metergate test authority, ",
            "ok      redirect URI: smd-auth answers",
            "ok      notification URI: smd-auth answers",
            "ok      downloads: nginx answers (401",
            "ok      handshake of homes: aiida-permission answers",
            "ok      API: aiida-permission answers",
            "ok      live streams: aiida-stream answers",
            "ok      homes' listener: trusted, of Metergate test authority, ",
        ],
    );
    assert_eq!(said.output.matches("public certificate").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_public_is_said_with_the_remedy() {
    let desk = Desk::forgetful().await;
    let (folder, authority, nginx) = standin::installation(standin::nobody());
    let base = nginx.url().replace("localhost", "127.0.0.1");
    let history = History::new(folder.path(), &authority, &base);
    std::fs::set_permissions(&history.output, Permissions::from_mode(0o700)).unwrap();
    let listener = format!("tcp://{}", standin::services());
    let mut environment = history.environment();
    environment.extend(AIIDA);
    environment.extend([
        ("METERGATE_AIIDA_PUBLIC_URL", base.as_str()),
        ("METERGATE_MQTT_HOMES_URL", listener.as_str()),
        ("METERGATE_DATABASE_CONNECTIONS", "100"),
    ]);
    let said = desk.run(&["doctor"], &environment).await;
    assert!(!said.ok, "{}", said.output);
    says(
        &said,
        &[
            "FAILED  durability: ",
            "synchronous_commit off: after a crash",
            "FAILED  connections: 7 services with METERGATE_DATABASE_CONNECTIONS=100 need up to 727",
            "FAILED  output folder: readers: files are 640, but the group",
            "note    certificate: authority: Metergate test authority, which this machine does not know",
            "FAILED  public certificate (127.0.0.1): not trusted (",
            "infra/certificates/renewed",
            "FAILED  redirect URI: /OAuthCallback answers 502: nginx is there and smd-auth is not",
            "ok      downloads: nginx answers (401",
            "FAILED  handshake of homes: ",
            "FAILED  live streams: ",
            "FAILED  homes' listener: reached, without TLS",
        ],
    );
}

/// What only the public needs is forgiven where nobody but this machine comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_trial_on_one_machine_is_told_and_not_failed() {
    let desk = Desk::forgetful().await;
    let (folder, authority, nginx) = standin::installation(standin::services());
    let history = History::new(folder.path(), &authority, &nginx.url());
    let said = desk.run(&["doctor"], &history.environment()).await;
    says(
        &said,
        &[
            "note    durability: ",
            "note    public certificate (localhost): not trusted (",
            "(fine for a trial on one machine)",
            "ok      redirect URI: ",
        ],
    );
    // The stand-in for PG&E is away: its three, and nothing else.
    assert!(
        said.output.contains("3 of the checks failed"),
        "{}",
        said.output
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_of_all_roles_are_found() {
    let desk = Desk::durable().await;
    let name = desk.database.name().to_owned();
    for role in ["aiida_permission", "mqtt_iam", "aiida_stream", "console"] {
        desk.sql(&format!(
            "CREATE ROLE {role}_{name} LOGIN IN ROLE metergate_{role}"
        ))
        .await;
    }
    desk.sql(&format!("CREATE ROLE broker_{name} LOGIN IN ROLE emqx"))
        .await;
    let said = desk.run(&["doctor", "--offline"], AIIDA).await;
    assert!(said.ok, "{}", said.output);
    says(
        &said,
        &[
            "ok      roles: 5 groups, each with a login",
            "ok      broker's role: can log in and read",
            "note    API keys: no key opens",
            "note    broker's tables: no home was let in yet",
        ],
    );
}

/// A home that was let in, with everything that the broker reads.
async fn let_in(desk: &Desk) -> PermissionId {
    let need = DataNeed::from_value(json!({
        "type": "outbound-aiida", "id": SystemRandom.uuid(), "name": "n", "description": "d", "purpose": "p",
        "policyLink": "https://party.example/policy",
        "duration": {"type": "relativeDuration", "start": "P0D", "end": "P10D"},
        "transmissionSchedule": "*/5 * * * * *", "schemas": ["SMART-METER-P1-RAW"],
        "asset": "CONNECTION-AGREEMENT-POINT"
    }))
    .unwrap();
    let id = PermissionId::from(SystemRandom.uuid());
    let new = NewPermission {
        id,
        bundle: BundleId::from(SystemRandom.uuid()),
        connection_id: "customer-1",
        data_need: &need,
        meter_id: None,
        ticket: None,
    };
    let mut conn = desk.connect().await;
    store::insert(&mut conn, &[new]).await.unwrap();
    let steps = [
        Status::Created,
        Status::Validated,
        Status::SentToPermissionAdministrator,
        Status::Accepted,
    ];
    for pair in steps.windows(2) {
        let step = pair[0].step(pair[1]).unwrap();
        let taken = store::advance(&mut conn, id, step, Cause::Request, None).await;
        assert!(taken.unwrap());
    }
    storage::aiida::credential::store(&mut conn, id, "a-hash")
        .await
        .unwrap();
    storage::iam::grant(&mut conn, id).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_reads_is_held_against_the_permission() {
    let desk = Desk::durable().await;
    let id = let_in(&desk).await;
    let said = desk.run(&["doctor", "--offline"], AIIDA).await;
    says(
        &said,
        &["ok      broker's tables: user and access rules of 1 permissions are as they should be"],
    );
    desk.sql("UPDATE aiida.aiida_mqtt_acl SET topic = '#'")
        .await;
    let said = desk.run(&["doctor", "--offline"], AIIDA).await;
    assert!(!said.ok, "{}", said.output);
    let line = format!("FAILED  broker's tables: user or access rules of permission {id}");
    says(&said, &[&line]);
    desk.sql("REVOKE SELECT ON aiida.aiida_mqtt_acl FROM emqx")
        .await;
    let said = desk.run(&["doctor", "--offline"], AIIDA).await;
    says(
        &said,
        &["FAILED  broker's role: emqx may not read aiida_mqtt_acl.acl_type, "],
    );
}

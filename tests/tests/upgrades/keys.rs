//! Keys and passwords change one after the other while customers are fetched, homes send, and somebody outside looks
//! all the time: the steps of "Keys and passwords" in `docs/operating.md`, with replicas of two steps side by side.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use demo::party::Party;
use demo::{Side, StackOptions};
use end_to_end::houses::{DEADLINE, RAW, World, named, start_with};
use home::{Generation, Home};
use reqwest::Method;
use serde_json::Value;
use service_kit::random::{Random as _, SystemRandom};
use test_support::process::Process;
use test_support::{ports, wait};

use crate::customers::{SLOWLY, assert_delivered, authorize, until_received};
use crate::operator::metergate;
use crate::outside::Outside;
use crate::receiver::{Receiver, SECRETS};

const ENCRYPTION_KEYS: &str = "METERGATE_ENCRYPTION_KEYS";
const JWT_SECRET: &str = "METERGATE_AIIDA_JWT_SECRET";
/// Where the first replica of `aiida-permission` listens; the second is at 127.0.0.2.
const PERMISSION_ADDRESS: &str = "METERGATE_AIIDA_PERMISSION_ADDRESS";
const GENERATION: Generation = Generation::June2026;

/// 32 random bytes in base64.
fn key() -> String {
    let mut key = [0; 32];
    SystemRandom.fill(&mut key);
    STANDARD.encode(key)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_change_while_everything_runs() {
    let receiver = Receiver::start();
    let mut services = named(SLOWLY);
    services.extend(named(&[
        ("WEBHOOK_URL", &receiver.url),
        ("WEBHOOK_SECRET", SECRETS[0]),
    ]));
    let options = StackOptions {
        side: Side::Both,
        replicas: true,
        services,
        ..StackOptions::default()
    };
    let mut world = start_with(options).await;
    let house = world.house(GENERATION, RAW).await;
    let outside = Outside::look(&world.stack, &house.asked.page_url);

    encryption_keys(&mut world).await;
    jwt_secret(&mut world).await;
    webhook_secret(&mut world, &receiver).await;

    let (looks, wrong) = outside.seen().await;
    assert!(looks > 100, "{looks}");
    assert!(wrong.is_empty(), "of {looks} looks: {wrong:?}");
    assert_eq!(house.report().connects, 1, "the home noticed something");
    api_keys(&world).await;
    database_password(&world).await;
    world.settle(&house).await;
    world.assert_stored(&house).await;
    house.home.stop().await;
}

/// Every fetcher knows the new one before anything is sealed with it; `rotate-keys`; the old one removed.
async fn encryption_keys(world: &mut World) {
    let mut first = authorize(&world.stack, "fable").await;
    until_received(world, 2).await;
    let old = world.stack.setting(ENCRYPTION_KEYS).unwrap().to_owned();
    let new = format!("second:{}", key());
    world.stack.set(ENCRYPTION_KEYS, &format!("{old},{new}"));
    world.stack.replace("smd-fetcher").unwrap();
    world.stack.set(ENCRYPTION_KEYS, &format!("{new},{old}"));
    world.stack.replace("smd-auth").unwrap();
    let mut second = authorize(&world.stack, "awkward").await;
    // By the only fetcher, which is of the step before.
    let opened = "SELECT count(p.received_at) > 0 FROM smd.pull p
        JOIN smd.authorization a ON a.id = p.authorization_id WHERE a.access_key_id = 'second'";
    world.until(opened).await;
    world.stack.replace("smd-fetcher").unwrap();
    let said = metergate(&world.stack, &["rotate-keys"]);
    assert!(said.ok, "{}", said.text);
    assert!(
        said.text.contains("not in use: can be dropped"),
        "{}",
        said.text
    );
    world.stack.set(ENCRYPTION_KEYS, &new);
    world.stack.replace("smd-fetcher").unwrap();
    // Their tokens are needed for each window that is still to come, and for the end.
    let under_way = "SELECT count(*) FROM smd.pull WHERE received_at IS NULL";
    assert!(
        world.count(under_way).await > 0,
        "too late to show anything"
    );
    world.stack.replace("smd-auth").unwrap();
    assert_delivered(world, &mut first).await;
    assert_delivered(world, &mut second).await;
}

/// Every replica believes the new one before any signs with it; the old one removed when its codes have expired.
async fn jwt_secret(world: &mut World) {
    let under_old = world.visitor(GENERATION, RAW, |it| it).await;
    let too_late = world.visitor(GENERATION, RAW, |it| it).await;
    let old = world.stack.setting(JWT_SECRET).unwrap().to_owned();
    let new = key();
    sign_with(world, &format!("{old},{new}")).await;
    sign_with(world, &format!("{new},{old}")).await;
    let under_new = world.visitor(GENERATION, RAW, |it| it).await;
    under_old
        .home
        .scan(under_old.code(GENERATION))
        .await
        .unwrap();
    sign_with(world, &new).await;
    under_new
        .home
        .scan(under_new.code(GENERATION))
        .await
        .unwrap();
    too_late
        .home
        .scan(too_late.code(GENERATION))
        .await
        .unwrap_err();
    for house in [under_old, under_new, too_late] {
        house.home.stop().await;
    }
}

/// A replica with these secrets beside the one before it, and then in its place. While there are both, each takes what
/// each has signed: a home does not repeat an ACCEPT that was refused.
async fn sign_with(world: &mut World, secrets: &str) {
    world.stack.set(JWT_SECRET, secrets);
    world.stack.add("aiida-permission").unwrap();
    let first = world.stack.setting(PERMISSION_ADDRESS).unwrap();
    let both = [
        first.to_owned(),
        first.replacen("127.0.0.1", "127.0.0.2", 1),
    ];
    for signs in &both {
        for checks in &both {
            accept(world, signs, checks).await;
        }
    }
    world.stack.terminate("aiida-permission").unwrap();
}

/// One replica makes a code, and a home accepts at the other, or the same.
async fn accept(world: &World, signs: &str, checks: &str) {
    let mut site = world.stack.site().clone();
    site.url = format!("http://{signs}");
    let asked = Party::new(&site).unwrap().ask("a customer", RAW).await;
    let code = String::from_utf8(STANDARD.decode(asked.unwrap().code).unwrap()).unwrap();
    // The code leads to nginx, which asks either.
    let (before, behind) = code.split_once(&world.stack.nginx.url()).unwrap();
    let code = STANDARD.encode(format!("{before}http://{checks}{behind}"));
    let home = Home::start(world.options(GENERATION));
    let scanned = home.scan(&code).await;
    assert!(
        scanned.is_ok(),
        "signed by {signs}, shown to {checks}: {scanned:?}"
    );
    home.stop().await;
}

/// The receiver accepts both; the service is told the new one; from then on nothing is signed with the old one.
async fn webhook_secret(world: &mut World, receiver: &Receiver) {
    // While both replicas run, either may tell what has not been told yet.
    until_told(world).await;
    world.stack.set("METERGATE_WEBHOOK_SECRET", SECRETS[1]);
    world.stack.replace("aiida-permission").unwrap();
    let house = world.house(GENERATION, RAW).await;
    until_told(world).await;
    let taken = receiver.taken();
    assert!(taken.is_sorted_by_key(|(id, _)| *id), "{taken:?}");
    assert!(
        taken.is_sorted_by_key(|(_, secret)| *secret),
        "the old one after the new one: {taken:?}"
    );
    assert_eq!((taken[0].1, taken.last().unwrap().1), (0, 1));
    house.home.stop().await;
}

/// The receiver has been told everything, or spared what every request passes.
async fn until_told(world: &World) {
    let told = "SELECT told = (SELECT max(id) FROM aiida.permission_event) FROM aiida.webhook";
    world.until(told).await;
}

/// A second one, change over, revoke the first.
async fn api_keys(world: &World) {
    let said = metergate(&world.stack, &["api-keys", "add", "another system"]);
    let mut site = world.stack.site().clone();
    site.api_key = Some(said.text.trim().to_owned());
    let another = Party::new(&site).unwrap();
    let ask = async |party: &Party| -> Result<Value, _> {
        party.send(Method::GET, "/permissions", None).await
    };
    ask(&world.party).await.unwrap();
    ask(&another).await.unwrap();
    let list = metergate(&world.stack, &["api-keys", "list", "--json"]);
    let keys: Value = serde_json::from_str(&list.text).unwrap();
    let first = keys
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["name"] == "demo")
        .unwrap();
    let said = metergate(
        &world.stack,
        &["api-keys", "revoke", first["id"].as_str().unwrap()],
    );
    assert!(said.ok, "{}", said.text);
    let refused = ask(&world.party).await.unwrap_err().to_string();
    assert!(refused.contains("401"), "{refused}");
    ask(&another).await.unwrap();
}

/// The file, `metergate migrate` with the folder, restart: what runs goes on meanwhile.
async fn database_password(world: &World) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("smd-auth");
    let set = |password: &str| {
        std::fs::write(&file, password).unwrap();
        let said = metergate(
            &world.stack,
            &["migrate", "--logins", folder.path().to_str().unwrap()],
        );
        assert!(said.ok, "{}", said.text);
    };
    set("the first password");
    let older = folder.path().join("older");
    std::fs::copy(&file, &older).unwrap();
    let (_running, port) = smd_auth(world, &file);
    until_started(port).await;
    set("the second password");
    for _ in 0..3 {
        assert_eq!(status(port, "/start").await, Some(303));
    }
    let (_restarted, port) = smd_auth(world, &file);
    until_started(port).await;
    assert_eq!(status(port, "/start").await, Some(303));
    let (mut refused, _) = smd_auth(world, &older);
    assert!(!refused.wait(Duration::from_secs(30)).unwrap().success());
    let said = refused.output();
    assert!(said.contains("no connection to Postgres"), "{said}");
    assert!(!said.contains("the first password"), "{said}");
}

/// smd-auth under the login that has its password in a file, and its port.
fn smd_auth(world: &World, password: &Path) -> (Process, u16) {
    let port = ports::free();
    let mut command = world.stack.metergate().unwrap();
    command
        .args(["serve", "smd-auth"])
        .env(
            "METERGATE_DATABASE_URL",
            world.stack.database_url_of("smd_auth"),
        )
        .env("METERGATE_DATABASE_PASSWORD_FILE", password)
        .env("METERGATE_SMD_AUTH_ADDRESS", format!("127.0.0.1:{port}"))
        .env(
            "METERGATE_INTERNAL_ADDRESS",
            format!("127.0.0.1:{}", ports::free()),
        );
    (Process::spawn("smd-auth", command).unwrap(), port)
}

async fn until_started(port: u16) {
    wait::until(DEADLINE, "smd-auth", async || {
        (status(port, "/").await == Some(200)).then_some(())
    })
    .await;
}

async fn status(port: u16, path: &str) -> Option<u16> {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap();
    let answer = client
        .get(format!("http://127.0.0.1:{port}{path}"))
        .send()
        .await;
    answer.ok().map(|answer| answer.status().as_u16())
}

//! What the program says when one side is configured, or none.

use crate::desk::{Desk, ended, start};

/// Everything of AIIDA, nothing of Share My Data.
pub(crate) const AIIDA: &[(&str, &str)] = &[
    ("METERGATE_AIIDA_PUBLIC_URL", "https://party.example"),
    (
        "METERGATE_AIIDA_JWT_SECRET",
        "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    ),
    ("METERGATE_MQTT_HOMES_URL", "ssl://party.example:8883"),
    ("METERGATE_MQTT_USERNAME", "metergate"),
    ("METERGATE_MQTT_PASSWORD", "tell-nobody"),
    ("METERGATE_BROKER_API_KEY", "metergate"),
    ("METERGATE_BROKER_API_SECRET", "tell-nobody"),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_without_share_my_data_is_not_asked_for_it() {
    let desk = Desk::durable().await;
    let said = desk.run(&["doctor", "--offline"], AIIDA).await;
    assert!(said.ok, "{}", said.output);
    for check in [
        "database",
        "permission facade",
        "stream",
        "broker's management",
    ] {
        assert!(
            said.output.contains(&format!("ok      {check}: ")),
            "{check}:\n{}",
            said.output
        );
    }
    for foreign in [
        "encryption keys",
        "output folder",
        "certificate",
        "custodian",
        "CLIENT_ID",
    ] {
        assert!(
            !said.output.contains(foreign),
            "{foreign}:\n{}",
            said.output
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_tries_the_login_at_the_broker() {
    let desk = Desk::new().await;
    let nobody = format!("mqtt://127.0.0.1:{}", test_support::ports::free());
    let environment = [AIIDA, &[("METERGATE_MQTT_URL", nobody.as_str())]].concat();
    let said = desk.run(&["doctor"], &environment).await;
    assert!(!said.ok, "{}", said.output);
    assert!(
        said.output
            .contains("FAILED  broker's login: no connection to the broker"),
        "{}",
        said.output
    );
    assert!(!said.output.contains("tell-nobody"), "{}", said.output);
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_without_any_setting_says_what_to_set() {
    let desk = Desk::new().await;
    let said = desk
        .run(&["serve"], &[("METERGATE_INTERNAL_ADDRESS", "127.0.0.1:0")])
        .await;
    assert!(!said.ok, "{}", said.output);
    for setting in ["CLIENT_ID", "METERGATE_AIIDA_PUBLIC_URL"] {
        assert!(said.output.contains(setting), "{setting}:\n{}", said.output);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_the_program_says_which_setting_names_it() {
    let said = ended(start(&["doctor"], &[])).await;
    assert!(!said.ok, "{}", said.output);
    assert!(said.output.contains("DATABASE_URL"), "{}", said.output);
}

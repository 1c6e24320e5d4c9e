//! Certificates, on both sides of the connection.

use std::sync::Arc;

use smd_client::{Client, ConfigError, Error, Unlimited};

use crate::server::{Custodian, Reply};

const TOKEN_JSON: &str = r#"{"client_access_token":"cat","expires_in":3600}"#;

#[tokio::test]
async fn connections_are_kept_and_carry_our_certificate() {
    let custodian = Custodian::start(|_| Reply::status(500));
    let client = custodian.client();
    for _ in 0..3 {
        client.client_token().await.unwrap_err();
    }
    let seen = custodian.seen();
    assert!(seen.iter().all(|it| it.certificate.is_some()));
    assert!(
        seen.iter().all(|it| it.connection == seen[0].connection),
        "{seen:?}"
    );
    let report = client.certificate().unwrap();
    assert!(report.matches_key);
    assert_eq!(report.subject.as_deref(), Some("client"));
}

#[tokio::test]
async fn a_replaced_certificate_is_used_within_a_minute() {
    let custodian = Custodian::start(|_| Reply::status(500));
    let client = custodian.client();
    client.client_token().await.unwrap_err();
    let first = custodian.seen()[0].certificate.clone().unwrap();

    // A certificate whose key has not arrived yet changes nothing.
    let key = std::fs::read(custodian.authority.file("client.key")).unwrap();
    let second = custodian.authority.new_client_certificate();
    let new_key = std::fs::read(custodian.authority.file("client.key")).unwrap();
    std::fs::write(custodian.authority.file("client.key"), key).unwrap();
    custodian.clock.advance(jiff::SignedDuration::from_secs(61));
    client.client_token().await.unwrap_err();
    assert_eq!(custodian.seen()[1].certificate.as_ref(), Some(&first));

    std::fs::write(custodian.authority.file("client.key"), new_key).unwrap();
    custodian.clock.advance(jiff::SignedDuration::from_secs(61));
    client.client_token().await.unwrap_err();
    assert_eq!(custodian.seen()[2].certificate.as_ref(), Some(&second));
}

#[tokio::test]
async fn an_unknown_authority_is_named_with_its_remedy() {
    let custodian = Custodian::start(|_| Reply::json(200, TOKEN_JSON));
    let other = Custodian::start(|_| Reply::status(500));
    let client = custodian.client_with(|it| it.extra_ca = Some(other.authority.file("ca.pem")));
    let error = client.client_token().await.unwrap_err();
    assert!(
        matches!(error, Error::Tls { .. }) && !error.is_transient(),
        "{error}"
    );
    assert!(
        error.to_string().contains("METERGATE_SMD_EXTRA_CA"),
        "{error}"
    );
    assert!(custodian.seen().is_empty());
    custodian.client().client_token().await.unwrap();
}

#[tokio::test]
async fn the_hosts_name_must_be_the_certificates() {
    let custodian = Custodian::start(|_| Reply::json(200, TOKEN_JSON));
    let client = custodian
        .client_with(|it| it.api_base_url = format!("https://127.0.0.1:{}", custodian.port));
    let error = client.client_token().await.unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error}");
    assert!(custodian.seen().is_empty());
}

#[test]
fn files_that_do_not_fit_are_refused_at_the_start() {
    let custodian = Custodian::start(|_| Reply::status(500));
    let other = Custodian::start(|_| Reply::status(500));
    let refused = |change: &dyn Fn(&mut smd_client::SmdConfig)| {
        let mut config = custodian.config();
        change(&mut config);
        Client::new(&config, Arc::new(Unlimited)).unwrap_err()
    };
    let error = refused(&|it| it.private_key = other.authority.file("client.key"));
    assert!(matches!(error, ConfigError::Certificate(_)), "{error}");
    assert!(error.to_string().contains("does not fit"), "{error}");
    let error = refused(&|it| it.certificate = "no/such/file".into());
    assert!(
        error.to_string().starts_with("METERGATE_SMD_CERTIFICATE"),
        "{error}"
    );
    let error = refused(&|it| it.extra_ca = Some(other.authority.file("client.key")));
    assert!(
        error.to_string().starts_with("METERGATE_SMD_EXTRA_CA"),
        "{error}"
    );
}

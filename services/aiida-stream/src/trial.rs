//! A login at the broker to see whether it works: for the operator's checks, with nothing left behind.

use std::time::Duration;

use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Packet, QoS};
use service_kit::random::{Random as _, SystemRandom};
use service_kit::secret::ExposeSecret as _;
use tokio::sync::oneshot;

use crate::broker::{BrokerConfig, LoginError};
use crate::ingest::{Tls, TlsError};

/// From the first byte to the welcome, and from the subscription to its acknowledgement.
const PATIENCE: Duration = Duration::from_secs(10);

/// Shared, as those of the stream, but of another group and of a topic that no home can have: no message is taken
/// away from anybody.
const FILTER: &str = "$share/metergate-trial/aiida/v1/trial/data/outbound/+";

/// The broker does not take us as it should.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// Username or password are missing.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The broker's certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No connection, or no welcome.
    #[error(
        "no connection to the broker ({0}): check that it runs, METERGATE_MQTT_URL, _CA, _USERNAME and _PASSWORD"
    )]
    Connect(Box<ConnectionError>),
    /// The subscription is refused.
    #[error(
        "the broker does not take our subscriptions ({0}): check what METERGATE_MQTT_USERNAME may do, and that shared subscriptions are on"
    )]
    Subscribe(String),
    /// No answer.
    #[error("the broker did not answer within {0:?}: check that it runs and METERGATE_MQTT_URL")]
    Silent(Duration),
}

/// Logs in under a client id of its own, subscribes as the stream does, and leaves without a session. No message is
/// received.
pub async fn try_broker(config: &BrokerConfig) -> Result<(), TrialError> {
    let config = config.clone().resolved()?;
    let tls = Tls::load(&config)?;
    let (client, eventloop) = AsyncClient::builder(options(&config, &tls))
        .capacity(4)
        .build();
    let (welcomed, welcome) = oneshot::channel();
    // Dropped with this function: the connection ends.
    let mut reader = tokio::task::JoinSet::new();
    reader.spawn(read(eventloop, welcomed));
    match tokio::time::timeout(PATIENCE, welcome).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => {
            return Err(match reader.join_next().await {
                Some(Ok(error)) => TrialError::Connect(Box::new(error)),
                _ => TrialError::Silent(PATIENCE),
            });
        }
        Err(_) => return Err(TrialError::Silent(PATIENCE)),
    }
    let notice = client
        .subscribe_tracked(FILTER, QoS::AtLeastOnce)
        .await
        .map_err(|error| TrialError::Subscribe(error.to_string()))?;
    match tokio::time::timeout(PATIENCE, notice.wait_completion_async()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(TrialError::Subscribe(error.to_string())),
        Err(_) => return Err(TrialError::Silent(PATIENCE)),
    }
    // The answer is in; where the goodbye does not get out, the session ends with the connection all the same.
    if client.disconnect_with_timeout(PATIENCE).await.is_ok() {
        let _ended = tokio::time::timeout(PATIENCE, reader.join_next()).await;
    }
    Ok(())
}

fn options(config: &BrokerConfig, tls: &Tls) -> MqttOptions {
    let client_id = format!("metergate-trial-{}", SystemRandom.uuid().simple());
    let url = &config.mqtt_url;
    let mut options = MqttOptions::new(client_id, (url.host().to_owned(), url.port()));
    options
        .set_transport(tls.transport())
        .set_connect_timeout(PATIENCE)
        .set_clean_start(true)
        .set_session_expiry_interval(Some(0));
    if let (Some(username), Some(password)) = (&config.mqtt_username, &config.mqtt_password) {
        options.set_credentials(username, password.expose_secret().as_bytes().to_vec());
    }
    options
}

/// Reads until the connection ends, and says why.
async fn read(mut eventloop: EventLoop, welcomed: oneshot::Sender<()>) -> ConnectionError {
    let mut welcomed = Some(welcomed);
    loop {
        match eventloop.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                if let Some(welcomed) = welcomed.take() {
                    // Nobody waits any more when the attempt was given up.
                    let _given_up = welcomed.send(());
                }
            }
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

#[cfg(test)]
mod tests {
    use test_support::ports;

    use super::*;
    use crate::testing::{Mosquitto, settings};

    fn config(port: u16, password: &str) -> BrokerConfig {
        settings(&[
            "--mqtt-url",
            &format!("mqtt://127.0.0.1:{port}"),
            "--mqtt-username",
            "party",
            "--mqtt-password",
            password,
        ])
    }

    #[tokio::test]
    async fn what_is_missing_or_away_is_said() {
        let nameless: BrokerConfig = settings(&[]);
        let error = try_broker(&nameless).await.unwrap_err().to_string();
        assert!(error.contains("METERGATE_MQTT_USERNAME"), "{error}");
        let nobody = config(ports::free(), "tell-nobody");
        let error = try_broker(&nobody).await.unwrap_err();
        assert!(matches!(error, TrialError::Connect(_)), "{error:?}");
        let words = error.to_string();
        assert!(
            words.contains("METERGATE_MQTT_URL") && !words.contains("tell-nobody"),
            "{words}"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_broker_that_takes_us_is_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let mosquitto = Mosquitto::start(folder.path(), ports::free(), None);
        let config = config(mosquitto.port(), "tell-nobody");
        // Twice: the first leaves nothing that the second would meet.
        for _time in 0..2 {
            try_broker(&config).await.unwrap();
        }
        mosquitto.stop();
    }
}

//! The one connection to the broker for everything that goes out, over paho.
//!
//! One message is under way at a time, and a client whose message got no answer is thrown away before anything
//! else happens: paho keeps what it could not send and would send it after reconnecting, when a newer message
//! may be at the broker already. For the same reason it does not reconnect by itself; the next message does.
//! The client id stays: the broker closes what is left of the old connection before it accepts the new one.

use std::sync::Arc;
use std::time::Duration;

use paho_mqtt::{
    AsyncClient, ConnectOptions, ConnectOptionsBuilder, CreateOptionsBuilder, Error, Message,
    PersistenceType, QoS, ReasonCode, SslOptionsBuilder,
};
use service_kit::random::Random;
use service_kit::secret::ExposeSecret;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

use crate::broker::BrokerConfig;

/// From opening the socket to the broker's welcome, by paho's own clock.
const CONNECT: Duration = Duration::from_secs(5);

/// From handing a message to paho to the broker's acknowledgement.
const ANSWER: Duration = if cfg!(test) {
    Duration::from_secs(3)
} else {
    Duration::from_secs(5)
};

/// For everything that has no limit of its own: resolving a name, waiting for one's turn.
const PATIENCE: Duration = Duration::from_secs(10);

const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// At least once. Exactly once (quality 2) would cost another round trip and gain nothing: a crash before the
/// commit publishes the same again, and a home must take a command twice anyway.
const QUALITY: QoS = QoS::AtLeastOnce;

/// What is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) topic: String,
    /// Empty and retained: the broker forgets what it kept.
    pub(crate) payload: Vec<u8>,
    pub(crate) retained: bool,
}

/// Why a message did not reach the broker. Names no topic and no content.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// paho does not take the settings.
    #[error(
        "no MQTT client can be made of METERGATE_MQTT_URL and METERGATE_MQTT_CA: check both ({0})"
    )]
    Settings(#[source] Error),
    /// No connection.
    #[error(
        "no connection to the broker ({0}): check that it runs, METERGATE_MQTT_URL, _CA, _USERNAME and _PASSWORD"
    )]
    Connect(#[source] Error),
    /// The attempt to connect goes on without us.
    #[error("the broker did not answer in time, or others wait for it")]
    Late,
    /// The message may have arrived or not.
    #[error("the connection broke before the broker acknowledged the message")]
    NoAnswer,
    /// The broker does not let us.
    #[error(
        "the broker refuses the message ({0}): check the rights of METERGATE_MQTT_USERNAME and the broker's limits"
    )]
    Refused(ReasonCode),
}

impl LinkError {
    /// The broker will never take this message.
    pub(crate) const fn is_for_good(&self) -> bool {
        matches!(
            self,
            Self::Refused(
                ReasonCode::TopicNameInvalid
                    | ReasonCode::PacketTooLarge
                    | ReasonCode::PayloadFormatInvalid
            )
        )
    }
}

type Slot = OwnedMutexGuard<Option<Client>>;

/// The connection, made when it is first needed.
pub(crate) struct Link {
    settings: Arc<Settings>,
    slot: Arc<Mutex<Option<Client>>>,
}

impl Link {
    pub(crate) fn new(config: &BrokerConfig, random: &dyn Random) -> Self {
        Self {
            settings: Arc::new(Settings {
                config: config.clone(),
                client_id: format!("metergate-command-{}", random.token(12)),
            }),
            slot: Arc::default(),
        }
    }

    /// Publishes all packets in order; done when the broker has acknowledged the last. After a broken
    /// connection once more from the start.
    pub(crate) async fn publish(&self, packets: &[Packet]) -> Result<(), LinkError> {
        let waiting = timeout(PATIENCE, Arc::clone(&self.slot).lock_owned());
        let mut slot = waiting.await.map_err(|_| LinkError::Late)?;
        slot = self.connected(slot).await?;
        match send(&mut slot, packets).await {
            Err(LinkError::NoAnswer) => {
                slot = self.connected(slot).await?;
                send(&mut slot, packets).await
            }
            other => other,
        }
    }

    /// Connects unless that is done: before a transaction is opened, because this may take long.
    pub(crate) async fn connect(&self) -> Result<(), LinkError> {
        let waiting = timeout(PATIENCE, Arc::clone(&self.slot).lock_owned());
        let slot = waiting.await.map_err(|_| LinkError::Late)?;
        self.connected(slot).await.map(drop)
    }

    /// Takes leave of the broker. Nothing is published afterwards.
    pub(crate) async fn close(&self) {
        if let Ok(mut slot) = timeout(PATIENCE, Arc::clone(&self.slot).lock_owned()).await
            && let Some(client) = slot.take()
        {
            client.destroy().await;
        }
    }

    /// In a task of its own, which ends only when paho has an answer: a client must not be destroyed while it
    /// connects, and whoever waits here may be dropped at any time.
    async fn connected(&self, mut slot: Slot) -> Result<Slot, LinkError> {
        if slot.as_ref().is_some_and(|client| client.0.is_connected()) {
            return Ok(slot);
        }
        let settings = Arc::clone(&self.settings);
        let connecting = tokio::spawn(async move {
            let client = match slot.take() {
                Some(client) => client,
                None => settings.client()?,
            };
            let answer = client.0.connect(settings.options()?);
            let answer = answer.await;
            // paho holds its lock while it calls back, and the callback holds on to the client: a client whose
            // last owner is its own callback would wait for itself for ever. Asking anything waits for the
            // callback's end, so that this task is the only owner again.
            let _: bool = client.0.is_connected();
            *slot = Some(client);
            answer.map(|_| slot).map_err(LinkError::Connect)
        });
        match timeout(PATIENCE, connecting).await {
            Ok(Ok(answer)) => answer,
            // The runtime is ending, or it takes too long.
            Ok(Err(_)) | Err(_) => Err(LinkError::Late),
        }
    }
}

/// The client is out of its slot while it sends: it goes back when it has nothing left to send, and is
/// thrown away otherwise, also when this future is dropped.
async fn send(slot: &mut Slot, packets: &[Packet]) -> Result<(), LinkError> {
    let Some(client) = slot.take() else {
        return Err(LinkError::NoAnswer);
    };
    for packet in packets {
        let message = if packet.retained {
            Message::new_retained
        } else {
            Message::new
        };
        let message = message(packet.topic.as_str(), packet.payload.as_slice(), QUALITY);
        match timeout(ANSWER, client.0.publish(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(Error::ReasonCode(code, _))) => {
                **slot = Some(client);
                return Err(LinkError::Refused(code));
            }
            Ok(Err(_)) | Err(_) => {
                client.destroy().await;
                return Err(LinkError::NoAnswer);
            }
        }
    }
    **slot = Some(client);
    Ok(())
}

struct Settings {
    config: BrokerConfig,
    client_id: String,
}

impl Settings {
    fn client(&self) -> Result<Client, LinkError> {
        let url = &self.config.mqtt_url;
        let uri = url.with_scheme(if url.tls() { "ssl" } else { "tcp" });
        let options = CreateOptionsBuilder::new()
            .server_uri(uri)
            .client_id(self.client_id.as_str())
            .persistence(PersistenceType::None)
            .finalize();
        AsyncClient::new(options)
            .map(Client)
            .map_err(LinkError::Settings)
    }

    fn options(&self) -> Result<ConnectOptions, LinkError> {
        let mut options = ConnectOptionsBuilder::new_v5();
        options
            .clean_start(true)
            .connect_timeout(CONNECT)
            .keep_alive_interval(KEEP_ALIVE);
        if let Some(username) = &self.config.mqtt_username {
            options.user_name(username.as_str());
        }
        if let Some(password) = &self.config.mqtt_password {
            options.password(password.expose_secret());
        }
        if self.config.mqtt_url.tls() {
            let mut tls = SslOptionsBuilder::new();
            tls.enable_server_cert_auth(true).verify(true);
            if let Some(ca) = &self.config.mqtt_ca {
                tls.trust_store(ca).map_err(LinkError::Settings)?;
                tls.disable_default_trust_store(true);
            }
            options.ssl_options(tls.finalize());
        }
        Ok(options.finalize())
    }
}

/// A client of paho's. Destroying one waits for its threads, so that happens on another.
struct Client(AsyncClient);

impl Client {
    /// After this nothing of it is sent any more.
    async fn destroy(self) {
        let inner = self.0.clone();
        drop(self);
        // An error means that the runtime is ending, and the client with it.
        let _: Result<(), _> = tokio::task::spawn_blocking(move || drop(inner)).await;
    }
}

#[cfg(test)]
mod tests;

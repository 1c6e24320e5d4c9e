//! One connection to the broker, from CONNECT to its end. A new one is made for every attempt, so
//! that nothing of an old one is left over.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use paho_mqtt::{
    AsyncClient, AsyncReceiver, ConnectOptions, ConnectOptionsBuilder, CreateOptionsBuilder,
    DeliveryToken, Error, Event, Message, PersistenceType, SslOptionsBuilder, is_secure_uri,
};

use crate::Credentials;

/// The broker closes the connection after one and a half of these without a sign of life.
const KEEP_ALIVE: Duration = Duration::from_mins(1);
/// How many messages of service quality 1 may be on the way.
const MAX_IN_FLIGHT: i32 = 1_000;
/// How long a client is kept after its end: longer than any answer that it waits for.
const GRACE: Duration = Duration::from_secs(30);
/// How long a DISCONNECT may take.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a connect failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectFailure {
    /// The broker's answer.
    #[error("the broker refuses the connection with reason code {0}")]
    Refused(u8),
    /// No MQTT connection came about.
    #[error("no connection to {uri}: {reason}")]
    Unreachable {
        /// Where.
        uri: String,
        /// What the library says.
        reason: String,
    },
    /// No answer in time.
    #[error("no answer from {uri} within {waited:?}")]
    Late {
        /// Where.
        uri: String,
        /// How long.
        waited: Duration,
    },
    /// The options cannot be used.
    #[error("the connection to {uri} cannot be set up: {reason}")]
    Options {
        /// Where.
        uri: String,
        /// What the library says.
        reason: String,
    },
}

/// What a connection is made with.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) uri: String,
    pub(crate) client_id: String,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) authority: Option<PathBuf>,
    pub(crate) timeout: Duration,
}

impl Settings {
    pub(crate) fn new(
        credentials: &Credentials,
        client_id: String,
        authority: Option<PathBuf>,
        timeout: Duration,
    ) -> Self {
        Self {
            uri: credentials.server_uri.clone(),
            client_id,
            username: credentials.username.clone(),
            password: credentials.password.clone(),
            authority,
            timeout,
        }
    }

    fn options(&self) -> Result<ConnectOptions, ConnectFailure> {
        let mut options = ConnectOptionsBuilder::new_v5();
        options
            .user_name(&self.username)
            .password(self.password.as_bytes())
            // As real homes: an old session is welcome, but without an expiry there is none.
            .clean_start(false)
            .keep_alive_interval(KEEP_ALIVE)
            .connect_timeout(self.timeout)
            .max_inflight(MAX_IN_FLIGHT);
        if is_secure_uri(&self.uri) {
            let mut tls = SslOptionsBuilder::new();
            tls.enable_server_cert_auth(true).verify(true);
            if let Some(authority) = &self.authority {
                tls.trust_store(authority)
                    .map_err(|error| self.unusable(&error))?;
            }
            options.ssl_options(tls.finalize());
        }
        Ok(options.finalize())
    }

    fn unusable(&self, error: &Error) -> ConnectFailure {
        ConnectFailure::Options {
            uri: self.uri.clone(),
            reason: error.to_string(),
        }
    }

    fn failure(&self, error: &Error) -> ConnectFailure {
        if let Error::ReasonCode(code, _) = error {
            return ConnectFailure::Refused(reason_code(*code));
        }
        ConnectFailure::Unreachable {
            uri: self.uri.clone(),
            reason: error.to_string(),
        }
    }
}

/// An open connection. Dropping it closes the socket.
pub(crate) struct Connection {
    client: Option<AsyncClient>,
    events: AsyncReceiver<Event>,
}

impl Connection {
    /// Connects once.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, ConnectFailure> {
        let options = settings.options()?;
        let mut client = CreateOptionsBuilder::new()
            .server_uri(&settings.uri)
            .client_id(&settings.client_id)
            .persistence(PersistenceType::None)
            .create_client()
            .map_err(|error| settings.unusable(&error))?;
        let events = client.get_event_stream(None::<usize>);
        let connecting = client.connect(options);
        let connection = Self {
            client: Some(client),
            events,
        };
        match tokio::time::timeout(settings.timeout, connecting).await {
            Ok(Ok(_)) => Ok(connection),
            Ok(Err(error)) => Err(settings.failure(&error)),
            Err(_) => Err(ConnectFailure::Late {
                uri: settings.uri.clone(),
                waited: settings.timeout,
            }),
        }
    }

    /// Subscribes with service quality 2, as homes do; the broker's reason code when it refuses.
    pub(crate) async fn subscribe(&self, filter: &str) -> Result<(), u8> {
        let Some(client) = &self.client else {
            return Ok(());
        };
        match client.subscribe(filter, 2).await {
            Err(Error::ReasonCode(code, _)) => Err(reason_code(code)),
            // A lost connection shows as an event.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Hands a message over; none when there is no connection to hand it to.
    pub(crate) fn publish(&self, message: Message) -> Option<DeliveryToken> {
        self.client.as_ref()?.try_publish(message).ok()
    }

    /// The next event; none when the connection is over.
    pub(crate) async fn next(&self) -> Option<Event> {
        self.events.recv().await.ok()
    }

    /// An event that is there already.
    pub(crate) fn pending(&self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Says good-bye.
    pub(crate) async fn close(self) {
        if let Some(client) = &self.client {
            let farewell = client.disconnect(None);
            if tokio::time::timeout(DISCONNECT_TIMEOUT, farewell)
                .await
                .is_err()
            {
                tracing::debug!("no end of the connection in time: closing the socket");
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            retire(client);
        }
    }
}

/// Connects with these settings and leaves at once.
pub(crate) async fn try_once(settings: &Settings) -> Result<(), ConnectFailure> {
    let connection = Connection::open(settings).await?;
    connection.close().await;
    Ok(())
}

/// The number behind a reason code.
#[expect(
    clippy::as_conversions,
    reason = "the library offers no other way to the number of its enum"
)]
pub(crate) const fn reason_code(code: paho_mqtt::ReasonCode) -> u8 {
    code as u8
}

/// Leaves at once, and drops the client later, on a thread of its own: the answers that it waits for hold on to it, and a
/// client whose last owner is one of the library's callbacks waits for itself, and all others with it.
fn retire(client: AsyncClient) {
    static RETIRED: OnceLock<mpsc::Sender<(Instant, AsyncClient)>> = OnceLock::new();
    let retired = RETIRED.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<(Instant, AsyncClient)>();
        std::thread::spawn(move || {
            while let Ok((since, client)) = receiver.recv() {
                std::thread::sleep(GRACE.saturating_sub(since.elapsed()));
                // The library holds its lock while it calls back, and this takes it.
                let _: bool = client.is_connected();
                drop(client);
            }
        });
        sender
    });
    // Nobody waits for the answer. Without a connection there is nothing to leave.
    let _left = client.disconnect(None);
    // Without the thread the client is dropped here and now.
    if retired.send((Instant::now(), client)).is_err() {
        tracing::debug!("a retired MQTT client was dropped at once");
    }
}

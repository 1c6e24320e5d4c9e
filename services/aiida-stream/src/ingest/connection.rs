//! One connection to the broker: MQTT 5, acknowledgements by hand, a session that outlives it.
//!
//! The client is made for one connection and dropped with it. So an acknowledgement that is still to be sent when
//! the connection breaks goes nowhere; on the next connection its packet identifier may mean another message.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use permission::topic::{ACKNOWLEDGEMENT_FILTER, DATA_FILTER, STATUS_FILTER};
use rumqttc::{
    AckMode, AsyncClient, ConnectionError, DisconnectProperties, DisconnectReasonCode, Event,
    EventLoop, ManualAck, MqttOptions, NetworkOptions, Packet, Publish, QoS, SubscribeFilterInput,
};
use service_kit::clock::SharedClock;
use service_kit::secret::ExposeSecret as _;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::arrival::Arrival;
use super::tls::Tls;
use crate::Config;
use session::NoSession;

mod session;

/// Seconds between two signs of life.
const KEEP_ALIVE: u16 = 15;

/// From the first byte to the welcome, and from a subscription to its acknowledgement.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest packet that the broker may send. Larger ones it drops by itself, so that none comes again and again
/// and ends the connection each time. More than any payload that is taken, so that those are refused with a reason.
const MOST_PACKET_BYTES: u32 = 2 << 20;

/// Packets of ours that wait for an answer: subscriptions only.
const MOST_OUTGOING: u16 = 16;

/// The group of the shared subscriptions.
const GROUP: &str = "$share/metergate";

/// Why there is no session at the broker.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error(
        "no connection to the broker ({0}): check that it runs, METERGATE_MQTT_URL, _CA, _USERNAME and _PASSWORD"
    )]
    Connect(#[source] Box<ConnectionError>),
    #[error("the broker did not answer within {0:?}: check that it runs and METERGATE_MQTT_URL")]
    Silent(Duration),
    #[error(
        "the broker does not take our subscriptions ({0}): check what METERGATE_MQTT_USERNAME may do, and that shared subscriptions are on"
    )]
    Subscribe(String),
    #[error("the connection to the broker broke: {0}")]
    Lost(#[source] Box<ConnectionError>),
    #[error("the connection to the broker ended")]
    Ended,
}

/// An open connection. Dropping it cuts it; the session at the broker stays.
pub(crate) struct Connection {
    client: AsyncClient,
    reader: JoinHandle<Option<ConnectionError>>,
    /// What has come; closed when the connection is lost.
    pub(crate) arrivals: mpsc::UnboundedReceiver<Arrival>,
    /// Cancelled when the connection is lost.
    pub(crate) lost: CancellationToken,
    taking: Arc<AtomicBool>,
    /// The broker had kept a session for this client id.
    pub(crate) resumed: bool,
}

impl Connection {
    /// Connects as the client of this slot; answers once the broker has welcomed us.
    pub(crate) async fn open(
        config: &Config,
        tls: &Tls,
        slot: i32,
        clock: SharedClock,
    ) -> Result<Self, SessionError> {
        let (client, eventloop) = AsyncClient::builder(options(config, tls, slot))
            .unbounded()
            .build();
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let (welcomed, welcome) = oneshot::channel();
        let lost = CancellationToken::new();
        let taking = Arc::new(AtomicBool::new(true));
        let reader = Reader {
            client: client.clone(),
            taking: Arc::clone(&taking),
            arrived,
            unbounded: Arc::new(Semaphore::new(usize::from(config.stream.in_flight))),
            most_bytes: usize::try_from(config.stream.message_bytes).unwrap_or(usize::MAX),
            clock,
        };
        let gone = lost.clone();
        let reader = tokio::spawn(async move {
            let _guard = gone.drop_guard();
            reader.read(eventloop, welcomed).await
        });
        let mut connection = Self {
            client,
            reader,
            arrivals,
            lost,
            taking,
            resumed: false,
        };
        match tokio::time::timeout(PATIENCE, welcome).await {
            Ok(Ok(resumed)) => {
                connection.resumed = resumed;
                Ok(connection)
            }
            Ok(Err(_)) => Err(connection.why_lost(SessionError::Connect).await),
            Err(_) => Err(SessionError::Silent(PATIENCE)),
        }
    }

    /// Subscribes; answers once the broker has acknowledged that. Status is retained, and retained messages do not
    /// reach shared subscriptions: it comes to every replica, all that is kept of it with every subscription.
    pub(crate) async fn subscribe(&mut self) -> Result<(), SessionError> {
        let filters = filters().map(|filter| SubscribeFilterInput::new(filter, QoS::AtLeastOnce));
        let notice = self
            .client
            .subscribe_many_tracked(filters)
            .await
            .map_err(|error| SessionError::Subscribe(error.to_string()))?;
        match tokio::time::timeout(PATIENCE, notice.wait_completion_async()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) if self.lost.is_cancelled() => Err(self.why_lost(SessionError::Lost).await),
            Ok(Err(error)) => Err(SessionError::Subscribe(error.to_string())),
            Err(_) => Err(SessionError::Silent(PATIENCE)),
        }
    }

    /// Takes the subscriptions back: what the session still holds goes on to come, but nothing new.
    pub(crate) async fn unsubscribe(&mut self) -> Result<(), SessionError> {
        let notice = self
            .client
            .unsubscribe_many_tracked(filters())
            .await
            .map_err(|error| SessionError::Subscribe(error.to_string()))?;
        match tokio::time::timeout(PATIENCE, notice.wait_completion_async()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(SessionError::Subscribe(error.to_string())),
            Err(_) => Err(SessionError::Silent(PATIENCE)),
        }
    }

    /// Where acknowledgements go.
    pub(crate) fn acks(&self) -> Acks {
        Acks(self.client.clone())
    }

    /// From now on, what comes is left to the session: not taken, not acknowledged.
    pub(crate) fn take_no_more(&self) {
        self.taking.store(false, Ordering::Release);
    }

    /// Says goodbye once what was acknowledged is on its way. The session stays for whoever comes next, or with
    /// `forget` it ends.
    pub(crate) async fn close(mut self, forget: bool) {
        self.take_no_more();
        let asked = if forget {
            let properties = DisconnectProperties {
                session_expiry_interval: Some(0),
                reason_string: None,
                user_properties: Vec::new(),
                server_reference: None,
            };
            self.client
                .disconnect_with_properties_timeout(
                    DisconnectReasonCode::NormalDisconnection,
                    properties,
                    PATIENCE,
                )
                .await
        } else {
            self.client.disconnect_with_timeout(PATIENCE).await
        };
        if asked.is_ok() {
            // Dropping the connection cuts it where that took too long.
            let _ended = tokio::time::timeout(PATIENCE, &mut self.reader).await;
        }
    }

    /// Why the reader has ended.
    pub(crate) async fn why_lost(
        &mut self,
        kind: fn(Box<ConnectionError>) -> SessionError,
    ) -> SessionError {
        match tokio::time::timeout(PATIENCE, &mut self.reader).await {
            Ok(Ok(Some(error))) => kind(Box::new(error)),
            _ => SessionError::Ended,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Sends acknowledgements on the connection that it belongs to, and on no other.
pub(crate) struct Acks(AsyncClient);

impl Acks {
    /// Acknowledges a message that is safe. If the connection is gone, the broker sends the message again.
    pub(crate) fn send(&self, ack: ManualAck) {
        if self.0.try_manual_ack(ack).is_err() {
            tracing::trace!("the connection ended before an acknowledgement");
        }
    }
}

fn filters() -> [String; 3] {
    [
        format!("{GROUP}/{DATA_FILTER}"),
        format!("{GROUP}/{ACKNOWLEDGEMENT_FILTER}"),
        STATUS_FILTER.to_owned(),
    ]
}

/// The client id of a slot.
pub(crate) fn client_id(slot: i32) -> String {
    format!("metergate-stream-{slot}")
}

fn options(config: &Config, tls: &Tls, slot: i32) -> MqttOptions {
    let url = &config.broker.mqtt_url;
    let mut network = NetworkOptions::new();
    // Acknowledgements are small: they must not wait until those before them have arrived.
    network.set_tcp_nodelay(true);
    let mut options = MqttOptions::new(client_id(slot), (url.host().to_owned(), url.port()));
    options
        .set_network_options(network)
        .set_transport(tls.transport())
        .set_keep_alive(KEEP_ALIVE)
        .set_connect_timeout(PATIENCE)
        .set_clean_start(false)
        .set_session_store(NoSession)
        .set_session_expiry_interval(Some(config.stream.session_hours.saturating_mul(3600)))
        .set_receive_maximum(Some(config.stream.in_flight))
        .set_max_packet_size(Some(MOST_PACKET_BYTES))
        .set_ack_mode(AckMode::Manual)
        .set_max_request_batch(128);
    options.set_outgoing_inflight_upper_limit(MOST_OUTGOING);
    if let (Some(username), Some(password)) =
        (&config.broker.mqtt_username, &config.broker.mqtt_password)
    {
        options.set_credentials(username, password.expose_secret().as_bytes().to_vec());
    }
    options
}

/// Reads until the connection ends.
struct Reader {
    client: AsyncClient,
    taking: Arc<AtomicBool>,
    arrived: mpsc::UnboundedSender<Arrival>,
    /// Bounds what the Receive Maximum does not: messages sent at most once.
    unbounded: Arc<Semaphore>,
    most_bytes: usize,
    clock: SharedClock,
}

impl Reader {
    /// `None` when the connection ended because we wanted it to.
    async fn read(
        self,
        mut eventloop: EventLoop,
        welcomed: oneshot::Sender<bool>,
    ) -> Option<ConnectionError> {
        let mut welcomed = Some(welcomed);
        loop {
            match eventloop.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(welcome))) => {
                    // It has told that our side of the session is empty, and is not needed again: without it the
                    // client does not look for something to save with every packet.
                    eventloop.options.clear_session_store();
                    if let Some(welcomed) = welcomed.take() {
                        // Nobody waits any more when the attempt was given up.
                        let _given_up = welcomed.send(welcome.session_present);
                    }
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => self.take(&publish),
                Ok(_) => {}
                Err(ConnectionError::RequestsDone) => return None,
                Err(error) => return Some(error),
            }
        }
    }

    fn take(&self, publish: &Publish) {
        if !self.taking.load(Ordering::Acquire) {
            return;
        }
        metrics::counter!("aiida_stream_received_total").increment(1);
        let mut arrival = Arrival::new(publish, self.most_bytes, self.clock.now());
        arrival.ack = self.client.prepare_ack(publish);
        if arrival.ack.is_none() {
            let Ok(place) = Arc::clone(&self.unbounded).try_acquire_owned() else {
                metrics::counter!("aiida_stream_dropped_total").increment(1);
                return;
            };
            arrival.place = Some(place);
        }
        // Nobody takes it any more when the connection is being given up: then nobody acknowledges it either.
        let _given_up = self.arrived.send(arrival);
    }
}

//! A message as it came from the broker.

use jiff::Timestamp;
use rumqttc::ManualAck;
use rumqttc::Publish;
use storage::aiida::stream::refusal::KEPT_BYTES;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// A message, and what it takes to acknowledge it.
pub(crate) struct Arrival {
    pub(crate) topic: String,
    /// As received; of an oversized one its beginning.
    pub(crate) payload: Vec<u8>,
    /// Larger than we take.
    pub(crate) oversized: bool,
    /// The broker may have delivered it before.
    pub(crate) again: bool,
    /// The broker kept it for whoever subscribes: it may be old, and comes again at each connection.
    pub(crate) retained: bool,
    pub(crate) received_at: Timestamp,
    pub(crate) arrived: Instant,
    /// To be sent on the connection it came on, once the message is safe. `None`: sent at most once.
    pub(crate) ack: Option<ManualAck>,
    /// Its place among those that the broker's Receive Maximum does not bound.
    pub(crate) place: Option<OwnedSemaphorePermit>,
}

impl Arrival {
    pub(crate) fn new(publish: &Publish, most_bytes: usize, received_at: Timestamp) -> Self {
        let oversized = publish.payload.len() > most_bytes;
        let taken = if oversized { KEPT_BYTES } else { most_bytes };
        Self {
            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
            payload: publish.payload.iter().take(taken).copied().collect(),
            oversized,
            again: publish.dup,
            retained: publish.retain,
            received_at,
            arrived: Instant::now(),
            ack: None,
            place: None,
        }
    }
}

//! A program that has got hold of a home's credentials, or a home that does not behave: MQTT 5, one connection, no
//! manners.

use home::Credentials;
use rumqttc::mqttbytes::v5::PubAckReason;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, PublishOptions, PublishResult, QoS};
use service_kit::random::{Random as _, SystemRandom};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::{DEADLINE, World};

pub(crate) struct Stranger {
    client: AsyncClient,
    polling: JoinHandle<()>,
}

impl Stranger {
    /// Connects with these credentials, under a client id of its own; `None` when the broker says no.
    pub(crate) async fn connect(world: &World, credentials: &Credentials) -> Option<Self> {
        let address = &world.stack.broker().unwrap().plain;
        let (host, port) = address.rsplit_once(':').unwrap();
        let id = format!("stranger-{}", SystemRandom.uuid().simple());
        let mut options = MqttOptions::new(id, (host, port.parse::<u16>().unwrap()));
        options.set_credentials(&credentials.username, credentials.password.clone());
        let (client, mut events) = AsyncClient::builder(options).unbounded().build();
        let (welcome, welcomed) = oneshot::channel();
        let polling = tokio::spawn(async move {
            let mut welcome = Some(welcome);
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        let _: Result<(), _> = welcome.take().unwrap().send(true);
                    }
                    Ok(_) => {}
                    // It is not to come back.
                    Err(_) => return,
                }
            }
        });
        // Dropped without a word when the connection is refused.
        let is_in = tokio::time::timeout(DEADLINE, welcomed).await.unwrap();
        is_in.is_ok().then_some(Self { client, polling })
    }

    /// Publishes with `QoS` 1; whether the broker took it.
    pub(crate) async fn publish(&self, topic: &str, payload: &str, retain: bool) -> bool {
        let options = PublishOptions::new(QoS::AtLeastOnce).retain(retain);
        let notice = self
            .client
            .publish_tracked(topic, payload.to_owned(), options)
            .await
            .unwrap();
        // A connection that ends takes its notices with it.
        let answer = tokio::time::timeout(DEADLINE, notice.wait_async());
        match answer.await.unwrap() {
            Ok(PublishResult::Qos1(answer)) => answer.reason == PubAckReason::Success,
            _ => false,
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        !self.polling.is_finished()
    }

    /// Waits until the broker ends the connection.
    pub(crate) async fn ended(&mut self) {
        tokio::time::timeout(DEADLINE, &mut self.polling)
            .await
            .unwrap()
            .unwrap();
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.polling.abort();
    }
}

//! A client of the broker without manners: MQTT 5 written by hand, so that it can say what no client library lets
//! through. One connection, no TLS, nothing in the background.

mod login;
mod packet;

use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub use login::{Login, Will};
use packet::Packet;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Messages of a flood that are on the way at once.
const WINDOW: usize = 50;

/// How the other side takes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It says yes, or the connection is fine.
    Taken,
    /// It says no, with this reason code of MQTT 5.
    Refused(u8),
    /// It has ended the connection, with a reason code where it gave one.
    Closed(Option<u8>),
    /// It says nothing.
    Silent,
    /// The status of an HTTP answer.
    Http(u16),
}

/// A message to be published, well-formed or not.
#[derive(Debug, Clone, Copy)]
pub struct Publish<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The bytes.
    pub payload: &'a [u8],
    /// Service quality.
    pub qos: u8,
    /// To be kept by the broker.
    pub retain: bool,
    /// Said to have been sent before.
    pub dup: bool,
    /// A topic alias.
    pub alias: Option<u16>,
}

impl<'a> Publish<'a> {
    /// A message of service quality 1.
    #[must_use]
    pub const fn new(topic: &'a str, payload: &'a [u8]) -> Self {
        Self {
            topic,
            payload,
            qos: 1,
            retain: false,
            dup: false,
            alias: None,
        }
    }
}

/// An open connection. Dropping it cuts it without a word.
#[derive(Debug)]
pub struct Rogue {
    stream: TcpStream,
    buffer: Vec<u8>,
    next: u16,
}

impl Rogue {
    /// Connects and logs in; the broker's answer when it says no. `address` is `host:port`, without TLS.
    pub async fn connect(address: &str, login: &Login) -> Result<Self, Answer> {
        let mut rogue = Self::open(address).await?;
        rogue.send(&packet::connect(login)).await?;
        let welcome = rogue.wait_for(packet::CONNACK).await?;
        match welcome.body.get(1) {
            Some(0) => Ok(rogue),
            Some(code) => Err(Answer::Refused(*code)),
            None => Err(Answer::Closed(None)),
        }
    }

    /// Logs in once more on the same connection, which the standard forbids.
    pub async fn login_again(&mut self, login: &Login) -> Result<(), Answer> {
        self.send(&packet::connect(login)).await
    }

    /// Connects and says nothing yet.
    pub async fn open(address: &str) -> Result<Self, Answer> {
        let connecting = tokio::time::timeout(PATIENCE, TcpStream::connect(address));
        match connecting.await {
            Ok(Ok(stream)) => Ok(Self {
                stream,
                buffer: Vec::new(),
                next: 0,
            }),
            Ok(Err(_)) => Err(Answer::Closed(None)),
            Err(_) => Err(Answer::Silent),
        }
    }

    /// Publishes and waits for what the broker says. Without an answer to wait for (service quality 0): whether the
    /// connection outlives it.
    pub async fn publish(&mut self, publish: &Publish<'_>) -> Answer {
        let id = self.id();
        self.publish_as(publish, id).await
    }

    /// The same under a packet identifier of one's own choice.
    pub async fn publish_as(&mut self, publish: &Publish<'_>, id: u16) -> Answer {
        let published = async {
            self.send(&packet::publish(publish, id)).await?;
            match publish.qos {
                0 => return self.pinged().await,
                1 => packet::verdict(&self.wait_for(packet::PUBACK).await?)?,
                _ => {
                    packet::verdict(&self.wait_for(packet::PUBREC).await?)?;
                    self.send(&packet::pubrel(id)).await?;
                    packet::verdict(&self.wait_for(packet::PUBCOMP).await?)?;
                }
            }
            Ok(Answer::Taken)
        };
        published.await.unwrap_or_else(|answer| answer)
    }

    /// Publishes many, all with service quality 1, some at once; how many the broker acknowledged.
    pub async fn flood(&mut self, messages: &[Publish<'_>]) -> usize {
        let (mut acknowledged, mut on_the_way) = (0, 0);
        for message in messages {
            let id = self.id();
            let message = packet::publish(message, id);
            if self.send(&message).await.is_err() {
                return acknowledged;
            }
            on_the_way += 1;
            if on_the_way == WINDOW {
                acknowledged += self.acknowledged(on_the_way).await;
                on_the_way = 0;
            }
        }
        acknowledged + self.acknowledged(on_the_way).await
    }

    async fn acknowledged(&mut self, wanted: usize) -> usize {
        for number in 0..wanted {
            let answer = self.wait_for(packet::PUBACK).await;
            if answer.and_then(|answer| packet::verdict(&answer)).is_err() {
                return number;
            }
        }
        wanted
    }

    /// Subscribes and waits for what the broker says.
    pub async fn subscribe(&mut self, filter: &str) -> Answer {
        let id = self.id();
        let subscribed = async {
            self.send(&packet::subscribe(filter, id)).await?;
            packet::verdict(&self.wait_for(packet::SUBACK).await?)
        };
        match subscribed.await {
            Ok(()) => Answer::Taken,
            Err(answer) => answer,
        }
    }

    /// Sends these bytes, whatever they are.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Answer> {
        let sending = tokio::time::timeout(PATIENCE, self.stream.write_all(bytes));
        match sending.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Answer::Closed(None)),
            Err(_) => Err(Answer::Silent),
        }
    }

    /// Sends the first half of a message and leaves: the broker never sees the rest.
    pub async fn break_off(mut self, publish: &Publish<'_>) -> Answer {
        let message = packet::publish(publish, 1);
        let half = message.get(..message.len() / 2).unwrap_or_default();
        match self.send(half).await {
            Ok(()) => Answer::Taken,
            Err(answer) => answer,
        }
    }

    /// Asks for a sign of life.
    pub async fn ping(&mut self) -> Answer {
        self.pinged().await.unwrap_or_else(|answer| answer)
    }

    /// Waits until the broker ends the connection; [`Answer::Silent`] when it does not.
    pub async fn ended(&mut self) -> Answer {
        loop {
            if let Err(answer) = self.next_packet().await {
                return answer;
            }
        }
    }

    /// Says goodbye.
    pub async fn leave(mut self) {
        // Whoever leaves does not mind whether it is heard.
        let _left = self.send(&packet::DISCONNECT).await;
    }

    async fn pinged(&mut self) -> Result<Answer, Answer> {
        self.send(&packet::PINGREQ).await?;
        self.wait_for(packet::PINGRESP).await?;
        Ok(Answer::Taken)
    }

    const fn id(&mut self) -> u16 {
        self.next = if self.next == u16::MAX {
            1
        } else {
            self.next + 1
        };
        self.next
    }

    /// The next packet of a kind; what else comes is passed over.
    async fn wait_for(&mut self, kind: u8) -> Result<Packet, Answer> {
        loop {
            let packet = self.next_packet().await?;
            if packet.kind == kind {
                return Ok(packet);
            }
        }
    }

    async fn next_packet(&mut self) -> Result<Packet, Answer> {
        loop {
            if let Some(packet) = packet::take(&mut self.buffer) {
                if packet.kind == packet::GOODBYE {
                    return Err(Answer::Closed(packet.body.first().copied()));
                }
                return Ok(packet);
            }
            let mut bytes = [0; 4096];
            let reading = tokio::time::timeout(PATIENCE, self.stream.read(&mut bytes));
            match reading.await {
                Ok(Ok(0) | Err(_)) => return Err(Answer::Closed(None)),
                Ok(Ok(count)) => self.buffer.extend(bytes.iter().take(count)),
                Err(_) => return Err(Answer::Silent),
            }
        }
    }
}

#[cfg(test)]
mod tests;

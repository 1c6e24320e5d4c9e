//! The other end of a broker's connection and nothing behind it: sends messages that are ready as bytes, as many at a
//! time as the service takes (its Receive Maximum), and sees each acknowledged. So the service has the machine for
//! itself and Postgres. Knows as much of MQTT 5 as that needs.

use std::sync::Arc;
use std::time::Instant;

use benches::Answer;
use benches::numbers::per_second;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore};

use crate::messages::Message;

/// The service's default.
const RECEIVE_MAXIMUM: usize = 2000;
/// Messages in one write.
const TOGETHER: usize = 32;

/// Packets, by the upper half of their first byte.
const CONNECT: u8 = 1;
const PUBACK: u8 = 4;
const SUBSCRIBE: u8 = 8;
const PINGREQ: u8 = 12;

/// The service's connection, with the messages that may still be sent on it.
pub(crate) struct Feeder {
    address: String,
    link: Arc<Link>,
}

struct Link {
    writer: Mutex<Option<OwnedWriteHalf>>,
    room: Semaphore,
}

impl Feeder {
    /// Listens on a free port.
    pub(crate) async fn listen() -> Answer<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let link = Arc::new(Link {
            writer: Mutex::default(),
            room: Semaphore::new(RECEIVE_MAXIMUM),
        });
        let serving = Arc::clone(&link);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // What was not acknowledged by then leaves a round waiting for it.
                let _ended = serve(stream, &serving).await;
            }
        });
        Ok(Self { address, link })
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Messages per second, from the first sent to the last acknowledged.
    pub(crate) async fn round(&self, messages: &[Message]) -> Answer<f64> {
        let packets: Vec<Vec<u8>> = messages
            .iter()
            .zip((1..=u16::MAX).cycle())
            .map(|(message, id)| publish(message, id))
            .collect::<Answer<_>>()?;
        let mut writer = self.link.writer.lock().await;
        let writer = writer.as_mut().ok_or("the service is not connected")?;
        let started = Instant::now();
        for some in packets.chunks(TOGETHER) {
            let room = self.link.room.acquire_many(u32::try_from(some.len())?);
            room.await?.forget();
            writer.write_all(&some.concat()).await?;
        }
        let all = self.link.room.acquire_many(u32::try_from(RECEIVE_MAXIMUM)?);
        drop(all.await?);
        Ok(per_second(messages.len(), started))
    }
}

/// Greets, and takes acknowledgements until the connection ends.
async fn serve(stream: TcpStream, link: &Link) -> Answer<()> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let (kind, body) = packet(&mut reader).await?;
        match kind {
            CONNECT => writer.write_all(&[0x20, 3, 0, 0, 0]).await?,
            SUBSCRIBE => {
                writer.write_all(&suback(&body)?).await?;
                break;
            }
            other => return Err(format!("packet {other} before the subscriptions").into()),
        }
    }
    *link.writer.lock().await = Some(writer);
    loop {
        match packet(&mut reader).await? {
            (PUBACK, _) => link.room.add_permits(1),
            (PINGREQ, _) => {
                if let Some(writer) = &mut *link.writer.lock().await {
                    writer.write_all(&[0xd0, 0]).await?;
                }
            }
            (other, _) => return Err(format!("packet {other}").into()),
        }
    }
}

async fn packet(reader: &mut BufReader<OwnedReadHalf>) -> Answer<(u8, Vec<u8>)> {
    let kind = reader.read_u8().await? >> 4;
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let byte = reader.read_u8().await?;
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await?;
    Ok((kind, body))
}

/// Grants at-least-once for each filter of a SUBSCRIBE.
fn suback(subscribe: &[u8]) -> Answer<Vec<u8>> {
    let (id, rest) = subscribe.split_at_checked(2).ok_or("no packet id")?;
    let (properties, rest) = rest.split_first().ok_or("no properties")?;
    let mut filters = rest.get(usize::from(*properties)..).unwrap_or_default();
    let mut granted = Vec::new();
    while let Some((length, rest)) = filters.split_first_chunk() {
        // The filter, and a byte of options.
        let length = usize::from(u16::from_be_bytes(*length)) + 1;
        filters = rest.get(length..).ok_or("a filter is cut")?;
        granted.push(1);
    }
    let mut packet = vec![0x90, u8::try_from(granted.len() + 3)?];
    packet.extend_from_slice(id);
    packet.push(0);
    packet.append(&mut granted);
    Ok(packet)
}

/// At least once, not retained, without properties.
fn publish(message: &Message, id: u16) -> Answer<Vec<u8>> {
    let mut length = 2 + message.topic.len() + 2 + 1 + message.payload.len();
    let mut packet = vec![0x32];
    loop {
        let more = if length > 0x7f { 0x80 } else { 0 };
        packet.push(u8::try_from(length & 0x7f)? | more);
        length >>= 7;
        if length == 0 {
            break;
        }
    }
    packet.extend_from_slice(&u16::try_from(message.topic.len())?.to_be_bytes());
    packet.extend_from_slice(message.topic.as_bytes());
    packet.extend_from_slice(&id.to_be_bytes());
    packet.push(0);
    packet.extend_from_slice(&message.payload);
    Ok(packet)
}

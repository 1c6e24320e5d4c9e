//! Packets of MQTT 5, as far as a rogue needs them (OASIS MQTT 5.0, chapters 2 and 3).

use super::{Answer, Login, Publish};

pub(super) const CONNACK: u8 = 2;
pub(super) const PUBACK: u8 = 4;
pub(super) const PUBREC: u8 = 5;
pub(super) const PUBCOMP: u8 = 7;
pub(super) const SUBACK: u8 = 9;
pub(super) const PINGRESP: u8 = 13;
/// The broker's DISCONNECT.
pub(super) const GOODBYE: u8 = 14;

pub(super) const PINGREQ: [u8; 2] = [0xC0, 0];
pub(super) const DISCONNECT: [u8; 2] = [0xE0, 0];

/// The property that names a topic alias.
const TOPIC_ALIAS: u8 = 0x23;
/// The property that names a session's expiry.
const SESSION_EXPIRY: u8 = 0x11;

/// A packet that came.
pub(super) struct Packet {
    pub(super) kind: u8,
    pub(super) body: Vec<u8>,
}

/// Takes a whole packet out of what has come; none while it is not all there.
pub(super) fn take(buffer: &mut Vec<u8>) -> Option<Packet> {
    let kind = buffer.first()? >> 4;
    let (mut length, mut shift, mut at) = (0_usize, 0_u32, 1_usize);
    loop {
        let byte = *buffer.get(at)?;
        length |= usize::from(byte & 0x7F) << shift;
        at += 1;
        shift += 7;
        if byte & 0x80 == 0 || shift > 21 {
            break;
        }
    }
    let end = at + length;
    let body = buffer.get(at..end)?.to_vec();
    buffer.drain(..end);
    Some(Packet { kind, body })
}

/// What an acknowledgement says: no reason code is a yes.
pub(super) fn verdict(packet: &Packet) -> Result<(), Answer> {
    let code = if packet.kind == SUBACK {
        packet.body.last()
    } else {
        packet.body.get(2)
    };
    match code {
        Some(code) if *code >= 0x80 => Err(Answer::Refused(*code)),
        _ => Ok(()),
    }
}

pub(super) fn connect(login: &Login) -> Vec<u8> {
    let mut body = Vec::new();
    field(&mut body, b"MQTT");
    let will = u8::from(login.will.is_some()) << 2 | u8::from(login.will.is_some()) << 3;
    body.push(5);
    body.push(0xC0 | will | u8::from(login.clean_start) << 1);
    body.extend(login.keep_alive.to_be_bytes());
    match login.session_expiry {
        None => body.push(0),
        Some(seconds) => {
            body.push(5);
            body.push(SESSION_EXPIRY);
            body.extend(seconds.to_be_bytes());
        }
    }
    field(&mut body, login.client_id.as_bytes());
    if let Some(will) = &login.will {
        body.push(0);
        field(&mut body, will.topic.as_bytes());
        field(&mut body, &will.payload);
    }
    field(&mut body, login.username.as_bytes());
    field(&mut body, login.password.as_bytes());
    packet(0x10, &body)
}

pub(super) fn publish(message: &Publish<'_>, id: u16) -> Vec<u8> {
    let mut body = Vec::with_capacity(message.payload.len() + message.topic.len() + 16);
    field(&mut body, message.topic.as_bytes());
    if message.qos > 0 {
        body.extend(id.to_be_bytes());
    }
    match message.alias {
        None => body.push(0),
        Some(alias) => {
            body.push(3);
            body.push(TOPIC_ALIAS);
            body.extend(alias.to_be_bytes());
        }
    }
    body.extend(message.payload);
    let flags = u8::from(message.dup) << 3 | (message.qos & 3) << 1 | u8::from(message.retain);
    packet(0x30 | flags, &body)
}

pub(super) fn pubrel(id: u16) -> Vec<u8> {
    packet(0x62, &id.to_be_bytes())
}

pub(super) fn subscribe(filter: &str, id: u16) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    body.push(0);
    field(&mut body, filter.as_bytes());
    // Service quality 0: nothing that comes has to be acknowledged.
    body.push(0);
    packet(0x82, &body)
}

/// A text or bytes behind their length; what exceeds it is left out.
fn field(body: &mut Vec<u8>, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    body.extend(length.to_be_bytes());
    body.extend(bytes.iter().take(usize::from(length)));
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    let mut length = body.len();
    loop {
        let low = u8::try_from(length & 0x7F).unwrap_or_default();
        length >>= 7;
        packet.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}

//! The connection alone: TLS, and brokers that fall silent.

use service_kit::random::SystemRandom;
use test_support::certs::Authority;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::testing::{DEADLINE, Mosquitto, settings};

fn link(line: &[&str]) -> Link {
    Link::new(&settings(line), &SystemRandom)
}

fn packet(payload: &str) -> Packet {
    Packet {
        topic: "aiida/test".to_owned(),
        payload: payload.as_bytes().to_vec(),
        retained: true,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_brokers_certificate_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path()).unwrap();
    let certificate = authority.server("broker").unwrap();
    let port = test_support::ports::free();
    let _broker = Mosquitto::start(folder.path(), port, Some(&certificate));
    let other = tempfile::tempdir().unwrap();
    let other = Authority::new(other.path()).unwrap();

    for host in ["localhost", "127.0.0.1"] {
        let url = format!("mqtts://{host}:{port}");
        let ca = authority.certificate().to_str().unwrap();
        let trusting = link(&["--mqtt-url", &url, "--mqtt-ca", ca]);
        trusting.publish(&[packet("x")]).await.unwrap();
        trusting.close().await;

        let ca = other.certificate().to_str().unwrap();
        let wary = link(&["--mqtt-url", &url, "--mqtt-ca", ca]);
        let refused = wary.publish(&[packet("x")]).await;
        assert!(matches!(refused, Err(LinkError::Connect(_))), "{refused:?}");
        wary.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_there_is_an_error_each_time() {
    let port = test_support::ports::free();
    let link = link(&["--mqtt-url", &format!("mqtt://127.0.0.1:{port}")]);
    for _ in 0..3 {
        let refused = link.publish(&[packet("x")]).await;
        assert!(matches!(refused, Err(LinkError::Connect(_))), "{refused:?}");
    }
    link.close().await;
}

/// Reads one packet of MQTT 5: its first byte and the rest.
async fn read(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let kind = stream.read_u8().await.ok()?;
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let byte = stream.read_u8().await.ok()?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
        shift += 7;
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await.ok()?;
    Some((kind, rest))
}

/// Takes a connection: the client id that it came with.
async fn welcome(listener: &TcpListener) -> (TcpStream, String) {
    let accepted = timeout(DEADLINE, listener.accept()).await.unwrap();
    let mut stream = accepted.unwrap().0;
    let (kind, rest) = read(&mut stream).await.unwrap();
    assert_eq!(kind, 0x10, "CONNECT");
    // Protocol name, level, flags, keep alive; then the properties, whose length comes first.
    let properties = usize::from(rest[10]);
    let id = &rest[11 + properties..];
    let length = usize::from(u16::from_be_bytes([id[0], id[1]]));
    let id = String::from_utf8(id[2..2 + length].to_vec()).unwrap();
    stream.write_all(&[0x20, 3, 0, 0, 0]).await.unwrap();
    (stream, id)
}

/// The payload of a PUBLISH, and its packet id.
async fn published(stream: &mut TcpStream) -> (String, [u8; 2]) {
    let (kind, rest) = timeout(DEADLINE, read(stream)).await.unwrap().unwrap();
    assert_eq!(kind & 0xf0, 0x30, "PUBLISH");
    let topic = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
    let id = [rest[2 + topic], rest[3 + topic]];
    // An empty property list in between.
    (String::from_utf8(rest[5 + topic..].to_vec()).unwrap(), id)
}

/// paho would keep what was not acknowledged and send it when it is connected again, behind our back.
#[tokio::test(flavor = "multi_thread")]
async fn what_got_no_answer_is_not_sent_again_by_itself() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let link = Arc::new(link(&["--mqtt-url", &format!("mqtt://127.0.0.1:{port}")]));
    let own = Arc::clone(&link);
    let first = tokio::spawn(async move { own.publish(&[packet("first")]).await });

    // Twice it is taken and not acknowledged: the link gives up.
    let (mut one, id) = welcome(&listener).await;
    assert!(id.starts_with("metergate-command-"), "{id}");
    assert_eq!(published(&mut one).await.0, "first");
    let (mut two, again) = welcome(&listener).await;
    assert_eq!(
        again, id,
        "the broker is to close what is left of the old connection"
    );
    assert_eq!(published(&mut two).await.0, "first");
    let given_up = first.await.unwrap();
    assert!(matches!(given_up, Err(LinkError::NoAnswer)), "{given_up:?}");

    let own = Arc::clone(&link);
    let second = tokio::spawn(async move { own.publish(&[packet("second")]).await });
    let (mut three, _) = welcome(&listener).await;
    let (payload, id) = published(&mut three).await;
    assert_eq!(payload, "second");
    three.write_all(&[0x40, 2, id[0], id[1]]).await.unwrap();
    second.await.unwrap().unwrap();
    let closing = tokio::spawn(async move { link.close().await });
    let (kind, _) = timeout(DEADLINE, read(&mut three)).await.unwrap().unwrap();
    assert_eq!(kind, 0xe0, "DISCONNECT, and nothing before it");
    closing.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_broker_is_told_from_a_broken_connection() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let link = Arc::new(link(&["--mqtt-url", &format!("mqtt://127.0.0.1:{port}")]));
    let own = Arc::clone(&link);
    let both = tokio::spawn(async move {
        (
            own.publish(&[packet("denied")]).await,
            own.publish(&[packet("large")]).await,
        )
    });
    let (mut stream, _) = welcome(&listener).await;
    for (expected, code) in [("denied", 0x87), ("large", 0x95)] {
        let (payload, id) = published(&mut stream).await;
        assert_eq!(payload, expected);
        stream
            .write_all(&[0x40, 4, id[0], id[1], code, 0])
            .await
            .unwrap();
    }
    let (denied, large) = both.await.unwrap();
    let (denied, large) = (denied.unwrap_err(), large.unwrap_err());
    assert!(
        matches!(denied, LinkError::Refused(ReasonCode::NotAuthorized)),
        "{denied:?}"
    );
    assert!(!denied.is_for_good());
    assert!(large.is_for_good(), "{large:?}");
}

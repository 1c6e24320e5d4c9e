//! Clients that take their time, and those that come many at once: each test holds connections until nginx ends them.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};

use crate::NOBODY_THERE;
use crate::edge::Edge;

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// `client_header_timeout` and `client_body_timeout`, and what a busy machine needs besides.
const TOO_LONG: Duration = Duration::from_secs(24);
const DRIP: Duration = Duration::from_secs(1);

/// What nginx says in the end, and when it hung up; a letter is sent every second meanwhile.
fn dripping(mut stream: Tls, letter: &[u8]) -> (String, Duration) {
    let started = Instant::now();
    stream.sock.set_read_timeout(Some(DRIP)).unwrap();
    let (mut said, mut chunk) = (Vec::new(), [0; 1024]);
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => said.extend_from_slice(chunk.get(..count).unwrap()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                assert!(started.elapsed() < TOO_LONG, "nginx waits on");
                if !letter.is_empty() && stream.write_all(letter).is_err() {
                    break;
                }
            }
            // Reset, or ended without a TLS goodbye.
            Err(_) => break,
        }
    }
    let said = String::from_utf8_lossy(&said).into_owned();
    (said, started.elapsed())
}

#[test]
fn slow_clients_are_cut_off() {
    let edge = Edge::start(NOBODY_THERE);
    let connect = || edge.connect(rustls::ALL_VERSIONS);
    thread::scope(|scope| {
        // A head that never ends, however busily it is written.
        let mut head = connect();
        head.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
            .unwrap();
        let head = scope.spawn(|| dripping(head, b"x"));
        // A body that does not come.
        let mut body = connect();
        body.write_all(
            b"POST /espi/notification HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\nx",
        )
        .unwrap();
        let body = scope.spawn(|| dripping(body, b""));
        // A connection that never says anything, not even hello.
        let silent = edge.tcp();
        let silent = scope.spawn(move || {
            let (mut silent, started) = (silent, Instant::now());
            silent.set_read_timeout(Some(TOO_LONG)).unwrap();
            let read = silent.read(&mut [0; 64]);
            assert!(!matches!(read, Ok(1..)), "{read:?}");
            started.elapsed()
        });
        let (_, took) = head.join().unwrap();
        assert!(took > Duration::from_secs(10), "cut off after {took:?}");
        let (said, took) = body.join().unwrap();
        assert!(
            took > Duration::from_secs(10),
            "cut off after {took:?}: {said}"
        );
        assert!(silent.join().unwrap() < TOO_LONG);
    });
    assert_eq!(edge.get("/nowhere").status, 404, "and it goes on serving");
}

/// One address has 64 requests under way, and no more.
#[test]
fn one_address_has_so_many_requests_at_once() {
    let edge = Edge::start(NOBODY_THERE);
    let begin = || {
        let mut stream = edge.connect(rustls::ALL_VERSIONS);
        stream
            .write_all(
                b"POST /espi/notification HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
            )
            .unwrap();
        stream
    };
    let held: Vec<Tls> = (0..64).map(|_| begin()).collect();
    // Its rate allows a burst of 200, so a refusal among so few is one for too many at once.
    let until = |status: u16| {
        let mut answers = (0..100).map(|_| edge.get("/api/v1/permissions"));
        let found = answers.find(|answer| answer.status == status);
        found.unwrap_or_else(|| panic!("never {status}"))
    };
    assert!(until(429).header("retry-after").is_some());
    drop(held);
    until(502);
}

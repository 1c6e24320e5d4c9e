//! What stands behind nginx in these tests.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;

use crate::edge::{listener, port};

/// A stand-in for `smd-auth`: answers every request with a page, and hands over what it was sent.
pub(crate) struct Upstream {
    pub(crate) address: String,
    /// Head of each request, as it arrived.
    pub(crate) requests: mpsc::Receiver<String>,
    /// For `/status/{ticket}/events`: the answer sends one event, and ends when this is dropped or sent to.
    pub(crate) end_of_events: mpsc::Sender<()>,
}

impl Upstream {
    /// Listens on a port of its own until the test's process ends.
    pub(crate) fn start() -> Self {
        let listener = listener();
        let address = format!("127.0.0.1:{}", port(&listener));
        let (sender, requests) = mpsc::channel();
        let (end_of_events, end) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let head = answer(stream.unwrap(), &end);
                if sender.send(head).is_err() {
                    return;
                }
            }
        });
        Self {
            address,
            requests,
            end_of_events,
        }
    }
}

fn answer(mut stream: TcpStream, end: &mpsc::Receiver<()>) -> String {
    let mut head = String::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while !head.ends_with("\r\n\r\n") {
        assert!(
            reader.read_line(&mut head).unwrap() > 0,
            "request ended early: {head}"
        );
    }
    let declared = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    let length = declared.map_or(0, |length| length.parse().unwrap());
    io::copy(&mut reader.take(length), &mut io::sink()).unwrap();
    let kind = if head.contains("/events ") {
        "text/event-stream"
    } else {
        "text/html"
    };
    // As the permission page does for the sites that may frame it.
    let policy = if head
        .lines()
        .next()
        .is_some_and(|line| line.contains("embed=1"))
    {
        "Content-Security-Policy: default-src 'none'; frame-ancestors https://party.example\r\n"
    } else {
        ""
    };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: {kind}\r\nX-Frame-Options: SAMEORIGIN\r\n{policy}\
         X-Powered-By: something\r\n\r\ndata: from the service\n\n"
    )
    .unwrap();
    if kind == "text/event-stream" {
        let _ended = end.recv();
    }
    head
}

//! A webhook's receiver that accepts two secrets, as `docs/operating.md` asks for while one is changed.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The older and the newer secret.
pub(crate) const SECRETS: [&str; 2] = [
    "the older of two secrets, long enough",
    "the newer of two secrets, long enough",
];

/// Keeps the id of each event, and with which of the secrets it was signed.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    taken: Arc<Mutex<Vec<(i64, usize)>>>,
}

impl Receiver {
    /// Listens until the process ends.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let it = Self {
            url: format!("http://{}/", listener.local_addr().unwrap()),
            taken: Arc::default(),
        };
        let shared = it.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                shared.answer(stream);
            }
        });
        it
    }

    /// Event ids with the number of their secret, in the order in which they came.
    pub(crate) fn taken(&self) -> Vec<(i64, usize)> {
        self.taken.lock().unwrap().clone()
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            // Whoever goes away early has said nothing.
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
                None if line.trim_end().is_empty() => break,
                None => {}
            }
        }
        let header = |wanted: &str| {
            let found = headers.iter().find(|(name, _)| name == wanted);
            found
                .unwrap_or_else(|| panic!("no {wanted}: {headers:?}"))
                .1
                .clone()
        };
        let mut body = vec![0; header("content-length").parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let signed_by = SECRETS.iter().position(|secret| {
            let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
            let mac = mac
                .chain_update(header("metergate-timestamp"))
                .chain_update(b".")
                .chain_update(&body);
            let digest = mac.finalize().into_bytes().into_iter();
            let hex = digest.fold("v1=".to_owned(), |text, byte| format!("{text}{byte:02x}"));
            hex == header("metergate-signature")
        });
        let signed_by = signed_by.unwrap_or_else(|| panic!("signed with neither secret"));
        let id = header("metergate-event-id").parse().unwrap();
        self.taken.lock().unwrap().push((id, signed_by));
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .unwrap();
    }
}

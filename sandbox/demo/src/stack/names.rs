//! A name server that knows one thing: whatever is asked for has two addresses, of the first and of the second
//! replica. nginx asks it, as it asks the one of containers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::settings::HttpPorts;

/// Where the first and the second replica of a service listen, on the same port.
pub(super) const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)];

/// How often it looks whether it is over.
const LOOK: Duration = Duration::from_millis(100);
/// Where a question begins in a message.
const QUESTION: usize = 12;
/// Question types: an IPv4 address.
const TYPE_A: [u8; 2] = [0, 1];

/// The server; dropping it ends it.
#[derive(Debug)]
pub(super) struct Names {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Names {
    /// Serves on a free port.
    pub(super) fn serve() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(LOOK))?;
        let (address, over) = (socket.local_addr()?, Arc::new(AtomicBool::new(false)));
        let is_over = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 512];
            while !is_over.load(Ordering::Relaxed) {
                if let Ok((length, asker)) = socket.recv_from(&mut buffer)
                    && let Some(answer) = buffer.get(..length).and_then(answer)
                {
                    // Who gets no answer asks again.
                    let _sent: io::Result<usize> = socket.send_to(&answer, asker);
                }
            }
        });
        Ok(Self {
            address,
            over,
            thread: Some(thread),
        })
    }

    /// What nginx's templates are told.
    pub(super) fn variables(&self, ports: &HttpPorts) -> Vec<(String, String)> {
        let upstream = |name: &str, port: u16| format!("{name}.replicas:{port}");
        [
            ("NGINX_RESOLVER", self.address.to_string()),
            (
                "NGINX_SMD_AUTH",
                upstream("smd-auth", ports.smd_auth.port()),
            ),
            (
                "NGINX_AIIDA_PERMISSION",
                upstream("aiida-permission", ports.aiida_permission.port()),
            ),
            (
                "NGINX_AIIDA_STREAM",
                upstream("aiida-stream", ports.aiida_stream.port()),
            ),
            ("NGINX_CONSOLE", upstream("console", ports.console.port())),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has nothing to say.
            let _: std::thread::Result<()> = thread.join();
        }
    }
}

/// The answer to a message with one question (RFC 1035, section 4); none to anything else.
fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let id = question.get(..2)?;
    let labels = question.get(QUESTION..)?;
    let end = QUESTION + labels.iter().position(|byte| *byte == 0)? + 1;
    let asked = question.get(QUESTION..end + 4)?;
    let wants_address = question.get(end..end + 2)? == TYPE_A;
    let addresses = if wants_address { &ADDRESSES[..] } else { &[] };
    let mut answer = id.to_vec();
    // An answer, recursion available; one question, so many answers.
    answer.extend([
        0x81,
        0x80,
        0,
        1,
        0,
        u8::try_from(addresses.len()).ok()?,
        0,
        0,
        0,
        0,
    ]);
    answer.extend(asked);
    for address in addresses {
        // The name is that of the question; type A, class IN, good for 5 seconds, four bytes.
        answer.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4]);
        answer.extend(address.octets());
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(kind: u8) -> Vec<u8> {
        let mut question = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        question.extend(b"\x08smd-auth\x08replicas\0");
        question.extend([0, kind, 0, 1]);
        question
    }

    #[test]
    fn a_name_has_two_addresses() {
        let answer = answer(&question(1)).unwrap();
        assert_eq!(answer[..2], [7, 9]);
        assert_eq!(answer[6..8], [0, 2]);
        assert!(answer.ends_with(&[127, 0, 0, 2]));
        assert!(answer.windows(4).any(|four| four == [127, 0, 0, 1]));
    }

    #[test]
    fn of_the_sixth_version_it_has_none() {
        let answer = answer(&question(28)).unwrap();
        assert_eq!(answer[6..8], [0, 0]);
        assert_eq!(super::answer(b"nonsense"), None);
    }

    #[test]
    fn who_asks_is_answered() {
        let names = Names::serve().unwrap();
        let asker = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        asker
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        asker.send_to(&question(1), names.address).unwrap();
        let mut buffer = [0; 512];
        assert!(asker.recv(&mut buffer).unwrap() > 40);
    }
}

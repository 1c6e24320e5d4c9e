//! TCP ports that nobody listens on, and that nobody else is given.
//!
//! A port that merely was free a moment ago may be gone when a server wants it: an outgoing connection takes it, a
//! server on port 0, or another test. So these lie below the range that the kernel takes from by itself, and are
//! reserved machine-wide: the UDP port of the same number, which nothing here uses, is held as a lock.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Where the kernel takes ports from when it is not said.
const EPHEMERAL: &str = "/proc/sys/net/ipv4/ip_local_port_range";
/// How many ports below those are ours.
const PORTS: u16 = 12_000;
/// Where they would begin otherwise.
const DEFAULT_EPHEMERAL: u16 = 32_768;

/// What this process has reserved; its end, in whatever way, gives everything back.
static RESERVED: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());

/// A TCP port of the loopback on which nobody listens. Until this process ends, it is given to nobody else.
///
/// # Panics
/// When all are taken.
#[must_use]
#[expect(clippy::panic, reason = "no test can go on without a port")]
pub fn free() -> u16 {
    let range = ours();
    // Elsewhere in each process, so that they seldom try the same.
    let first = std::process::id() % u32::from(PORTS);
    let first = u16::try_from(first).unwrap_or_default() + range.start;
    let mut candidates = (first..range.end).chain(range.start..first);
    match candidates.find_map(reserve) {
        Some((port, lock)) => {
            let mut reserved = RESERVED.lock().unwrap_or_else(PoisonError::into_inner);
            reserved.push(lock);
            port
        }
        None => panic!("no free port on 127.0.0.1 between {range:?}"),
    }
}

fn reserve(port: u16) -> Option<(u16, UdpSocket)> {
    let lock = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
    // On all addresses: a server that listens on one of them is in the way as well.
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).ok()?;
    Some((port, lock))
}

fn ours() -> Range<u16> {
    let text = fs::read_to_string(EPHEMERAL).unwrap_or_default();
    let begins = text.split_whitespace().next();
    let end = begins.and_then(|number| number.parse().ok());
    // A range that leaves no room below it: then there are ports above.
    let end = end
        .filter(|end| *end > PORTS + 1_024)
        .unwrap_or(DEFAULT_EPHEMERAL);
    end - PORTS..end
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn a_free_port_can_be_listened_on() {
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, free())).is_ok());
    }

    #[test]
    fn nobody_is_given_the_same_port() {
        let threads: Vec<_> = (0..8)
            .map(|_| std::thread::spawn(|| (0..25).map(|_| free()).collect::<Vec<_>>()))
            .collect();
        let ports: Vec<u16> = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 8 * 25);
        // Another process would look in the same way.
        assert!(ports.iter().all(|port| reserve(*port).is_none()));
    }

    #[test]
    fn neither_outgoing_connections_nor_servers_on_port_0_take_them() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let SocketAddr::V4(address) = listener.local_addr().unwrap() else {
            panic!("an address of another family");
        };
        let range = ours();
        assert!(
            !range.contains(&address.port()),
            "{address} is in {range:?}"
        );
        assert!(range.contains(&free()));
    }

    #[test]
    fn a_port_with_a_server_is_not_given() {
        let port = free();
        RESERVED
            .lock()
            .unwrap()
            .retain(|lock| lock.local_addr().unwrap().port() != port);
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(reserve(port).is_none());
        drop(server);
    }
}

//! Ports that nobody listens on.

use std::net::{Ipv4Addr, TcpListener};

/// A TCP port of the loopback that was free a moment ago.
///
/// Somebody else may take it before the caller does; what can listen on port 0 and tell the port
/// should do that instead.
///
/// # Panics
/// When the machine has no free port.
#[must_use]
#[expect(clippy::panic, reason = "no test can go on without a port")]
pub fn free() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    match listener.and_then(|listener| listener.local_addr()) {
        Ok(address) => address.port(),
        Err(error) => panic!("no free port on 127.0.0.1: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_can_be_listened_on() {
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, free())).is_ok());
    }
}

//! The connection a request came on, to be cut.

use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;

/// A second handle on the connection's socket.
#[derive(Debug)]
pub(crate) struct Line(TcpStream);

impl Line {
    /// Of this socket; `None` when the system gives no second handle.
    pub(crate) fn of(socket: impl AsFd) -> Option<Self> {
        let socket = socket.as_fd().try_clone_to_owned().ok()?;
        Some(Self(TcpStream::from(socket)))
    }

    /// A handle for a task of its own.
    pub(crate) fn again(&self) -> Option<Self> {
        self.0.try_clone().ok().map(Self)
    }

    /// Cuts the connection in both directions, without TLS's word of goodbye. What was handed to the
    /// system before still arrives.
    pub(crate) fn cut(&self) {
        if let Err(error) = self.0.shutdown(Shutdown::Both) {
            tracing::debug!(%error, "the connection was gone before it was cut");
        }
    }
}

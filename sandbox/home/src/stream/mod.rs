//! A permission's life after the yes: one task with the first connection (records out, commands
//! in, status), and for inbound needs a second one with a connection of its own.

mod connection;
mod control;
mod inbound;
mod ledger;
mod link;
mod outbox;
mod shared;
mod streamer;

pub use connection::ConnectFailure;
pub(crate) use connection::{Settings, try_once};
pub(crate) use inbound::receive;
pub(crate) use ledger::Ledger;
pub use ledger::Sent;
pub(crate) use link::{Link, Pace};
pub use outbox::Record;
pub(crate) use shared::{Mode, ReportCell, Shared};
pub(crate) use streamer::{Order, Streamer};

/// What came of an attempt to connect again with the same credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reconnection {
    /// The broker let it in (or it is in): the credentials still work.
    Connected,
    /// The broker refused it with this reason code (134: bad user name or password, 135: not
    /// authorised).
    Refused(u8),
    /// No answer from the broker.
    Unreachable(String),
}

//! A connection that comes back by itself after it was up once.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use paho_mqtt::{Event, Message};
use tokio::time::Instant;

use super::ConnectFailure;
use super::connection::{Connection, Settings, reason_code};

/// How quickly a lost connection is tried again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

/// What happens on a link.
pub(crate) enum LinkEvent {
    /// The connection is up and subscribed; or the broker refused the subscription.
    Up { subscription: Result<(), u8> },
    /// A message came.
    Message(Message),
    /// The connection is lost; with the reason code when the broker gave one.
    Down { reason: Option<u8> },
    /// An attempt to come back failed; the next one follows.
    Failed(ConnectFailure),
}

type Attempt = Pin<Box<dyn Future<Output = Result<Established, ConnectFailure>> + Send>>;

/// A connection that was just made.
pub(crate) struct Established {
    connection: Connection,
    /// When the broker let it in.
    pub(crate) connected_at: Instant,
    pub(crate) subscription: Result<(), u8>,
}

enum State {
    Up(Connection),
    Connecting(Attempt),
    Waiting(Instant),
    Held,
}

/// A connection that comes back by itself, subscribed to one filter.
pub(crate) struct Link {
    settings: Settings,
    filter: String,
    pace: Pace,
    delay: Duration,
    state: State,
}

impl Link {
    /// The first connect, which is not repeated.
    pub(crate) async fn first(
        settings: Settings,
        filter: &str,
        pace: Pace,
    ) -> Result<(Self, Instant, Result<(), u8>), ConnectFailure> {
        let made = establish(settings.clone(), filter.to_owned()).await?;
        let link = Self {
            settings,
            filter: filter.to_owned(),
            pace,
            delay: pace.first,
            state: State::Up(made.connection),
        };
        Ok((link, made.connected_at, made.subscription))
    }

    /// The connection, while there is one.
    pub(crate) const fn connection(&self) -> Option<&Connection> {
        match &self.state {
            State::Up(connection) => Some(connection),
            State::Connecting(_) | State::Waiting(_) | State::Held => None,
        }
    }

    /// The next event. Nothing is lost when the future is dropped before it is done.
    pub(crate) async fn next(&mut self) -> LinkEvent {
        loop {
            match &mut self.state {
                State::Held => std::future::pending().await,
                State::Waiting(until) => {
                    tokio::time::sleep_until(*until).await;
                    let attempt = establish(self.settings.clone(), self.filter.clone());
                    self.state = State::Connecting(Box::pin(attempt));
                }
                State::Connecting(attempt) => {
                    let outcome = attempt.await;
                    return self.attempted(outcome);
                }
                State::Up(connection) => match connection.next().await {
                    Some(Event::Message(message)) => return LinkEvent::Message(message),
                    Some(Event::Connected) => {}
                    Some(Event::Disconnected {
                        reason_code: code, ..
                    }) => {
                        return self.lost(Some(reason_code(code)));
                    }
                    Some(Event::ConnectionLost) => {
                        let reason = reason_behind(connection);
                        return self.lost(reason);
                    }
                    Some(Event::Shutdown) | None => return self.lost(None),
                },
            }
        }
    }

    /// Leaves and stays away until [`resume`](Self::resume).
    pub(crate) async fn hold(&mut self) {
        let before = std::mem::replace(&mut self.state, State::Held);
        if let State::Up(connection) = before {
            connection.close().await;
        }
    }

    /// Comes back at once.
    pub(crate) fn resume(&mut self) {
        if matches!(self.state, State::Held) {
            self.delay = self.pace.first;
            self.state = State::Waiting(Instant::now());
        }
    }

    fn attempted(&mut self, outcome: Result<Established, ConnectFailure>) -> LinkEvent {
        match outcome {
            Ok(made) => {
                self.delay = self.pace.first;
                self.state = State::Up(made.connection);
                LinkEvent::Up {
                    subscription: made.subscription,
                }
            }
            Err(failure) => {
                self.delay = self.delay.saturating_mul(2).min(self.pace.longest);
                self.state = State::Waiting(Instant::now() + self.delay);
                LinkEvent::Failed(failure)
            }
        }
    }

    fn lost(&mut self, reason: Option<u8>) -> LinkEvent {
        self.state = State::Waiting(Instant::now() + self.delay);
        LinkEvent::Down { reason }
    }
}

async fn establish(settings: Settings, filter: String) -> Result<Established, ConnectFailure> {
    let connection = Connection::open(&settings).await?;
    let connected_at = Instant::now();
    let subscribing = connection.subscribe(&filter);
    let subscription = tokio::time::timeout(settings.timeout, subscribing).await;
    let subscription = subscription.map_err(|_| ConnectFailure::Late {
        uri: settings.uri.clone(),
        waited: settings.timeout,
    })?;
    Ok(Established {
        connection,
        connected_at,
        subscription,
    })
}

/// The reason of a DISCONNECT that came along with the loss.
fn reason_behind(connection: &Connection) -> Option<u8> {
    std::iter::from_fn(|| connection.pending()).find_map(|event| match event {
        Event::Disconnected {
            reason_code: code, ..
        } => Some(reason_code(code)),
        Event::Connected | Event::Message(_) | Event::ConnectionLost | Event::Shutdown => None,
    })
}
